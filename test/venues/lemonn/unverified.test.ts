import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { onScreenNotifier } from '../../../src/adapters/notifiers/on-screen.ts';
import type { PgliteDatabase } from '../../../src/adapters/store/pglite/pglite.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { reconcile } from '../../../src/stages/execute/reconcile.ts';
import { decideAll, openTestRun } from '../../contract/support/test-run.ts';
import { type LemonnExchange, openLemonnExchange } from '../../simulators/venues/lemonn-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { minuteMs, nowMs, user } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite } from '../../support/postgres.ts';

let database: PgliteDatabase;
let store: Store;
beforeAll(async () => {
  database = await freshPglite();
  store = makeStore({ call: database.call, close: async () => undefined });
});
afterAll(() => database.close());

/** One live account at Lemonn with money in it, and one order of 10 TITAN accepted and queued. */
beforeEach(async () => {
  await emptyDatabase(database.session);
  const users = [user('asha', { venue: 'lemonn' })];
  const testRun = await openTestRun(store, { mode: 'live', runId: 'XNSE:2025-08-28:open:live', users });
  await database.session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
    update public.accounts set cash_minor = 10000000, not_ready = null, checked_for = '2025-08-28'`);
  await decideAll(testRun);
});

/** What the order comes to in a quarter of an hour, and what Lemonn has of it. */
async function played(arrange: (lemonn: LemonnExchange) => void) {
  const clock = jumpingClock(nowMs);
  const lemonn = await openLemonnExchange(clock);
  const steps: AnyEvent[] = [];
  const venues = new Map([['lemonn', lemonn.venue]]);
  const rest = { quotes: { read: async () => [] }, operatorDays: async () => [], notifier: onScreenNotifier() };
  const world = { store, clock, venues, ...rest, emit: (type: AnyEvent) => void steps.push(type) };
  arrange(lemonn);
  await execute(world, 1);
  for (let minute = 0; minute < 12; minute++) {
    clock.jump(minuteMs);
    await execute(world, 1);
    await reconcile(world, 1);
  }
  await lemonn.close();
  const [order] = await database.session.query(
    `select o.status, o.reason, a.held_minor > 0 as held from public.orders o join public.accounts a on a.id = o.account_id`,
  );
  const sent = lemonn.requests.filter(({ path }) => path.endsWith('/orders')).length;
  const alerts = steps.filter(({ type }) => type === 'order_needs_person').length;
  return { ...order, sent, alerts, taken: lemonn.book().length };
}

describe('an order at Lemonn, as far as it is not known how Lemonn behaves', () => {
  test('is followed by its number where the book shows no tags', async () => {
    const end = await played((lemonn) => lemonn.hideTags());
    expect(end).toMatchObject({ status: 'filled', held: false, sent: 1, alerts: 0, taken: 1 });
  });

  test('is left to a person where the book shows no tags and no number was heard', async () => {
    const end = await played((lemonn) => {
      lemonn.hideTags();
      lemonn.next('reset');
    });
    expect(end).toEqual({
      ...{ status: 'unknown', reason: 'connection_lost', held: true, sent: 1, alerts: 1, taken: 1 },
    });
  });

  test('is unknown after a 429, not sent again, and left to a person', async () => {
    const end = await played((lemonn) => lemonn.answerNext(429, ''));
    expect(end).toEqual({
      ...{ status: 'unknown', reason: 'rate_limited', held: true, sent: 1, alerts: 1, taken: 0 },
    });
  });
});
