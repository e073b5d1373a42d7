// Stores the session that a login made, beside what was stored of the account before.
import type { z } from 'zod';
import type { LoginEnd, RecordOwner, Vault } from '../../ports/vault.ts';

const MAX_ATTEMPTS = 5;

/** A session that was just made. */
export interface NewSession {
  accessToken: string;
  accessUntilMs: number | null;
}

/**
 * Puts a new session into an account's record. Written only over what was read, so that a change made meanwhile (another
 * proxy, a new master key) is not undone; then it is read again.
 */
export async function storeSession<T extends object>(
  vault: Vault,
  owner: RecordOwner,
  shape: z.ZodType<T>,
  session: NewSession,
): Promise<LoginEnd> {
  const { accessToken, accessUntilMs } = session;
  for (let tries = 0; tries < MAX_ATTEMPTS; tries++) {
    const opened = await vault.read(owner);
    const read = shape.safeParse(opened?.secrets);
    if (!opened || !read.success) return { kind: 'not_connected' };
    const written = await vault.write(owner, { ...read.data, accessToken, accessUntilMs }, opened.version);
    if (written === 'stored') return { kind: 'open', untilMs: accessUntilMs };
  }
  return { kind: 'unreadable', reason: 'credentials_keep_changing' };
}
