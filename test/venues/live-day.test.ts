import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import { masterKeys } from '../../src/compose/venues.ts';
import { makeWorld, scanSettings } from '../../src/compose/world.ts';
import { readConfig } from '../../src/config/config.ts';
import { signalIdOf } from '../../src/domain/ids.ts';
import { istMs } from '../../src/domain/market/india-time.ts';
import { type Market, xnse } from '../../src/domain/market/market.ts';
import { marketOfExchange, msIn } from '../../src/domain/market/session.ts';
import type { Signal } from '../../src/domain/types.ts';
import type { World } from '../../src/ports/world.ts';
import { run } from '../../src/run.ts';
import { sync } from '../../src/stages/accounts/evening-sync.ts';
import { ready } from '../../src/stages/accounts/readiness.ts';
import { noInputs } from '../../src/stages/scan/request.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../simulators/venues/alpaca-exchange.ts';
import type { Exchange } from '../simulators/venues/exchange.ts';
import { apiKey, openLemonnExchange, privateKey } from '../simulators/venues/lemonn-exchange.ts';
import { type JumpingClock, jumpingClock } from '../stages/support/clocks.ts';
import { storeOf, titan } from '../stages/support/run-day.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { importedUser, instrument, tradeDate } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { violations } from '../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';

/** A venue as an operator meets it: its settings, what is stored of an account, and what its pages say of one. */
interface AtVenue {
  exchange: Exchange;
  /** Where it trades, and what is bought there. */
  market: Market;
  signal: Signal;
  settings: Record<string, string>;
  secrets: object;
  /** The same with a key that is not its. */
  forged: object;
  /** What both accounts have: rupees or dollars, and pieces of the share bought today at this price. */
  say(cash: number, pieces: number, price: number): void;
}

async function lemonnMarket(clock: JumpingClock): Promise<AtVenue> {
  const exchange = await openLemonnExchange(clock);
  exchange.pages['POST /margin-info'] = { approximateMargin: '716.52' };
  const secrets = { clientId: 'C1', apiKey, privateKey, flow: 'access', addressConfirmed: true };
  const price = { symbol: 'TITAN', lastTradedPrice: '3564.80', lastTradeTime: `${tradeDate} 09:19:58` };
  exchange.pages['POST /market-data/ltp'] = { ltp: [price] };
  return {
    exchange,
    ...{ market: xnse, signal: titan },
    settings: { LEMONN_BASE_URL: exchange.baseUrl, LEMONN_DIALECT: '{"ltpLists":{"NSE":"NSE_SYMBOL"}}' },
    // It logs in by its own key: nobody has to be there.
    secrets,
    forged: { ...secrets, privateKey: '0'.repeat(64) },
    say(cash, netQuantity, averagePrice) {
      const bought = { exchangeSegment: 'NSE', symbol: 'TITAN', productType: 'MTF', netQuantity, averagePrice };
      exchange.pages['GET /funds'] = { funds: { availableBalance: cash.toFixed(2), cashBalance: cash.toFixed(2) } };
      exchange.pages['GET /holdings'] = { holdings: [] };
      exchange.pages['GET /positions'] = { positions: netQuantity === 0 ? [] : [bought] };
    },
  };
}

const newYork = marketOfExchange('US');
const named = { ...titan, exchange: 'US', symbol: 'AAPL', referencePriceMinor: 230_00, stopLossMinor: null };
const apple: Signal = { ...named, targetMinor: null, id: signalIdOf(named) };

async function alpacaMarket(clock: JumpingClock): Promise<AtVenue & { exchange: AlpacaExchange }> {
  const exchange = await openAlpacaExchange(clock);
  const latestTrade = { t: new Date(msIn(newYork, tradeDate, '09:34:58')).toISOString(), p: 231.4 };
  exchange.pages['GET /data/v2/stocks/snapshots'] = { AAPL: { latestTrade, prevDailyBar: { c: 230 } } };
  exchange.pages['GET /v2/calendar'] = [{ date: tradeDate, open: '09:30', close: '16:00' }];
  const { baseUrl, dataUrl } = exchange.options;
  const rights = { trading_blocked: false, account_blocked: false, trade_suspended_by_user: false };
  return {
    exchange,
    ...{ market: newYork, signal: apple },
    settings: { ALPACA_BASE_URL: baseUrl, ALPACA_DATA_URL: dataUrl },
    secrets: { keyId: 'PKTEST1', secretKey: 'secret1' },
    forged: { keyId: 'PKTEST1', secretKey: 'wrong' },
    say(cash, pieces, price) {
      const money = { cash: cash.toFixed(2), non_marginable_buying_power: cash.toFixed(2) };
      exchange.pages['GET /v2/account'] = { status: 'ACTIVE', currency: 'USD', ...money, ...rights };
      const held = { symbol: 'AAPL', qty: String(pieces), cost_basis: (pieces * price).toFixed(2) };
      exchange.pages['GET /v2/positions'] = pieces === 0 ? [] : [{ ...held, asset_class: 'us_equity' }];
    },
  };
}

let database: TestDatabase;
let clock: JumpingClock;
let venue: AtVenue;
let world: World;
let events: AnyEvent[];
let settings: ReturnType<typeof scanSettings>;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database.session);
  clock = jumpingClock(istMs(tradeDate, '08:45'));
  events = [];
});
afterEach(async () => {
  await venue.exchange.close();
  expect(await violations(database.session)).toEqual([]);
  expect(await storeOf(database).call('check_books', {})).toEqual([]);
});

/** Everything as the settings say, with Asha, who trades there, connected as `account -- connect` does it. */
async function connected(leverageCenti: number, { currency }: Pick<Market, 'currency'> = venue.market): Promise<void> {
  const { signal, market } = venue;
  const at = venue.exchange.name;
  const CREDENTIALS_KEY = randomBytes(32).toString('base64');
  const read = readConfig({
    TRADING_MODE: 'live',
    MAX_ORDER_VALUE: 'INR=1000000,USD=1000000',
    CREDENTIALS_KEY,
    ...venue.settings,
  });
  const keys = read.kind === 'config' ? masterKeys(read.config) : null;
  if (read.kind !== 'config' || !keys) throw new Error('the settings are good');
  const store = storeOf(database);
  await store.call('import_instruments', { by: tester, instruments: [instrument(signal.symbol, signal)] });
  await store.call('import_signals', { by: tester, signals: [signal], source: 'test' });
  const users = [importedUser('Asha', { venue: at, leverageCenti, currency })];
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: clock.nowMs() });
  const opened = await store.call('open_account', { by: tester, userId: 'asha', venue: at, mode: 'live', currency });
  if (opened.kind !== 'open') throw new Error(opened.kind);
  const owner = { accountId: opened.accountId, venue: at, mode: 'live' } as const;
  await storeVault({ store, clock, keys, by: null }).write(owner, venue.secrets, null);
  const options = {
    config: read.config,
    target: { kind: 'embedded', path: null } as const,
    store,
    clock,
    faults: null,
  };
  const quotes = { read: () => Promise.reject(new Error('live trading has the venues’ prices')) };
  world = await makeWorld({ ...options, quotes, emit: (event) => events.push(event) });
  settings = scanSettings(read.config, market);
}

/** The clock at a time of day of the venue's market. */
function jumpTo(time: string): void {
  clock.jump(msIn(venue.market, tradeDate, time) - clock.nowMs());
}
const check = (market = venue.market) => ready(world, { mode: 'live', market, concurrency: 2 });
const compare = () => sync(world, { mode: 'live', market: venue.market, concurrency: 2 });

async function scanned() {
  jumpTo(venue.market.slots.open.due);
  const request = { dryRun: false, expectPlan: null, waitMs: 120_000, inputs: { ...noInputs, by: tester } };
  const result = await run(world, { ...settings, ...request });
  if (result.kind !== 'report') throw new Error(result.message);
  return result.report;
}

describe.each([
  ['Lemonn', lemonnMarket, 500, 28],
  ['Alpaca', alpacaMarket, 100, 86],
])('a day at %s', (_name, open, leverageCenti, quantity) => {
  test('from the readiness in the morning over the scan to the comparison in the evening', async () => {
    venue = await open(clock);
    const { market, signal } = venue;
    jumpTo(market.times.ready);
    venue.say(100_000, 0, 0);
    await connected(leverageCenti);
    expect(await check()).toMatchObject({ accounts: [{ userId: 'asha', ready: true, reason: null }], adjusted: 1 });

    const report = await scanned();
    expect(report).toMatchObject({ mode: 'live', totals: { accepted: 1, filled: 1, unknown: 0, rejected: 0 } });
    const [order] = report.orders;
    const { symbol } = signal;
    expect(venue.exchange.book()).toMatchObject([
      { clientOrderId: order?.clientOrderId, symbol, side: 'BUY', quantity, filledQuantity: quantity },
    ]);
    expect(order?.currency).toBe(market.currency);

    const price = Number(order?.averagePrice);
    const left = 100_000 - (quantity * price * 100) / leverageCenti;
    venue.say(left, quantity, price);
    jumpTo(market.times.sync);
    expect(await compare()).toMatchObject({ compared: 1, drifts: [] });
    venue.say(left, quantity - 1, price);
    const what = `${signal.exchange}:${symbol}`;
    expect((await compare()).drifts).toMatchObject([{ kind: 'position', what, theirs: String(quantity - 1) }]);
  });

  test('without a login nobody trades there, and the venue gets no order', async () => {
    venue = await open(clock);
    jumpTo(venue.market.times.ready);
    venue.say(100_000, 0, 0);
    venue.secrets = venue.forged;
    await connected(leverageCenti);
    const { accounts } = await check();
    expect(accounts).toMatchObject([{ ready: false, reason: expect.stringMatching(/^no_login: /) }]);
    const report = await scanned();
    expect(report.decisions).toMatchObject([{ reason: 'account_not_ready' }]);
    expect(venue.exchange.book()).toEqual([]);
  });
});

test('an account in rupees at a venue of dollars is not ready, and the venue’s cents are not taken for paise', async () => {
  const alpaca = await alpacaMarket(clock);
  venue = { ...alpaca, market: xnse };
  venue.say(100_000, 0, 0);
  await connected(100);
  const reason = 'other_currency: alpaca trades in USD, the account is in INR';
  expect(await check()).toMatchObject({ accounts: [{ ready: false, reason }], adjusted: 0 });
  await database.session.exec('update public.accounts set not_ready = null, check_found = null');
  jumpTo('15:45');
  expect(await compare()).toMatchObject({ compared: 0, drifts: [] });
  expect(alpaca.exchange.requests).toEqual([]);
});

test('a day Alpaca’s calendar has otherwise than ours is not traded there, and the NSE’s day changes nothing of it', async () => {
  const alpaca = await alpacaMarket(clock);
  venue = alpaca;
  venue.say(100_000, 0, 0);
  await connected(100);
  // On the NSE's day nothing is asked of it.
  expect(await check(xnse)).toMatchObject({ complete: true, accounts: [] });
  expect(await sync(world, { mode: 'live', concurrency: 2 })).toMatchObject({ compared: 0, notCompared: [] });
  expect(alpaca.exchange.requests).toEqual([]);

  const inNewYork = async (at: string, ...days: unknown[]) => {
    clock.jump(Date.parse(at) - clock.nowMs());
    alpaca.exchange.pages['GET /v2/calendar'] = days;
    const report = await check();
    return [report.tradeDate, report.tradingDay, ...report.accounts.map(({ reason }) => reason)];
  };
  const session = { session_open: '0400', session_close: '2000', settlement_date: '2025-12-26' };
  const day = (date: string, open: string, close: string) => ({ date, open, close, ...session });
  const differs = (rest: string) => `calendar_differs: on ${rest}`;

  const early = '2025-08-28 alpaca has 09:30 to 13:00, our calendar of the NYSE 09:30 to 16:00';
  const found = await inNewYork('2025-08-28T08:55:00-04:00', day('2025-08-28', '09:30', '13:00'));
  expect(found).toEqual(['2025-08-28', true, differs(early)]);
  expect(await check(xnse)).toMatchObject({ tradeDate, accounts: [] });
  expect((await scanned()).decisions).toMatchObject([{ reason: 'account_not_ready' }]);
  expect(await inNewYork('2025-08-29T09:00:00-04:00')).toEqual([
    '2025-08-29',
    true,
    differs('2025-08-29 alpaca has closed, our calendar of the NYSE 09:30 to 16:00'),
  ]);
  expect(await inNewYork('2025-09-01T09:00:00-04:00', day('2025-09-01', '09:30', '16:00'))).toEqual([
    '2025-09-01',
    false,
    differs('2025-09-01 alpaca has 09:30 to 16:00, our calendar of the NYSE closed'),
  ]);
  const ordinary = [day('2025-11-28', '09:30', '13:00'), day('2025-12-01', '09:30', '16:00')];
  expect(await inNewYork('2025-11-28T09:00:00-05:00', ...ordinary)).toEqual(['2025-11-28', true, null]);
  expect(await inNewYork('2025-12-26T09:00:00-05:00', { date: '2025-12-26', open: '9.30' })).toEqual([
    '2025-12-26',
    true,
    expect.stringMatching(/^unreadable_calendar: /),
  ]);
  const calls = alpaca.exchange.requests.filter(({ path }) => path.startsWith('/v2/calendar'));
  expect(calls[0]).toMatchObject({ method: 'GET', path: '/v2/calendar?start=2025-08-28&end=2025-08-28' });
  expect(new Set(calls.map(({ path }) => path)).size).toBe(5);
});
