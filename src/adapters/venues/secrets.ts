// What is stored of an account at each venue.
import { z } from 'zod';
import { egressSecrets } from '../../ports/vault.ts';
import { alpacaCredentials } from './alpaca/client.ts';
import { kiteCredentials } from './kite/client.ts';
import { lemonnCredentials } from './lemonn/client.ts';

/** Kite's, and whose account it is to be: a login of somebody else opens nothing. */
const kite = z.strictObject({
  ...kiteCredentials.shape,
  clientId: z.string().regex(/^[A-Z0-9]{2,20}$/, 'must be the client id at Zerodha, such as AB1234'),
  apiSecret: z.string().regex(/^[\x21-\x7e]+$/),
  ...egressSecrets.shape,
});

/** What is stored of an account at each venue. Unknown fields are refused: a mistyped one would be missed in vain. */
export const venueSecrets = {
  kite,
  lemonn: z.strictObject({ ...lemonnCredentials.shape, ...egressSecrets.shape }),
  alpaca: z.strictObject({ ...alpacaCredentials.shape, ...egressSecrets.shape }),
};

export type RealVenue = keyof typeof venueSecrets;

export function isRealVenue(name: string): name is RealVenue {
  return Object.hasOwn(venueSecrets, name);
}
