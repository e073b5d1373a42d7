import { expect, test } from 'vitest';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  accepted,
  cutOffMs,
  decideAll,
  openTestRun,
  sendOne,
  settle,
  settlement,
  type TestRun,
  undecided,
} from '../support/test-run.ts';

// A user's own limits are looked at once more where the account is locked: whatever decided, and however old it is.
onEveryDatabase('daily limits', ({ store, session, breaks }) => {
  /** Everything decided as accepted, then the account is changed, then the page is accepted. */
  async function race(testRun: TestRun, change: string): Promise<void> {
    const page = await undecided(testRun);
    const decisions = page.flatMap((account) => testRun.signals.map((of) => accepted(testRun, account, of)));
    await session.exec(`update public.accounts set ${change}`);
    await store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
  }
  const stored = async (runId: string) => {
    const rows = await session.query(
      `select concat_ws(' ', coalesce(reason, outcome), limit_value, actual_value) as result from public.decisions
       where run_id = $1 order by position, queue_position`,
      [runId],
    );
    return rows.map(({ result }) => result);
  };
  const on = (runId: string, symbol: string) => openTestRun(store, { runId, signals: [signal(symbol)] });

  test('deny what goes beyond the orders of a day or the value of one', async () => {
    const signals = [signal('TITAN'), signal('INFY', { rank: 2 }), signal('SBIN', { rank: 3 })];
    const testRun = await openTestRun(store, { signals });
    await race(testRun, 'max_orders_per_day = 2');
    expect(await stored(testRun.runId)).toEqual(['accepted', 'accepted', 'max_orders_per_day 2 2']);
    // A second run of the day finds the first one's orders.
    // 10 at 100.00, which may cost 100.50 each.
    await race(await on('later', 'ITC'), 'max_orders_per_day = 3, max_order_value_minor = 100499');
    expect(await stored('later')).toEqual(['max_order_value 1004.99 1005.00']);
    await race(await on('last', 'WIPRO'), 'max_orders_per_day = 2, max_order_value_minor = null');
    expect(await stored('last')).toEqual(['max_orders_per_day 2 2']);
  });

  test('never refuse a sale', async () => {
    await on('before', 'LT');
    const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'LT', tradeDate };
    await store.call('import_holdings', {
      holdings: [{ ...holding, quantity: 10, priceMinor: 1, reference: 'h' }],
      nowMs,
    });
    const sale = await openTestRun(store, { runId: 'sale', signals: [signal('LT', { side: 'SELL' })] });
    await race(sale, 'max_orders_per_day = 0, max_order_value_minor = 1');
    expect(await stored('sale')).toEqual(['accepted']);
  });

  test('count what was sent, whatever became of it, and nothing that never was, nor another day’s', async () => {
    const first = await openTestRun(store);
    await decideAll(first);
    await store.call('sweep_orders', { nowMs: cutOffMs + 3 * minuteMs, onlyProcess: false });
    await race(await on('second', 'INFY'), 'max_orders_per_day = 1');
    expect(await stored('second'), 'the first has expired unsent').toEqual(['accepted']);

    await store.call('decide_run', { runId: 'second', nowMs });
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'rejected')]);
    await race(await on('third', 'SBIN'), 'max_orders_per_day = 1');
    expect(await stored('third'), 'the second was rejected by its venue').toEqual(['max_orders_per_day 1 1']);

    await session.exec("update public.scan_runs set trade_date = trade_date - 1 where id = 'second'");
    breaks('a run is opened, decided and done in this order, on its day');
    await race(await on('fourth', 'ITC'), 'max_orders_per_day = 1');
    expect(await stored('fourth')).toEqual(['accepted']);
  });

  test('do not count what was tried, and is known not to have reached its venue', async () => {
    const first = await openTestRun(store);
    await decideAll(first);
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'queued', { reason: 'not_connected' })]);
    await race(await on('open', 'INFY'), 'max_orders_per_day = 1');
    expect(await stored('open'), 'it may still go').toEqual(['max_orders_per_day 1 1']);
    await store.call('sweep_orders', { nowMs: cutOffMs + 3 * minuteMs, onlyProcess: false });
    await race(await on('over', 'SBIN'), 'max_orders_per_day = 1');
    expect(await stored('over')).toEqual(['accepted']);

    await store.call('decide_run', { runId: 'over', nowMs });
    const { orderId: lost } = await sendOne(store, 'claim-2');
    await settle(store, [settlement(lost, 'unknown')]);
    await settle(store, [settlement(lost, 'rejected', { reason: 'never_reached_venue' })]);
    await race(await on('after', 'ITC'), 'max_orders_per_day = 1');
    expect(await stored('after')).toEqual(['accepted']);
  });

  test('hold when several runs accept at the same time', async () => {
    const users = [user('asha', { maxOrdersPerDay: 2 })];
    const scenes: TestRun[] = [];
    for (const symbol of ['TITAN', 'INFY', 'SBIN', 'ITC']) {
      scenes.push(await openTestRun(store, { runId: symbol, signals: [signal(symbol)], users }));
    }
    await Promise.all(scenes.map((testRun) => acceptAll(testRun)));
    const outcomes = (await Promise.all(scenes.map(({ runId }) => stored(runId)))).flat();
    expect(outcomes.toSorted()).toEqual(['accepted', 'accepted', 'max_orders_per_day 2 2', 'max_orders_per_day 2 2']);
  });
});
