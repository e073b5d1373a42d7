// What is stored of an account at the made-up venue.
import { z } from 'zod';
import { egressSecrets } from '../../../src/ports/vault.ts';

export const madeUpRecord = z.strictObject({
  apiKey: z.string().regex(/^[\w-]{8,100}$/, 'must be 8 to 100 letters, digits, _ or -'),
  accessToken: z.string().nullish(),
  accessUntilMs: z.int().nullish(),
  ...egressSecrets.shape,
});
