import { expect, onTestFinished, test } from 'vitest';
import { signalIdOf } from '../../../src/domain/ids.ts';
import { type Market, xnse } from '../../../src/domain/market/market.ts';
import { marketOfExchange } from '../../../src/domain/market/session.ts';
import type { Signal } from '../../../src/domain/types.ts';
import type { Quotes } from '../../../src/ports/world.ts';
import { run } from '../../../src/run.ts';
import { orderIntake } from '../../../src/stages/accept/single-orders.ts';
import { tradeDate } from '../../support/builders.ts';
import { freshPglite } from '../../support/postgres.ts';
import { fiveUsers, requestOf, settingsOf, storeOf, titan, worldOf } from '../support/run-day.ts';

const newYork = marketOfExchange('US');
const apple: Signal = {
  ...titan,
  ...{ exchange: 'US', symbol: 'AAPL', referencePriceMinor: 250_00, stopLossMinor: null, targetMinor: null },
};
const listed = (signal: Signal): Signal => ({ ...signal, id: signalIdOf(signal) });
/** Everything trades at its signal's price, and what has none at $250. */
const quotes: Quotes = {
  read: async ({ signals, held, nowMs }) => {
    const none = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    const named = [...held.map((one) => ({ ...one, referencePriceMinor: 250_00 })), ...signals];
    return named.map(({ exchange, symbol, referencePriceMinor }) => {
      return { ...none, exchange, symbol, priceMinor: referencePriceMinor, atMs: nowMs };
    });
  },
};
const inCurrencyOf = ({ currency }: Market, count = 2) =>
  fiveUsers.slice(0, count).map((user) => ({ ...user, currency }));

async function fresh() {
  const database = await freshPglite();
  onTestFinished(() => database.close());
  return { database, store: storeOf(database) };
}

test('a run asks for the prices of what is held in its own currency only', async () => {
  const { database, store } = await fresh();
  const held: string[][] = [];
  const watched: Quotes = {
    read: (query) => {
      held.push(query.held.map(({ symbol }) => symbol));
      return quotes.read(query);
    },
  };
  const runOn = async (market: Market, time: string, signal: Signal, date = tradeDate) => {
    const ofDay = listed({ ...signal, tradeDate: date });
    const day = { signals: [ofDay], users: inCurrencyOf(market), time, quotes: watched, date };
    const result = await run(await worldOf(store, day), {
      ...requestOf(day),
      market,
      cutOffTime: market.slots.open.cutOff,
    });
    expect(result).toMatchObject({ report: { totals: { filled: 2 } } });
  };
  await runOn(xnse, '09:20', titan);
  await runOn(newYork, '19:05', apple);
  await runOn(xnse, '09:20', { ...titan, symbol: 'INFY' }, '2025-08-29');
  await runOn(newYork, '19:05', { ...apple, symbol: 'MSFT' }, '2025-08-29');
  expect(held).toEqual([[], [], ['TITAN'], ['AAPL']]);
  expect(await database.session.query('select count(*)::int as held from public.positions')).toEqual([{ held: 8 }]);
});

test('a sale in New York pays the SEC’s fee of its day, rounded up to the cent; a buy pays nothing', async () => {
  const { database, store } = await fresh();
  const runOn = async (date: string, signal: Signal) => {
    const day = {
      signals: [listed({ ...signal, tradeDate: date })],
      users: inCurrencyOf(newYork, 1),
      time: '19:05',
      quotes,
      date,
    };
    await run(await worldOf(store, day), { ...requestOf(day), market: newYork, cutOffTime: '09:50' });
  };
  await runOn('2026-08-27', apple);
  await runOn('2026-08-28', { ...apple, side: 'SELL' });
  const orders = await database.session.query(
    'select side, filled_value_minor::int as value, charges_minor::int as charges from public.orders order by id',
  );
  const value = Number(orders[0]?.['value']);
  // $20.60 for each million sold.
  const charges = Math.ceil((value * 206) / 10_000_000);
  expect(orders).toEqual([
    { side: 'BUY', value, charges: 0 },
    { side: 'SELL', value, charges },
  ]);
  expect(charges).toBeGreaterThan(1);
  expect(await store.call('check_books', {})).toEqual([]);
});

test('a single order for a US share takes dollars, in New York’s hours and day', async () => {
  const { database, store } = await fresh();
  const market = newYork;
  const day = { signals: [listed(apple)], users: inCurrencyOf(market), time: '19:05', quotes };
  await run(await worldOf(store, day), { ...requestOf(day), market, cutOffTime: '09:50' });
  // 15:59 in New York, and half past one the next day in India.
  const afternoon = { ...day, time: '01:29', date: '2025-08-29' };
  const place = orderIntake(await worldOf(store, afternoon), settingsOf(day));
  const placed = async (symbol: string) => {
    const order = {
      userId: 'asha-rao',
      exchange: 'US',
      symbol,
      side: 'BUY' as const,
      quantity: 1,
      limitPriceMinor: null,
    };
    return (await place({ principal: 'key:1', key: symbol, bodyHash: symbol, order, by: null })).placed;
  };
  expect(await placed('MSFT')).toMatchObject({ kind: 'accepted' });
  const orders = await database.session.query(`select o.run_id, a.currency, o.quantity::int from public.orders o
    join public.accounts a on a.id = o.account_id order by o.id desc limit 1`);
  expect(orders).toEqual([{ run_id: `XNYS:${tradeDate}:api:paper`, currency: 'USD', quantity: 1 }]);
  expect(await store.call('check_books', {})).toEqual([]);
});
