import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import { masterKeys } from '../../src/compose/venues.ts';
import { makeWorld, scanSettings } from '../../src/compose/world.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { istMs } from '../../src/domain/market/india-time.ts';
import type { Quotes, World } from '../../src/ports/world.ts';
import { type RunResult, run } from '../../src/run.ts';
import { apiKey, apiSecret, type KiteExchange, openKiteExchange } from '../simulators/venues/kite-exchange.ts';
import { type JumpingClock, jumpingClock } from '../stages/support/clocks.ts';
import { infy, storeOf, titan } from '../stages/support/run-day.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { importedUser, instrument, tradeDate } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { placeOrders } from '../support/place-orders.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';

let database: TestDatabase;
let clock: JumpingClock;
let kite: KiteExchange;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

const nobodysQuotes: Quotes = { read: () => Promise.reject(new Error('live trading has the venues’ prices')) };

/** Asha's order would be of 28 shares, Ravi's of 14. */
const users = [importedUser('Asha', { venue: 'kite' }), importedUser('Ravi', { venue: 'kite', allocationBps: 1000 })];

beforeEach(async () => {
  await emptyDatabase(database.session);
  clock = jumpingClock(istMs(tradeDate, '09:20'));
  kite = await openKiteExchange(clock);
  const stamp = `${tradeDate} 09:19:58`;
  const quote = { timestamp: stamp, last_trade_time: stamp, last_price: 3564.8, ohlc: { close: 3500 } };
  kite.pages['GET /quote'] = { 'NSE:TITAN': quote };
  margin(({ price, quantity }) => (price * quantity) / 5);
  return () => kite.close();
});

function margin(of: (order: { price: number; quantity: number }) => number): void {
  kite.pages['POST /margins/orders'] = (_query: unknown, body: string) =>
    JSON.parse(body).map((order: { price: number; quantity: number }) => ({
      ...order,
      total: of(order),
      charges: { total: 200 },
    }));
}

/** Everything as the settings say, from the environment to the exchange; only the clock is the test's. */
async function connectedWorld(connected = [1, 2]): Promise<{ world: World; config: Config; events: AnyEvent[] }> {
  const CREDENTIALS_KEY = randomBytes(32).toString('base64');
  const read = readConfig({
    TRADING_MODE: 'live',
    MAX_ORDER_VALUE: '1000000',
    CREDENTIALS_KEY,
    KITE_BASE_URL: kite.baseUrl,
    KITE_ALGO_ID: 'ALGO1',
  });
  const keys = read.kind === 'config' ? masterKeys(read.config) : null;
  if (read.kind !== 'config' || !keys) throw new Error('the settings are good');
  const store = storeOf(database);
  await store.call('import_instruments', { by: tester, instruments: [instrument('TITAN'), instrument('INFY')] });
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: clock.nowMs() });
  await database.session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
    update public.accounts set cash_minor = 10000000, not_ready = null, checked_for = '${tradeDate}'`);
  const accounts = await database.session.query('select id::int from public.accounts order by id');
  for (const [index, row] of accounts.entries()) {
    if (!connected.includes(index + 1)) continue;
    const owner = { accountId: Number(row['id']), venue: 'kite', mode: 'live' } as const;
    const secrets = { clientId: 'AB1234', apiKey, apiSecret, accessToken: `token${index + 1}` };
    await storeVault({ store, clock, keys, by: null }).write(owner, secrets, null);
  }
  const events: AnyEvent[] = [];
  const target = { kind: 'embedded', path: null } as const;
  const options = { config: read.config, target, store, clock, quotes: nobodysQuotes, faults: null };
  const world = await makeWorld({ ...options, emit: (event) => events.push(event) });
  return { world, config: read.config, events };
}

async function scanned(connected = [1, 2]): Promise<{ result: RunResult; events: AnyEvent[] }> {
  const { world, config, events } = await connectedWorld(connected);
  const inputs = {
    signalsSource: 'test',
    usersSource: 'test',
    instruments: [],
    signals: [titan, infy],
    users: null,
    problems: [],
    by: tester,
  };
  const request = { dryRun: false, expectPlan: null, waitMs: 120_000, inputs };
  return { result: await run(world, { ...scanSettings(config), ...request }), events };
}

const decisions = async () =>
  (
    await database.session.query(
      'select user_id, outcome, reason, hold_minor::int as hold from public.decisions where signal_id = $1 order by user_id',
      [titan.id],
    )
  ).map(({ user_id, outcome, reason, hold }) => [user_id, outcome, reason, hold]);

test('a live scan trades at the venue of its settings, at the venue’s price, holding the venue’s margin where it is more', async () => {
  margin(({ quantity }) => (quantity === 28 ? 25_000 : 100));
  const { result } = await scanned();
  expect(result).toMatchObject({ report: { mode: 'live', totals: { accepted: 2, filled: 2, unknown: 0 } } });
  // 28 and 14 at 3564.80: the same as in the simulated market.
  expect(
    kite
      .book()
      .map(({ quantity, filledQuantity }) => [quantity, filledQuantity])
      .toSorted(),
  ).toEqual([
    [14, 14],
    [28, 28],
  ]);
  const sent = kite.requests.filter(({ path }) => path === '/orders/regular');
  expect(
    sent.map(({ headers, body }) => [headers.authorization, new URLSearchParams(body).get('algo_id')]).toSorted(),
  ).toEqual([
    [`token ${apiKey}:token1`, 'ALGO1'],
    [`token ${apiKey}:token2`, 'ALGO1'],
  ]);
  const [asha, ravi] = await decisions();
  expect(asha).toEqual(['asha', 'accepted', null, 25_000_00 + 200_00]);
  // Ours: 14 at the limit of 3582.60, a fifth of it, and charges.
  expect(ravi?.[3]).toBeGreaterThan(10_031_28);
  expect(await storeOf(database).call('check_books', {})).toEqual([]);
});

test('what the venue has no price for is not traded', async () => {
  const { result } = await scanned();
  const report = result.kind === 'report' ? result.report : null;
  expect(report?.decisions.filter(({ symbol }) => symbol === 'INFY').map(({ reason }) => reason)).toEqual([
    'price_unavailable',
    'price_unavailable',
  ]);
});

test('where the venue does not say what margin it wants, nothing is bought', async () => {
  margin(({ quantity }) => (quantity === 14 ? 0 : 1));
  await scanned();
  const [asha, ravi] = await decisions();
  expect([asha?.[1], ravi]).toEqual(['accepted', ['ravi', 'denied', 'margin_unavailable', 0]]);
  expect(kite.book()).toHaveLength(1);
});

test.each([1e300, 1e14])(
  'a margin of %d is an answer that means nothing: nobody else is held up by it',
  async (total) => {
    margin(({ quantity }) => (quantity === 14 ? total : 1));
    await scanned();
    const [asha, ravi] = await decisions();
    expect([asha?.[1], ravi]).toEqual(['accepted', ['ravi', 'denied', 'margin_unavailable', 0]]);
  },
);

test('a margin beyond what there is, is insufficient funds', async () => {
  margin(({ quantity }) => (quantity === 14 ? 100_000 : 1));
  await scanned();
  expect((await decisions())[1]).toEqual(['ravi', 'denied', 'insufficient_funds', 0]);
});

test('prices come through whoever is logged in; without anybody there are none, and nothing is sent', async () => {
  await scanned([2]);
  expect((await decisions()).map(([userId, , reason]) => [userId, reason])).toEqual([
    ['asha', 'margin_unavailable'],
    ['ravi', null],
  ]);
  await emptyDatabase(database.session);
  const none = await scanned([]);
  expect((await decisions()).map(([, , reason]) => reason)).toEqual(['price_unavailable', 'price_unavailable']);
  expect(none.events).toContainEqual(expect.objectContaining({ type: 'quotes_missing' }));
  expect(kite.book()).toHaveLength(1);
});

test('single orders of one second share one question for prices', async () => {
  const { world, config } = await connectedWorld();
  const place = async (userId: string, key: string) => {
    const order = {
      userId,
      exchange: 'NSE',
      symbol: 'TITAN',
      side: 'BUY',
      quantity: 1,
      limitPriceMinor: null,
    } as const;
    const request = { principal: 'key:1', key, bodyHash: key, order, by: null };
    return (await placeOrders(world, scanSettings(config), [request])).placed[0]?.kind;
  };
  clock.jump(istMs(tradeDate, '10:00') - clock.nowMs());
  const stamp = `${tradeDate} 09:59:58`;
  const quote = { timestamp: stamp, last_trade_time: stamp, last_price: 3564.8, ohlc: { close: 3500 } };
  kite.pages['GET /quote'] = { 'NSE:TITAN': quote };
  const questions = () => kite.requests.filter(({ path }) => path.startsWith('/quote')).length;
  const beganMs = clock.nowMs();
  const still = { ...clock, nowMs: () => beganMs };
  Object.assign(world, { clock: still });
  expect(await Promise.all(['asha', 'ravi'].map((user) => place(user, `1 ${user}`)))).toEqual(['accepted', 'accepted']);
  expect(questions()).toBe(1);
});
