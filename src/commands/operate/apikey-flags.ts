// The flags of `npm run apikey`, for users' keys and for those of signal sources.

export interface ApikeyFlags {
  role?: string;
  user?: string;
  label?: string;
  scope?: string;
  source?: string;
  strategies?: string;
  perDay?: string;
  enabled?: string;
  expires?: string;
  key?: string;
  by?: string;
  json?: boolean;
}
