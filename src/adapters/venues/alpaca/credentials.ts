// What is stored of an account at Alpaca.
import { z } from 'zod';
import { egressSecrets } from '../../../ports/vault.ts';

const key = z.string().regex(/^[\x21-\x7e]+$/);

/** What its client reads of it. The pair is the session: it does not end by itself. */
export const alpacaCredentials = z.object({ keyId: key, secretKey: key });
export type AlpacaKeys = z.infer<typeof alpacaCredentials>;

/** All of it. Unknown fields are refused: a mistyped one would be missed in vain. */
export const alpacaRecord = z.strictObject({ ...alpacaCredentials.shape, ...egressSecrets.shape });
