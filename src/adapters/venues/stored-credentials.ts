// Opens what is stored of an account for one request to its venue.
import type { z } from 'zod';
import type { AccountAtVenue, CredentialsOf } from '../../ports/venue.ts';

/** What is stored for an account, or why nothing can be sent to its venue now. */
export type Stored<T> =
  | { kind: 'stored'; value: T }
  | { kind: 'no_session'; reason: 'not_connected' | 'credentials_unreadable' }
  | { kind: 'not_sent'; reason: 'credentials_unavailable' };

/** The account's credentials as a venue needs them, decrypted for this one use. It never throws. */
export async function storedFor<T>(
  credentials: CredentialsOf,
  account: AccountAtVenue,
  schema: z.ZodType<T>,
): Promise<Stored<T>> {
  let stored: unknown;
  try {
    stored = await credentials(account);
  } catch {
    // Whatever it was, nothing has been sent; and its text may hold what must not be kept.
    return { kind: 'not_sent', reason: 'credentials_unavailable' };
  }
  if (stored === null || stored === undefined) return { kind: 'no_session', reason: 'not_connected' };
  const read = schema.safeParse(stored);
  return read.success ? { kind: 'stored', value: read.data } : { kind: 'no_session', reason: 'credentials_unreadable' };
}
