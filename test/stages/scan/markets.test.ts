import { expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../../src/adapters/clock.ts';
import type { CurrencyCode } from '../../../src/domain/currency.ts';
import { signalIdOf } from '../../../src/domain/ids.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { type Market, markets, xnse } from '../../../src/domain/market/market.ts';
import type { Signal } from '../../../src/domain/types.ts';
import type { Quotes } from '../../../src/ports/world.ts';
import { run } from '../../../src/run.ts';
import { tradeDate } from '../../support/builders.ts';
import { freshPglite } from '../../support/postgres.ts';
import { fiveUsers, requestOf, storeOf, titan, worldOf } from '../support/run-day.ts';

const newYork = marketNamed('XNYS');

function marketNamed(mic: string): Market {
  const found = markets.find((one) => one.mic === mic);
  if (!found) throw new Error(`no market ${mic}`);
  return found;
}

const listed = (exchange: string, symbol: string): Signal => {
  const named = { ...titan, exchange, symbol };
  return { ...named, id: signalIdOf(named) };
};
/** Everything trades at its signal's price. */
const quotes: Quotes = {
  read: async ({ signals, nowMs }) => {
    const none = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    return signals.map(({ exchange, symbol, referencePriceMinor }) => {
      return { ...none, exchange, symbol, priceMinor: referencePriceMinor, atMs: nowMs };
    });
  },
};

async function runIn(
  market: Market,
  time: string,
  signals = [titan, listed('US', 'AAPL'), listed('NASDAQ', 'MSFT')],
  date = tradeDate,
  currency: CurrencyCode = market.currency,
) {
  const database = await freshPglite();
  onTestFinished(() => database.close());
  const users = fiveUsers.slice(0, 2).map((user) => ({ ...user, currency }));
  const day = { signals, users, time, quotes, date };
  const world = await worldOf(storeOf(database), day);
  const cutOffTime = market.slots.open.cutOff;
  return { result: await run(world, { ...requestOf(day), market, cutOffTime }), database };
}

test('a run is of one market: its session by its own clock, and the signals of its exchanges', async () => {
  // 09:35 in New York, in summer.
  const { result, database } = await runIn(newYork, '19:05');
  if (result.kind !== 'report') throw new Error(result.message);
  const { report } = result;
  expect(report).toMatchObject({
    runId: `XNYS:${tradeDate}:open:paper`,
    session: `XNYS:${tradeDate}:open`,
    skipped: null,
    totals: { signals: 2, users: 2, decisions: 4, accepted: 4, filled: 4 },
  });
  expect(report.signals.map(({ symbol }) => symbol).toSorted()).toEqual(['AAPL', 'MSFT']);
  const broken = await storeOf(database).call('check_books', {});
  expect(broken).toEqual([]);
});

test('an afternoon in New York is of its own date, though India has the next one', async () => {
  const afternoon = { ...newYork, slots: { open: { acceptFrom: '15:00', due: '15:30', cutOff: '15:45' } } };
  const { result, database } = await runIn(afternoon, '01:00', undefined, '2025-08-29');
  expect(result).toMatchObject({ report: { runId: `XNYS:${tradeDate}:open:paper`, totals: { filled: 4 } } });
  expect(await storeOf(database).call('check_books', {})).toEqual([]);
});

test('the NSE’s run at the same instant is over, and at its own takes no signal of a market that has runs', async () => {
  const late = await runIn(xnse, '19:05');
  expect(late.result).toMatchObject({
    report: { skipped: { reason: 'too_late' }, runId: `XNSE:${tradeDate}:open:paper` },
  });
  const due = await runIn(xnse, '09:20');
  expect(due.result).toMatchObject({
    report: {
      totals: { signals: 1, decisions: 2, accepted: 2, skipped: 0 },
      signals: [{ symbol: 'TITAN', filled: 2 }],
    },
  });
});

test('signals of a market no run is made in are seen in the NSE’s', async () => {
  const { result, database } = await runIn(xnse, '09:20', [titan, listed('SOLANA', 'SOL')]);
  expect(result).toMatchObject({ report: { totals: { signals: 2, decisions: 4, accepted: 2, skipped: 2 } } });
  const reasons = await database.session.query(
    'select distinct reason, actual_value as actual from public.decisions where reason is not null',
  );
  expect(reasons).toEqual([{ reason: 'no_account_in_currency', actual: 'INR' }]);
});

test('in New York nobody trades with rupees', async () => {
  const { result, database } = await runIn(newYork, '19:05', [listed('US', 'AAPL')], tradeDate, 'INR');
  expect(result).toMatchObject({
    report: {
      totals: { decisions: 2, skipped: 2, accepted: 0 },
      decisions: [{ reason: 'no_account_in_currency' }, { reason: 'no_account_in_currency' }],
    },
  });
  expect(await database.session.query('select currency from public.accounts')).toEqual([
    { currency: 'INR' },
    { currency: 'INR' },
  ]);
});

test('who has an account in each of two currencies trades in each market with its own', async () => {
  const database = await freshPglite();
  onTestFinished(() => database.close());
  const store = storeOf(database);
  const runOn = async (market: Market, time: string, signals: Signal[]) => {
    const users = fiveUsers.slice(0, 2).map((user) => ({ ...user, currency: market.currency }));
    const day = { signals, users, time, quotes };
    const request = { ...requestOf(day), market, cutOffTime: market.slots.open.cutOff };
    return run(await worldOf(store, day), request);
  };
  const cash = (currency: string) =>
    database.session.query('select user_id, cash_minor::text from public.accounts where currency = $1 order by 1', [
      currency,
    ]);
  const filled = { report: { totals: { decisions: 2, filled: 2 } } };
  expect(await runOn(xnse, '09:20', [titan])).toMatchObject(filled);
  const rupees = await cash('INR');
  expect(await runOn(newYork, '19:05', [listed('US', 'AAPL')])).toMatchObject(filled);
  expect(await cash('INR')).toEqual(rupees);
  expect(await cash('USD')).toHaveLength(2);
  const held = await database.session.query(`select a.currency, i.symbol from public.positions p
    join public.accounts a on a.id = p.account_id join public.instruments i on i.id = p.instrument_id order by a.id`);
  const titans = { currency: 'INR', symbol: 'TITAN' };
  const apples = { currency: 'USD', symbol: 'AAPL' };
  expect(held).toEqual([titans, titans, apples, apples]);
  expect(await store.call('check_books', {})).toEqual([]);
});

test('a dry run of users with a row for each currency decides as the run does', async () => {
  const database = await freshPglite();
  onTestFinished(() => database.close());
  const store = storeOf(database);
  const [asha, bala, ...others] = fiveUsers;
  if (!asha || !bala) throw new Error('two users were needed');
  // Dollars first, one in rupees only, one in dollars only.
  const users = [
    ...[asha, bala].map((user) => ({ ...user, currency: 'USD' as const, capitalMinor: 10_000_00, priority: 9 })),
    { ...asha, currency: 'INR' as const },
    ...others,
  ];
  const runOn = async (dryRun: boolean, market: Market, time: string, signal: Signal) => {
    const day = { signals: [signal], users, time, quotes };
    const request = { ...requestOf(day), market, cutOffTime: market.slots.open.cutOff, dryRun };
    const result = await run(await worldOf(store, day), request);
    if (result.kind !== 'report') throw new Error(result.message);
    return { planHash: result.report.planHash, totals: result.report.totals };
  };
  const apple = listed('US', 'AAPL');
  const dry = await runOn(true, newYork, '19:05', apple);
  expect(dry.totals).toMatchObject({ users: 5, decisions: 5, accepted: 2, skipped: 3 });
  expect(await database.session.query('select id from public.accounts')).toEqual([]);
  expect((await runOn(false, xnse, '09:20', titan)).totals).toMatchObject({ decisions: 5, skipped: 1 });
  // Now those who had none yet have one in rupees, which trades nothing in New York.
  expect((await runOn(true, newYork, '19:05', apple)).planHash).toBe(dry.planHash);
  expect((await runOn(false, newYork, '19:05', apple)).planHash).toBe(dry.planHash);
  expect(await store.call('check_books', {})).toEqual([]);
});

test('at 09:20 in India New York has not opened, and without a signal of its exchanges nothing is run', async () => {
  const early = await runIn(newYork, '09:20');
  const skipped = { reason: 'outside_window', nextSession: `XNYS:${tradeDate}:open` };
  // 09:20 of the 28th in India is 23:50 of the 27th in New York.
  expect(early.result).toMatchObject({ report: { session: 'XNYS:2025-08-27:open', skipped: { reason: 'too_late' } } });
  expect((await runIn(newYork, '18:00')).result).toMatchObject({ report: { skipped } });
  const none = await runIn(newYork, '19:05', [titan]);
  expect(none.result).toMatchObject({ report: { skipped: { reason: 'no_signals' } } });
});

test('a market no run is made in is refused with why, and nothing is written', async () => {
  for (const market of markets.filter(({ notTraded }) => notTraded !== null)) {
    const { result, database } = await runIn(market, '19:05');
    expect(result).toMatchObject({
      kind: 'refused',
      code: 'market_not_traded',
      message: `No run is made in ${market.mic} (${market.name}): ${market.notTraded}.`,
    });
    expect(await database.session.query('select id from public.scan_runs')).toEqual([]);
    expect(await database.session.query('select id from public.signals')).toEqual([]);
  }
});

test('a refused run ends no order of another market that is past its time by this one’s clock', async () => {
  const database = await freshPglite();
  onTestFinished(() => database.close());
  const store = storeOf(database);
  const day = { signals: [titan], users: fiveUsers.slice(0, 2), time: '09:20' };
  const world = await worldOf(store, day);
  await run(world, { ...requestOf(day), inline: false, waitMs: 0 });
  const states = () => database.session.query('select status from public.orders');
  const queued = [{ status: 'queued' }, { status: 'queued' }];
  expect(await states()).toEqual(queued);
  // 09:35 in New York: an NSE order of the morning has expired.
  const evening = { ...world, clock: virtualClock(istMs(tradeDate, '19:05')) };
  const refused = await run(evening, { ...requestOf(day), market: marketNamed('SOLANA') });
  expect(refused).toMatchObject({ kind: 'refused', code: 'market_not_traded' });
  expect(await states()).toEqual(queued);
});
