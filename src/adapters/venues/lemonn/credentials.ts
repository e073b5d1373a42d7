// What is stored of an account at Lemonn.
import { z } from 'zod';
import { egressSecrets } from '../../../ports/vault.ts';

const token = z.string().regex(/^[\x21-\x7e]+$/);

/**
 * What its client reads of it. `flow` is how it logs in: `access` by its own key alone, `session` by a person in the
 * browser. The private key serves the login only, the token everything else.
 */
export const lemonnCredentials = z.object({
  clientId: token,
  /** The public key, in hex. */
  apiKey: token,
  /** The 32 bytes of the Ed25519 seed, in hex. */
  privateKey: z.string().regex(/^[0-9a-fA-F]{64}$/),
  flow: z.enum(['access', 'session']),
  accessToken: token.nullish(),
  /** When the token dies, in milliseconds; not known: what the venue answers decides. */
  accessUntilMs: z.int().nullish(),
});
export type LemonnCredentials = z.infer<typeof lemonnCredentials>;

/** All of it. Unknown fields are refused: a mistyped one would be missed in vain. */
export const lemonnRecord = z.strictObject({ ...lemonnCredentials.shape, ...egressSecrets.shape });
