import type { TwilioSettings } from '../../src/adapters/notifiers/twilio-settings.ts';
import type { UserSettings } from '../../src/domain/types.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { NotifierPace } from '../../src/ports/world.ts';
import { openTestRun, undecided } from '../contract/support/test-run.ts';
import { nowMs, user } from '../support/builders.ts';

export const accountSid = `AC${'0'.repeat(32)}`;
export const authToken = 'token-of-the-tests';
export const publicUrl = 'https://scan.example.com';
export const contentSids = { en: `HX${'1'.repeat(32)}`, hi: `HX${'2'.repeat(32)}` };
export const reminderContentSids = { en: `HX${'4'.repeat(32)}`, hi: `HX${'5'.repeat(32)}` };
export const runId = 'XNSE:2025-08-28:open:paper';

/** Numbers that are nobody's: +9190000 and the place in the list. */
export const numberOf = (index: number): string => `+91${9_000_000_000 + index}`;
export const people = (count: number): UserSettings[] =>
  Array.from({ length: count }, (_, n) => user(`user-${n}`, { name: `User ${n}`, whatsapp: numberOf(n) }));

export const quick: NotifierPace = {
  perSecond: 10_000,
  pairPauseMs: 0,
  dailyRecipients: null,
  validForMs: 10 * 3_600_000,
  maxResends: 0,
  fallback: null,
};

export function settingsFor(baseUrl: string, change: Partial<TwilioSettings> = {}): TwilioSettings {
  const account = { accountSid, authToken, whatsappFrom: '+14155238886', smsFrom: '+14155550100' };
  const operator = { operators: [], operatorContentSid: null };
  const contents = { contentSids, reminderContentSids };
  return { ...account, ...operator, ...contents, baseUrl, publicUrl, timeoutMs: 10_000, pace: quick, ...change };
}

/** Everybody is refused the one signal, so that every summary is due at once. */
export async function decideNothing(store: Store, users: UserSettings[], ofRun = runId): Promise<void> {
  const testRun = await openTestRun(store, { users, runId: ofRun });
  for (let afterQueuePosition = 0; ; ) {
    const page = await undecided(testRun, { afterQueuePosition });
    if (page.length === 0) break;
    const decisions = page.map(({ queuePosition, accountId, settings }) => ({
      ...{
        queuePosition,
        accountId,
        signalId: testRun.signals[0]?.id ?? '',
        userId: settings.id,
        outcome: 'denied' as const,
      },
      ...{ reason: 'halted' as const, limit: null, actual: null, quantity: 0, priceMinor: 100_00 },
      ...{ limitPriceMinor: null, marginMinor: 0, chargesMinor: 0, holdMinor: 0, leverageCenti: 100 },
      ...{ product: null, rateId: null, clientOrderId: null },
    }));
    await store.call('accept_page', { runId: ofRun, nowMs, decisions });
    afterQueuePosition = page.at(-1)?.queuePosition ?? 0;
  }
  await store.call('decide_run', { runId: ofRun, nowMs });
}
