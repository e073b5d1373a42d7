import { expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../src/adapters/clock.ts';
import { fileQuotes } from '../src/adapters/quotes/quotes.ts';
import { makeWorld, scanSettings } from '../src/compose/world.ts';
import { readConfig } from '../src/config/config.ts';
import type { CurrencyCode } from '../src/domain/currency.ts';
import { datesAfter } from '../src/domain/market/calendar.ts';
import type { Market } from '../src/domain/market/market.ts';
import { dueMsOf } from '../src/domain/market/session.ts';
import { scanNow } from '../src/schedule.ts';
import { audit } from '../src/stages/report/audit.ts';
import { storeOf } from './stages/support/run-day.ts';
import { importedUser, instrument, signal } from './support/builders.ts';
import { violations } from './support/invariants.ts';
import { freshPostgres } from './support/postgres.ts';
import { tester } from './support/tester.ts';

const dates = ['2025-08-27', ...datesAfter('2025-08-27', 6)];
/** Each market's shares with what they open at on the first of the dates; they gain a percent a day. */
const shares: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  NSE: { TITAN: 3564_80, ITC: 401_50, INFY: 1502_50 },
  US: { AAPL: 231_40, KO: 68_90, MSFT: 506_70 },
};
const priceOn = (day: number, first: number) => first + Math.floor((first * day) / 100);

/** Two thirds of the users have rupees and two thirds dollars: every third has both, each as an account of its own. */
function users(count: number) {
  const inCurrency = (n: number, currency: CurrencyCode, capitalMinor: number) => {
    const change = { currency, capitalMinor: capitalMinor * (1 + (n % 5)), leverageCenti: 100, priority: 1 + (n % 7) };
    return importedUser(`User ${n}`, change);
  };
  return Array.from({ length: count }, (_, n) => [
    ...(n % 3 === 2 ? [] : [inCurrency(n, 'INR', 1_00_000_00)]),
    ...(n % 3 === 1 ? [] : [inCurrency(n, 'USD', 4_000_00)]),
  ]).flat();
}

/** Every share is bought two days after it was sold, and sold two days after it was bought. */
function signalsOf(exchange: string) {
  return dates.flatMap((tradeDate, day) =>
    Object.entries(shares[exchange] ?? {}).map(([symbol, first], n) =>
      signal(symbol, {
        ...{ exchange, tradeDate, rank: n + 1, referencePriceMinor: priceOn(day, first) },
        side: (day + n) % 4 < 2 ? 'BUY' : 'SELL',
      }),
    ),
  );
}

/** 300 pass in a minute; these try every mix. */
const USERS = 60;

test('users in rupees, dollars or both trade a week in India and New York, and no amount meets another’s', async () => {
  const database = await freshPostgres();
  onTestFinished(() => database.close());
  const store = storeOf(database);
  const { session } = database;
  const exchanges = Object.keys(shares);
  const read = readConfig({ MARKETS: 'XNSE,XNYS' });
  if (read.kind !== 'config') throw new Error(read.problems.join('; '));
  const { config } = read;
  const nowMs = Date.parse('2025-08-26T12:00:00Z');
  const listed = exchanges.flatMap((exchange) =>
    Object.keys(shares[exchange] ?? {}).map((one) => [exchange, one] as const),
  );
  const instruments = listed.map(([exchange, symbol]) => instrument(symbol, { exchange, tickMinor: 1 }));
  await store.call('import_instruments', { by: tester, instruments });
  await store.call('import_signals', { by: tester, signals: exchanges.flatMap(signalsOf), source: 'test' });
  await store.call('import_users', { by: tester, users: users(USERS), mode: 'paper', source: 'test', nowMs });
  const prices = dates.flatMap((date, day) =>
    listed.map(([exchange, symbol]) => {
      return { date, exchange, symbol, openMinor: priceOn(day, shares[exchange]?.[symbol] ?? 0), closeMinor: null };
    }),
  );
  const target = { kind: 'server', url: database.url } as const;

  /** The accounts' money by currency, as it is, and as deposits, fills and charges come to. */
  const money = async () => {
    const rows = await session.query(`select a.currency, sum(a.cash_minor)::bigint::text as cash,
        sum(coalesce((select sum(cash_delta_minor) from public.ledger_entries e
            where e.account_id = a.id and e.kind = 'deposit'), 0)
          + coalesce((select sum(case o.side when 'BUY' then -o.filled_value_minor else o.filled_value_minor end
              - coalesce(o.charges_minor, 0)) from public.orders o where o.account_id = a.id
              and o.filled_quantity > 0), 0))::bigint::text as facts
      from public.accounts a group by 1 order by 1`);
    for (const { cash, facts } of rows) expect(cash).toBe(facts);
    return new Map(rows.map(({ currency, cash }) => [String(currency), cash]));
  };
  const scan = async (market: Market, date: string) => {
    const clock = virtualClock(dueMsOf(market, date));
    const world = await makeWorld({
      ...{ config, target, store, clock, quotes: fileQuotes(prices), faults: null, emit: () => undefined },
    });
    const before = await money();
    await scanNow(world, scanSettings(config, market), new AbortController().signal);
    const after = await money();
    for (const [currency, cash] of before) if (currency !== market.currency) expect(after.get(currency)).toBe(cash);
    expect(await store.call('check_books', {})).toEqual([]);
    const { differences, days } = await audit(store, { tradeDate: date, mode: null, userId: null });
    expect(differences).toEqual([]);
    return days.get(market.currency)?.fills ?? 0;
  };

  const fills = { XNSE: 0, XNYS: 0 };
  for (const date of dates) {
    // India's morning comes first, then New York's: the same date, nine hours later.
    for (const market of config.markets) {
      if (market.mic === 'XNSE' || market.mic === 'XNYS') fills[market.mic] += await scan(market, date);
    }
  }
  const runs = await session.query(`select id, (select count(*)::int from public.messages m
      where m.run_id = run.id and m.kind = 'summary') as summaries,
    (select count(distinct m.user_id)::int from public.messages m where m.run_id = run.id) as users
    from public.scan_runs run order by trade_date, id`);
  // Ganesh Chaturthi is the NSE's holiday, Labor Day New York's; neither trades at the weekend.
  const traded = { XNSE: dates.slice(1).filter((_, n) => ![2, 3].includes(n)), XNYS: dates.slice(0, 3) };
  traded.XNYS.push(...dates.slice(6));
  expect(runs.map(({ id }) => id).toSorted()).toEqual(
    Object.entries(traded)
      .flatMap(([mic, days]) => days.map((date) => `${mic}:${date}:open:paper`))
      .toSorted(),
  );
  for (const run of runs) expect(run).toMatchObject({ summaries: USERS, users: USERS });
  const mixed = await session.query(`select 1 from public.orders o join public.accounts a on a.id = o.account_id
    join public.instruments i on i.id = o.instrument_id where a.currency <> i.currency`);
  expect(mixed).toEqual([]);
  expect(fills.XNSE).toBeGreaterThan(100);
  expect(fills.XNYS).toBeGreaterThan(100);
  expect(await violations(session)).toEqual([]);
}, 240_000);
