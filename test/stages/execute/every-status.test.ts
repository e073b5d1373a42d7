import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { isTerminal, type OrderStatus, orderStatuses } from '../../../src/domain/order.ts';
import type { Settlement } from '../../../src/ports/store/orders.ts';
import { closeOverdue } from '../../../src/stages/accept/close-abandoned.ts';
import { MAX_LOOKUPS } from '../../../src/stages/execute/outcome.ts';
import {
  acceptAll,
  decideAll,
  openTestRun,
  sendAll,
  settle,
  settlement,
  take,
} from '../../contract/support/test-run.ts';
import { user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestDatabase } from '../../support/postgres.ts';
import { type RestingOrderScene, restingOrderScene } from '../support/resting-order.ts';

let database: TestDatabase;
let resting: RestingOrderScene;
beforeAll(async () => {
  database = await freshPostgres();
});
beforeEach(async () => {
  resting = await restingOrderScene(database);
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

async function sent(venueStatus: Settlement['venueStatus'], fills: Settlement['fills'] = []): Promise<void> {
  const [{ orderId = 0 } = {}] = await sendAll(resting.store);
  const nowMs = resting.clock.nowMs();
  await settle(resting.store, [settlement(orderId, venueStatus, { fills, nextLookupMs: nowMs })], nowMs);
}

/** How an order comes to each status; whoever brought it there is gone then. */
const brought: Partial<Record<OrderStatus, () => Promise<unknown>>> = {
  queued: async () => undefined,
  async submitting() {
    await take(resting.store, 'gone', { leaseMs: -1 });
  },
  unknown: () => sent('unknown'),
  working: () => sent('working'),
  partially_filled: () => sent('partially_filled', [resting.fill(4)]),
};

test.each(orderStatuses.filter((status) => !isTerminal(status)))(
  'left behind as %s, an order ends by a worker of the next day, or is left to a person and ends by their word',
  async (status) => {
    const testRun = await openTestRun(resting.store, { users: [user('asha')] });
    // What is queued is so in a plan that nobody ended.
    await (status === 'queued' ? acceptAll(testRun) : decideAll(testRun));
    await brought[status]?.();
    expect(await resting.order()).toMatchObject({ status });
    resting.book = null;
    resting.at('2025-08-29', '08:30');
    await closeOverdue(resting.world);
    await resting.rounds(2 * MAX_LOOKUPS);
    if (status === 'queued') {
      expect(await resting.order()).toMatchObject({ status: 'expired', reason: 'not_sent_in_time' });
    } else {
      expect(await resting.order()).toMatchObject({ left: true });
      expect(resting.alerts().map(([type]) => type)).toEqual(['order_needs_person']);
      expect(await resting.resolve('canceled')).toMatchObject({ kind: 'resolved', status: 'canceled' });
    }
    expect(await resting.money()).toMatchObject({ held: 0 });
    expect(await resting.store.call('count_unfinished', {})).toMatchObject({ orders: 0 });
    await resting.store.call('finish_runs', { nowMs: resting.clock.nowMs() });
    expect(await database.session.query('select state from public.scan_runs')).toEqual([{ state: 'done' }]);
  },
);
