// Checks an account right after its user logged in at the venue.
import { ready } from '../../stages/accounts/readiness.ts';
import { stopped, stoppedWithin } from '../../stages/until-stopped.ts';
import type { HttpDeps } from '../deps.ts';

/** What is not known by then, the next readiness finds out. */
const CHECK_WITHIN_MS = 60_000;

/**
 * Asks whether an account whose user has just logged in can trade today, so that a login at 09:15 trades at 09:20 and does
 * not wait for the next readiness. Never throws: a login that was made stays one.
 */
export async function checkAfterLogin({ world, settings, stop }: HttpDeps, accountId: number): Promise<void> {
  const over = stoppedWithin(CHECK_WITHIN_MS, stop);
  try {
    const options = { mode: settings.mode, concurrency: 1, stop: over, accountIds: [accountId] };
    const report = await Promise.race([ready(world, options), stopped(over).then(() => null)]);
    const account = report?.accounts.find((one) => one.accountId === accountId);
    const ended = account === undefined ? 'not_checked' : account.ready ? 'ready' : 'not_ready';
    world.emit({ type: 'checked_after_login', accountId, ended, reason: account?.reason ?? null });
  } catch (error) {
    world.emit({ type: 'check_after_login_failed', accountId, error });
  }
}
