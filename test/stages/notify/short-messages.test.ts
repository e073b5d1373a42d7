import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Signal } from '../../../src/domain/types.ts';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { notify } from '../../../src/stages/notify/notify.ts';
import { buy, importedUser } from '../../support/builders.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { messageRows } from '../support/database-state.ts';
import { runDay, runId, storeOf, titan, worldOf } from '../support/run-day.ts';

let database: TestDatabase;
let store: Store;
beforeEach(async () => {
  database = await freshPglite();
  store = storeOf(database);
});
afterEach(() => database.close());

const by = { who: 'test', how: 'cli' } as const;
const sell = (symbol: string, rank: number, price: number) => buy(symbol, rank, price, { side: 'SELL' });
const hold = async (users: UserToImport[], signals: Signal[], held: Record<string, string[]>, priceMinor: number) => {
  await store.call('import_signals', { signals, source: 'test', by });
  await store.call('import_users', { users, mode: 'paper', source: 'test', nowMs: 0, by });
  const of = { venue: 'paper', mode: 'paper', exchange: 'NSE', tradeDate: '2025-08-20', priceMinor } as const;
  const holdings = Object.entries(held).flatMap(([userId, symbols]) =>
    symbols.map((symbol) => ({ ...of, userId, symbol, quantity: 10, reference: `${userId} ${symbol}` })),
  );
  await store.call('import_holdings', { holdings, nowMs: 0 });
};
const textOf = async (user: string) =>
  String((await messageRows(database.session)).find((row) => row['user'] === user)?.['text']);

test('a sale says what it brought, and everybody what money is free, as the books have it', async () => {
  const users = [importedUser('Asha Rao', { leverageCenti: 100 }), importedUser('Ravi')];
  const signals = [sell('ITC', 1, 420_00), titan];
  await hold(users, signals, { 'asha-rao': ['ITC'] }, 400_00);
  const report = await runDay(store, { signals, users });
  expect(report.totals).toMatchObject({ filled: 3, unknown: 0 });
  const [account] = await database.session.query(
    "select cash_minor::int as cash, held_minor::int as held from public.accounts where user_id = 'asha-rao' and mode = 'paper'",
  );
  expect(account?.['held']).toBe(0);
  const cash = Number(account?.['cash']) / 100;
  const free = cash.toLocaleString('en-IN', { minimumFractionDigits: 2 });
  const text = await textOf('asha-rao');
  expect(text).toContain('Sold 10 × ITC @ ₹420.00 = ₹4,200.00 (profit ₹200.00)');
  expect(text).toContain(`cash available ₹${free}`);
  expect(text.match(/₹4,200\.00/g)).toHaveLength(2);
  expect(await textOf('ravi')).toContain('bought 1 of 2 signals (1 to sell what you do not hold)');
});

test('what a suppressed message would have said is written anew once its orders have ended, and nobody gets it', async () => {
  const users = [importedUser('No Number', { whatsapp: null })];
  const faults = [{ user: 'No Number', fault: 'delay' as const, delayMs: 200_000 }];
  const day = { signals: [titan], users, faults };
  const report = await runDay(store, day);
  expect(report.totals).toMatchObject({ filled: 1 });
  const world = await worldOf(store, { ...day, time: '09:40' });
  await notify(world, 10);
  await notify(world, 10);
  const rows = await store.call('read_messages', { runId });
  expect(rows).toMatchObject([{ kind: 'summary', status: 'suppressed', reason: 'no_whatsapp_number', attempts: 0 }]);
  expect(rows[0]?.text).toContain('Bought 28 × TITAN');
  expect(rows[0]?.text).not.toContain('Still open');
  expect(rows[0]?.events.filter(({ status }) => status === 'queued')).toHaveLength(1);
});

/** A busy day of two strategies: more to buy than most can pay, and exits of shares that few still hold. */
const bought = ['TRENT', 'BEL', 'INFY', 'LT', 'ONGC', 'NTPC', 'SBIN', 'WIPRO', 'TITAN'];
const exits = ['ITC', 'TCS', 'HCLTECH', 'CIPLA', 'GRASIM', 'DRREDDY', 'MARUTI'];
const busy = [
  ...bought.map((symbol, index) => buy(symbol, index + 1, 500_00 + index * 1000)),
  buy('TITAN', 17, 580_00, { strategy: 'pullback' }),
  ...exits.map((symbol, index) => sell(symbol, index + 10, 400_00 + index * 1000)),
];
const twentyUsers = () =>
  Array.from({ length: 20 }, (_, index) =>
    importedUser(`User ${index}`, {
      leverageCenti: index % 2 === 0 ? 100 : 500,
      allocationBps: [4000, 2000, 3000, 4500][index % 4] ?? 2000,
      maxOpenPositions: [null, 3, 4, 2, 5][index % 5] ?? null,
    }),
  );

test.each(['en', 'hi'] as const)('on a busy day the median message has at most 12 lines (%s)', async (language) => {
  const users = twentyUsers();
  const held = Object.fromEntries(
    users.map(({ id }, index) => [id, [exits[index % 7] ?? '', bought[index % 9] ?? '']]),
  );
  await hold(users, busy, held, 390_00);
  for (const { id } of users) await store.call('set_user', { userId: id, language, by });
  await runDay(store, { signals: busy, users });
  const texts = (await messageRows(database.session)).map(({ text }) => String(text));
  expect(texts).toHaveLength(20);
  const lines = texts.map((text) => text.split('\n').length).toSorted((a, b) => a - b);
  expect(lines[Math.ceil(lines.length / 2)]).toBeLessThanOrEqual(12);
  expect(lines.at(-1)).toBeLessThanOrEqual(17);
  for (const text of texts) {
    expect(text).not.toMatch(/[a-z]_[a-z]/);
    expect(text).toMatch(language === 'en' ? /profit|loss/ : /लाभ|हानि/);
    expect(text).toMatch(language === 'en' ? /cash available ₹/i : /उपलब्ध राशि ₹/);
    expect(text).toMatch(language === 'en' ? /signals \(6 to sell/ : /\(6 ऐसे शेयर बेचने के/);
  }
});
