import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import { importedUser } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, freshPostgres, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { messageRows, pairOutcomes, tally, venueBook } from '../support/database-state.ts';
import { fiveUsers, infy, runDay, sbi, storeOf, titan } from '../support/run-day.ts';

describe.each<[string, () => Promise<TestDatabase>]>([
  ['PGlite', freshPglite],
  ['Postgres', freshPostgres],
])('a run on %s', (_name, open) => {
  let database: TestDatabase;
  let store: Store;
  beforeEach(async () => {
    database = await open();
    store = storeOf(database);
  });
  afterEach(async () => {
    expect(await violations(database.session)).toEqual([]);
    await database.close();
  });

  test('3 signals for 5 users become 15 filled orders, 15 at the venue, and 5 messages', async () => {
    const report = await runDay(store, { signals: [titan, infy, sbi], users: fiveUsers });
    expect(report.totals).toMatchObject({ users: 5, signals: 3, decisions: 15, accepted: 15, filled: 15 });
    expect(report.skipped).toBeNull();
    expect(new Set(report.orders.map(({ clientOrderId }) => clientOrderId)).size).toBe(15);
    expect(await venueBook(database.session)).toHaveLength(15);
    expect(report.messages.map(({ status }) => status)).toEqual(Array(5).fill('sent'));
    expect(report.signals.map(({ rank, accepted, filled }) => [rank, accepted, filled])).toEqual([
      [1, 5, 5],
      [2, 5, 5],
      [3, 5, 5],
    ]);
  });

  test('of 7 users for SBICARD 4 are filled; the one who holds it, the full one and the rejected one leave them be', async () => {
    const users = [
      ...fiveUsers.slice(0, 4),
      importedUser('Holds It'),
      importedUser('Is Full', { maxOpenPositions: 1 }),
      importedUser('Is Rejected'),
    ];
    await store.call('import_signals', { by: tester, signals: [sbi, infy], source: 'test' });
    await store.call('import_users', { by: tester, users, mode: 'paper', source: 'test', nowMs: 0 });
    const holding = { venue: 'paper', mode: 'paper', exchange: 'NSE', tradeDate: '2025-08-20', priceMinor: 700_00 };
    const holdings = [
      { userId: 'holds-it', symbol: 'SBICARD', quantity: 3, reference: 'held-1', ...holding },
      { userId: 'is-full', symbol: 'INFY', quantity: 2, reference: 'held-2', ...holding },
    ];
    await store.call('import_holdings', { holdings, nowMs: 0 });

    const faults = [{ user: 'Is Rejected', fault: 'reject' as const, message: 'RMS: no' }];
    const report = await runDay(store, { signals: [sbi], users, faults });
    expect(pairOutcomes(report)).toEqual({
      ...Object.fromEntries(fiveUsers.slice(0, 4).map(({ name }) => [`${name} SBICARD`, 'filled'])),
      'Holds It SBICARD': 'skipped already_holding',
      'Is Full SBICARD': 'denied max_open_positions',
      'Is Rejected SBICARD': 'rejected',
    });
    expect(report.decisions.find(({ userId }) => userId === 'is-full')).toMatchObject({ limit: '1', actual: '1' });
    expect(report.totals).toMatchObject({ accepted: 5, skipped: 1, denied: 1, filled: 4, rejected: 1 });
    expect(report.orders.find(({ userId }) => userId === 'is-rejected')).toMatchObject({
      reason: 'venue_rejected',
      filledQuantity: 0,
      averagePrice: null,
    });
    const texts = Object.fromEntries((await messageRows(database.session)).map(({ user, text }) => [user, text]));
    expect(texts['is-rejected']).toContain('SBICARD: rejected by the broker: "RMS: no"');
    expect(texts['holds-it']).toContain('SBICARD: you already hold it');
    expect(texts['is-full']).toContain('SBICARD: you have as many open positions as you allow');
    const [money] = await database.session.query(
      "select cash_minor::int, held_minor::int from public.accounts where user_id = 'is-rejected'",
    );
    expect(money).toEqual({ cash_minor: 100_000_00, held_minor: 0 });
  });

  test('TITAN at 3564.80 is 28 shares for 20 % and 14 for 10 % of 1,00,000 with leverage 5', async () => {
    const users = [importedUser('Twenty'), importedUser('Ten', { allocationBps: 1000 })];
    const report = await runDay(store, { signals: [titan], users, opens: { TITAN: 3564_80 } });
    const sizes = report.orders.map(({ userName, quantity, exposure, margin, averagePrice, leverage, limitPrice }) => {
      return { userName, quantity, exposure, margin, averagePrice, leverage, limitPrice };
    });
    const same = { averagePrice: '3564.80', leverage: '5.00', limitPrice: '3582.60' };
    expect(sizes.toSorted((a, b) => a.quantity - b.quantity)).toEqual([
      { userName: 'Ten', quantity: 14, exposure: '49907.20', margin: '9981.44', ...same },
      { userName: 'Twenty', quantity: 28, exposure: '99814.40', margin: '19962.88', ...same },
    ]);
    const bound = await database.session.query('select margin_minor::int as margin from public.positions order by 1');
    expect(bound).toEqual([{ margin: 9981_44 }, { margin: 19962_88 }]);
    const [cash] = await database.session.query("select cash_minor::int from public.accounts where user_id = 'ten'");
    const charges = report.orders.find(({ userName }) => userName === 'Ten')?.charges ?? '';
    expect(cash).toEqual({ cash_minor: 100_000_00 - 9981_44 - Number(charges.replace('.', '')) });
  });

  test('two signals and money for one give exactly one order, for the better rank', async () => {
    const users = [importedUser('Asha Rao', { capitalMinor: 20_000_00, allocationBps: 6000, leverageCenti: 100 })];
    const report = await runDay(store, { signals: [infy, titan], users });
    expect(pairOutcomes(report)).toEqual({ 'Asha Rao TITAN': 'filled', 'Asha Rao INFY': 'denied insufficient_funds' });
    expect(await venueBook(database.session)).toHaveLength(1);
    const denied = report.decisions.find(({ symbol }) => symbol === 'INFY');
    expect(Number(denied?.actual)).toBeGreaterThan(Number(denied?.limit));
  });

  test('the same run again doubles nothing and says already_done', async () => {
    const day = { signals: [titan, infy], users: fiveUsers };
    const first = await runDay(store, day);
    const [ledger] = await database.session.query('select count(*)::int from public.ledger_entries');
    const again = await runDay(store, day);
    expect(again.skipped).toEqual({ reason: 'already_done', nextSession: 'XNSE:2025-08-29:open' });
    expect({ ...again, skipped: null }).toEqual(first);
    expect(await database.session.query('select count(*)::int from public.ledger_entries')).toEqual([ledger]);
    expect(tally((await messageRows(database.session)).map(({ status }) => status))).toEqual({ sent: 5 });
    expect(await venueBook(database.session)).toHaveLength(10);
  });
});
