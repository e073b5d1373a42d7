import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_LOOKUPS } from '../../../src/stages/execute/outcome.ts';
import { workOnce } from '../../../src/stages/execute-and-notify.ts';
import { decideAll, openTestRun, settle, settlement } from '../../contract/support/test-run.ts';
import { tradeDate, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { type RestingOrderScene, restingOrderScene } from '../support/resting-order.ts';

let database: TestDatabase;
let testRun: RestingOrderScene;
beforeAll(async () => {
  database = await freshPglite();
});
beforeEach(async () => {
  testRun = await restingOrderScene(database);
  await decideAll(await openTestRun(testRun.store, { users: [user('asha')] }));
  await workOnce(testRun.world, { concurrency: 1 });
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

const nextDate = '2025-08-29';
/** Nobody looked until the morning after, when the venue's book is empty. */
async function emptiedOvernight(rounds = MAX_LOOKUPS + 1): Promise<void> {
  testRun.book = null;
  testRun.at(nextDate, '08:30');
  await testRun.rounds(rounds);
}
async function filledInPart(): Promise<void> {
  testRun.book = { status: 'partially_filled', fills: [testRun.fill(4)] };
  await testRun.rounds(1);
}

describe('an order that its venue has confirmed', () => {
  test('and lists all day needs no budget of looks and wakes nobody', async () => {
    await testRun.rounds(40);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: false });
    expect(testRun.lookups).toBeGreaterThan(3 * MAX_LOOKUPS);
    expect(testRun.alerts()).toEqual([]);
  });

  test('and no longer lists is told of once in its day, looked up until that is over, and left to a person', async () => {
    testRun.book = null;
    await testRun.rounds(30);
    expect(testRun.alerts()).toEqual([['order_not_found', 'not_found_at_venue']]);
    expect(await testRun.resolve('canceled')).toEqual({ kind: 'still_looked_up' });
    testRun.at(tradeDate, '23:58');
    await testRun.rounds(5);
    expect(testRun.alerts().slice(1)).toEqual([['order_needs_person', 'not_found_after_its_day']]);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: true });
    const { lookups } = testRun;
    await testRun.rounds(5);
    expect(testRun.lookups).toBe(lookups);
    expect(testRun.alerts()).toHaveLength(2);
    expect(await testRun.store.call('count_unfinished', {})).toMatchObject({ orders: 0 });
    expect(await testRun.resolve('canceled')).toMatchObject({ kind: 'resolved', status: 'canceled' });
    expect(await testRun.money()).toEqual({ cash: 1_00_000_00, held: 0 });
  });

  test('and that nobody looked up until the next day has its looks then, before a person has it', async () => {
    await emptiedOvernight(MAX_LOOKUPS);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: false });
    await testRun.rounds(1);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: true });
  });

  test('and whose end it still tells the next day ends by itself', async () => {
    await emptiedOvernight(MAX_LOOKUPS - 2);
    testRun.book = { status: 'expired', fills: [testRun.fill(4)] };
    await testRun.rounds(1);
    expect(await testRun.order()).toMatchObject({ status: 'expired', reason: 'venue_expired', filled: 4 });
    expect(testRun.alerts()).toEqual([]);
  });

  test('and that is found again in between has its looks anew', async () => {
    testRun.book = null;
    testRun.at(tradeDate, '23:50');
    await testRun.rounds(MAX_LOOKUPS - 1);
    testRun.book = { status: 'working', fills: [] };
    await testRun.rounds(1);
    testRun.book = null;
    testRun.at(nextDate, '00:30');
    await testRun.rounds(MAX_LOOKUPS - 1);
    expect(await testRun.order()).toMatchObject({ left: false });
    await testRun.rounds(2);
    expect(await testRun.order()).toMatchObject({ left: true });
  });

  test('and calls open five days after its day is left to a person, too', async () => {
    testRun.at('2025-09-02', '12:00');
    await testRun.rounds(3);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: false });
    testRun.at('2025-09-03', '00:00');
    await testRun.rounds(2);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: true });
    expect(testRun.alerts()).toEqual([['order_needs_person', 'still_open_after_its_day']]);
  });

  test('at a venue that no process has set up any more is left to a person a day after its own', async () => {
    testRun.world = { ...testRun.world, venues: new Map() };
    testRun.at(nextDate, '23:59');
    await testRun.rounds(1, 0);
    expect(await testRun.order()).toMatchObject({ left: false });
    testRun.at('2025-08-30', '00:00');
    await testRun.rounds(1, 0);
    expect(await testRun.order()).toMatchObject({ status: 'working', left: true });
    expect(testRun.alerts()).toEqual([['order_needs_person', 'venue_not_set_up']]);
    expect(await testRun.resolve('not-placed')).toMatchObject({ kind: 'resolved', status: 'canceled' });
  });
});

describe('an order that was left to a person after its day', () => {
  test('keeps what it filled, whatever they say of the rest, and takes no price beyond its limit', async () => {
    await filledInPart();
    await emptiedOvernight();
    expect(await testRun.order()).toMatchObject({ status: 'partially_filled', filled: 4, left: true });
    const beyond = { kind: 'wrong_price', side: 'BUY', limitPriceMinor: 100_50 };
    expect(await testRun.resolve('partly', { quantity: 2, priceMinor: 100_51 })).toEqual(beyond);
    expect(await testRun.resolve('filled', { priceMinor: 200_00 })).toEqual(beyond);
    const tooMany = await testRun.resolve('partly', { quantity: 6, priceMinor: 100_00 });
    expect(tooMany).toEqual({ kind: 'wrong_quantity', quantity: 10, filledQuantity: 4 });
    expect(await testRun.resolve('canceled')).toMatchObject({ kind: 'resolved', status: 'canceled' });
    expect(await testRun.order()).toMatchObject({ status: 'canceled', reason: 'resolved_by_operator', filled: 4 });
    expect(await testRun.money()).toMatchObject({ held: 0 });
  });

  test.each([
    ['filled', { priceMinor: 100_20 }, 'filled', 10],
    ['partly', { quantity: 3, priceMinor: 100_20 }, 'canceled', 7],
    ['rejected', {}, 'canceled', 4],
    ['not-placed', {}, 'canceled', 4],
  ] as const)('is resolved as %s beside what was booked', async (as, more, status, filled) => {
    await filledInPart();
    await emptiedOvernight();
    expect(await testRun.resolve(as, more)).toMatchObject({ kind: 'resolved', status });
    expect(await testRun.order()).toMatchObject({ status, filled });
    expect(await testRun.resolve(as, more)).toEqual({ kind: 'not_unknown', status });
  });

  test('and resolved as canceled books what its venue tells later as a late fill', async () => {
    await emptiedOvernight();
    await testRun.resolve('canceled');
    const { id } = await testRun.order();
    await settle(
      testRun.store,
      [settlement(Number(id), 'filled', { fills: [testRun.fill(10)] })],
      testRun.clock.nowMs(),
    );
    expect(await testRun.order()).toMatchObject({ status: 'canceled', filled: 10, late: true });
  });

  test('is looked up anew where its venue pushes an update', async () => {
    await emptiedOvernight();
    const { id } = await testRun.order();
    const pushed = await testRun.store.call('request_lookup', { orderId: Number(id), nowMs: testRun.clock.nowMs() });
    expect(pushed).toEqual({ due: true });
    testRun.book = { status: 'filled', fills: [testRun.fill(10)] };
    await workOnce(testRun.world, { concurrency: 1 });
    expect(await testRun.order()).toMatchObject({ status: 'filled', filled: 10 });
  });

  test('stands wherever people look for what they have to do', async () => {
    await emptiedOvernight();
    const { store, clock } = testRun;
    const { name } = await testRun.order();
    const { unknownOrders } = await store.call('read_day', { tradeDate: nextDate, mode: 'paper' });
    const listed = { clientOrderId: name, status: 'working', leftToAPerson: true };
    expect(unknownOrders).toMatchObject({ count: 1, first: [listed] });
    const condition = await store.call('read_condition', { mode: 'paper', days: [], functions: [] });
    expect(condition).toMatchObject({ leftToAPerson: [name], leftCount: 1 });
    expect(await store.call('read_gauges', { days: [{ market: 'XNSE', tradeDate }] })).toMatchObject({
      leftToAPerson: 1,
    });
    const all = {
      mode: 'paper',
      currency: 'INR',
      tradeDate: nextDate,
      accountIds: null,
      afterId: 0,
      limit: 9,
    } as const;
    const [books] = await store.call('read_books', all);
    expect(books?.orders).toMatchObject([{ clientOrderId: name, leftToAPerson: true }]);
    await store.call('finish_runs', { nowMs: clock.nowMs() });
    const digests = await store.call('read_digests', { nowMs: clock.nowMs() });
    expect(digests).toMatchObject([{ unknownOrders: [name], orders: { working: 1 } }]);
  });
});
