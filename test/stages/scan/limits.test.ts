import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import { buy, importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { messageRows, pairOutcomes, tally, venueBook } from '../support/database-state.ts';
import { fiveUsers, infy, runDay, runId, runResult, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
beforeEach(() => emptyDatabase(database.session));
afterEach(async () => expect(await violations(database.session)).toEqual([]));
afterAll(() => database.close());

async function outcomes(day: Parameters<typeof runDay>[1]) {
  const report = await runDay(store, day);
  const firstRefusal = report.decisions.find(({ outcome }) => outcome !== 'accepted');
  return { report, counts: tally(Object.values(pairOutcomes(report))), firstRefusal };
}

describe('limits over a whole run', () => {
  test('a symbol cap counts all users together, and the rest are denied with the cap and what it would have become', async () => {
    const limits = { symbolCapMinor: 2_50_000_00 };
    const { counts, firstRefusal } = await outcomes({ signals: [titan], users: fiveUsers, limits });
    expect(counts).toEqual({ filled: 2, 'denied symbol_cap': 3 });
    expect(firstRefusal).toMatchObject({ limit: '250000.00', actual: '299040.00' });
    expect(await venueBook(database.session)).toHaveLength(2);
  });

  test('a largest order value denies what is above it, never makes it smaller', async () => {
    const { counts, firstRefusal } = await outcomes({
      signals: [titan],
      users: fiveUsers,
      limits: { maxOrderValueMinor: 50_000_00 },
    });
    expect(counts).toEqual({ 'denied max_order_value': 5 });
    // What it may cost: 28 at the limit price of 3577.80, not at the quote of 3560.00.
    expect(firstRefusal).toMatchObject({ limit: '50000.00', actual: '100178.40' });
  });

  test('a user’s own limits deny what is theirs, and the others buy', async () => {
    const users = [
      importedUser('Small', { maxOrderValueMinor: 50_000_00 }),
      importedUser('Once', { maxOrdersPerDay: 1 }),
      importedUser('Never', { maxOrdersPerDay: 0 }),
      importedUser('Free', { maxOrdersPerDay: null, maxOrderValueMinor: null }),
    ];
    const outcomesByPair = pairOutcomes(await runDay(store, { signals: [titan, infy], users }));
    expect(outcomesByPair).toEqual({
      'Small TITAN': 'denied max_order_value',
      'Small INFY': 'denied max_order_value',
      'Once TITAN': 'filled',
      'Once INFY': 'denied max_orders_per_day',
      'Never TITAN': 'denied max_orders_per_day',
      'Never INFY': 'denied max_orders_per_day',
      'Free TITAN': 'filled',
      'Free INFY': 'filled',
    });
  });

  test.each([
    ['exactly 3 % up', 3666_80, { filled: 5 }],
    ['a tick more than 3 % up', 3666_90, { 'denied price_outside_band': 5 }],
    ['exactly 3 % down', 3453_20, { filled: 5 }],
    ['a tick more than 3 % down', 3453_10, { 'denied price_outside_band': 5 }],
  ])('a price %s', async (_what, open, expected) => {
    expect((await outcomes({ signals: [titan], users: fiveUsers, opens: { TITAN: open } })).counts).toEqual(expected);
  });

  test('a symbol the price source has not that day is not traded, and the other one is', async () => {
    const quotes = {
      read: async ({ nowMs }: { nowMs: number }) => {
        const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
        return [{ exchange: 'NSE', symbol: 'INFY', priceMinor: 1500_00, ...unknown, atMs: nowMs }];
      },
    };
    const { counts, report } = await outcomes({ signals: [titan, infy], users: fiveUsers, quotes });
    expect(counts).toEqual({ 'denied price_unavailable': 5, filled: 5 });
    expect(report.orders.every(({ symbol }) => symbol === 'INFY')).toBe(true);
  });

  test('a price source that fails stops the run before anything is written', async () => {
    const quotes = { read: () => Promise.reject(new Error('no prices today')) };
    await expect(runDay(store, { signals: [titan], users: fiveUsers, quotes })).rejects.toThrow('no prices today');
    expect(await database.session.query('select id from public.scan_runs')).toEqual([]);
    expect(await database.session.query('select id from public.users')).toEqual([]);
  });

  test('a signal that ends before the scan is denied, and one that ends after it is not', async () => {
    const at = (time: string) => Date.parse(`${tradeDate}T${time}+05:30`);
    const signals = [
      buy('TITAN', 1, 3560_00, { validUntilMs: at('09:20:00') }),
      buy('INFY', 2, 1500_00, { validUntilMs: at('09:30:00') }),
    ];
    expect((await outcomes({ signals, users: fiveUsers })).counts).toEqual({ 'denied signal_expired': 5, filled: 5 });
  });
});

describe('a halt', () => {
  const halt = (scope: 'all' | 'venue' | 'user', target: string) =>
    store.call('halt', { scope, target, why: 'a test', by: { who: 'tester', how: 'cli' }, nowMs: 0 });

  test('of a user denies that user’s pairs only', async () => {
    await halt('user', 'asha-rao');
    const { report, counts } = await outcomes({ signals: [titan, infy], users: fiveUsers });
    expect(counts).toEqual({ filled: 8, 'denied halted': 2 });
    expect(report.decisions.find(({ reason }) => reason === 'halted')).toMatchObject({
      userId: 'asha-rao',
      actual: 'a test',
    });
  });

  test('of the venue denies everybody, and everybody is told', async () => {
    await halt('venue', 'paper');
    expect((await outcomes({ signals: [titan], users: fiveUsers })).counts).toEqual({ 'denied halted': 5 });
    expect(await venueBook(database.session)).toEqual([]);
    expect(tally((await messageRows(database.session)).map(({ status }) => status))).toEqual({ sent: 5 });
  });

  test('of everything skips the run, and lifted in time the run is made', async () => {
    await halt('all', '');
    const report = await runDay(store, { signals: [titan], users: fiveUsers });
    expect(report).toMatchObject({ skipped: { reason: 'halted' }, orders: [], decisions: [] });
    expect(await database.session.query('select id from public.scan_runs')).toEqual([]);
    await store.call('resume', { scope: 'all', target: '', why: 'over', by: { who: 'tester', how: 'cli' }, nowMs: 0 });
    expect((await outcomes({ signals: [titan], users: fiveUsers })).counts).toEqual({ filled: 5 });
  });
});

describe('a run that can’t be', () => {
  test.each([
    ['before the window', { time: '09:14:59' }, 'outside_window', `XNSE:${tradeDate}:open`],
    ['after the cut-off', { time: '09:35:00' }, 'too_late', 'XNSE:2025-08-29:open'],
    [
      'without a due signal',
      { signals: [buy('TITAN', 1, 1, { tradeDate: '2025-08-27' })] },
      'no_signals',
      'XNSE:2025-08-29:open',
    ],
  ] as const)('%s is skipped and writes nothing', async (_when, change, reason, nextSession) => {
    const signals = 'signals' in change ? [...change.signals] : [titan];
    const time = 'time' in change ? { time: change.time } : {};
    const report = await runDay(store, { signals, users: fiveUsers, ...time });
    expect(report).toMatchObject({ runId, skipped: { reason, nextSession }, planHash: '', totals: { decisions: 0 } });
    expect(await database.session.query('select id from public.users')).toEqual([]);
  });

  test('with neither signals nor users in an empty database is skipped, no_signals', async () => {
    expect(await runDay(store, { signals: null, users: null })).toMatchObject({ skipped: { reason: 'no_signals' } });
  });

  test('with signals and an empty database of users is refused', async () => {
    expect(await runResult(store, { signals: [titan], users: null })).toMatchObject({
      kind: 'refused',
      code: 'nothing_given',
    });
    expect(await runResult(store, { signals: null, users: fiveUsers })).toMatchObject({
      kind: 'refused',
      code: 'nothing_given',
    });
  });

  test('with another plan than the approved one is refused, and without the approval it still runs', async () => {
    const day = { signals: [titan, infy], users: fiveUsers };
    const { planHash } = await runDay(store, { ...day, dryRun: true });
    const result = await runResult(store, { ...day, opens: { TITAN: 3570_00 }, expectPlan: planHash });
    expect(result).toMatchObject({ kind: 'refused', code: 'plan_changed' });
    expect(await database.session.query('select id from public.scan_runs')).toEqual([]);
    const report = await runDay(store, { ...day, expectPlan: planHash });
    expect(report).toMatchObject({ planHash, totals: { filled: 10 } });
  });
});
