// The ports to stored credentials and to logins at venues.
import { z } from 'zod';
import type { Mode } from '../domain/types.ts';

/** The account a sealed record belongs to: it opens for no other. */
export interface RecordOwner {
  accountId: number;
  venue: string;
  mode: Mode;
}

/** The way out of an account, beside whatever its venue wants stored; it may hold a password. */
export const egressSecrets = z.object({
  proxyUrl: z.url({ protocol: /^https?$/, error: 'must be http://USER:PASSWORD@HOST:PORT' }).nullish(),
  /** Its operator says that this machine's own address is the one registered for the account. */
  addressConfirmed: z.boolean().nullish(),
});

/** Opened for one use. `version` says which record it was, for who writes it back changed. */
export interface Opened {
  userId: string;
  secrets: unknown;
  version: string;
}

/** Where the secrets of accounts at venues lie. What is read here is used once and kept by nobody. */
export interface Vault {
  /**
   * null: nothing is stored.
   * @throws VaultError when the record does not open; DatabaseError
   */
  read(owner: RecordOwner): Promise<Opened | null>;
  /** `replaces`: the version that was read; null: whatever is there. `changed`: somebody else wrote in between. */
  write(
    owner: RecordOwner,
    secrets: unknown,
    replaces: string | null,
  ): Promise<'stored' | 'changed' | 'no_such_account'>;
}

/** A record does not open: another master key, or not the record of this account. It says nothing of what is in it. */
export class VaultError extends Error {
  override name = 'VaultError';
}

/** A venue's pushes of what became of orders: they come to `/api/webhooks/VENUE`. */
export interface VenueWebhook {
  venue: string;
  /** The venue's name as people write it. */
  title: string;
  /** What every push of it looks like, for who sent another: `JSON with order_id and checksum`. */
  form: string;
}

/** What came of a login. `reason` is a short code. */
export type LoginEnd =
  | { kind: 'open'; untilMs: number | null }
  | { kind: 'not_connected' }
  | { kind: 'somebody_else' }
  | { kind: 'refused'; reason: string }
  | { kind: 'unreadable'; reason: string };

/** What a login in the browser brings back, beside the state: plain text that anybody can write. */
export interface BroughtBack {
  requestToken: string;
  /** Who logged in, where the venue says so already here. */
  clientId: string | null;
}

/** How an account gets a session at a venue; what a venue does not have is left out. */
export interface VenueLogin {
  /** Logs in by what is stored alone. `refused` with `needs_a_person`: this account's user has to do it. */
  logIn?(accountId: number): Promise<LoginEnd>;
  /**
   * Where the account's user logs in; it brings them back to us. null: nothing is stored for the account, or nobody has to
   * log in for it.
   */
  loginUrl?(accountId: number, state: string): Promise<string | null>;
  /** The login brings `state` back by itself; otherwise the user's browser has to keep it meanwhile. */
  bringsStateBack?: boolean;
  /** Makes a session of what the login brought back, and stores it. */
  finishLogin?(accountId: number, back: BroughtBack): Promise<LoginEnd>;
  /**
   * A push. Nothing of it is believed but that its order is to be looked up now. `malformed`: no push of this venue looks
   * like it; nothing was looked up.
   */
  handlePush?(raw: string): Promise<'due' | 'not_ours' | 'bad_checksum' | 'malformed'>;
}
