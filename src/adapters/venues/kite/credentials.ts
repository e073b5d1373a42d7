// What is stored of an account at Kite.
import { z } from 'zod';
import { egressSecrets } from '../../../ports/vault.ts';

const token = z.string().regex(/^[\x21-\x7e]+$/);

/** What its client reads of it. The secret serves the login and the postbacks, the token everything else. */
export const kiteCredentials = z.object({
  apiKey: token,
  apiSecret: token.nullish(),
  accessToken: token.nullish(),
  /** When the token dies, in milliseconds; not known: what the venue answers decides. */
  accessUntilMs: z.int().nullish(),
});

/**
 * All of it, with whose account it is to be: a login of somebody else opens nothing. Unknown fields are refused: a
 * mistyped one would be missed in vain.
 */
export const kiteRecord = z.strictObject({
  ...kiteCredentials.shape,
  clientId: z.string().regex(/^[A-Z0-9]{2,20}$/, 'must be the client id at Zerodha, such as AB1234'),
  apiSecret: token,
  ...egressSecrets.shape,
});
