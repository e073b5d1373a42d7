import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OrderAsRequested } from '../../../src/domain/decision/single-order.ts';
import type { Market } from '../../../src/domain/market/market.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import type { OrderRequest } from '../../../src/stages/accept/order-inputs.ts';
import type { Placed } from '../../../src/stages/accept/single-orders.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { workOnce } from '../../../src/stages/execute-and-notify.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { placeOrders } from '../../support/place-orders.ts';
import { freshPglite, freshPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { type Day, fiveUsers, runDay, settingsOf, storeOf, titan, worldOf } from '../support/run-day.ts';

const [asha, rohan] = ['asha-rao', 'rohan-mehta'] as const;
const day: Day = { signals: null, users: null, opens: { TITAN: 3560_00, INFY: 1500_00 }, time: '10:30' };

describe('one order asked for by itself', () => {
  let database: TestDatabase;
  let store: Store;
  let world: World;
  beforeAll(async () => {
    database = await freshPglite();
    store = storeOf(database);
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    await emptyDatabase(database.session);
    world = await worldOf(store, day);
    const users = [...fiveUsers, importedUser('Poor Soul', { capitalMinor: 1000_00 })];
    await store.call('import_users', { by: tester, users, mode: 'paper', source: 'test', nowMs: world.clock.nowMs() });
  });

  let keys = 0;
  const request = (change: Partial<OrderAsRequested> = {}, of: Partial<OrderRequest> = {}): OrderRequest => {
    keys += 1;
    const order = { userId: asha, exchange: 'NSE', symbol: 'TITAN', side: 'BUY' as const, quantity: null };
    return {
      principal: 'key:1',
      key: `k${keys}`,
      bodyHash: JSON.stringify(change),
      by: null,
      order: { ...order, limitPriceMinor: null, ...change },
      ...of,
    };
  };
  const place = async (requests: OrderRequest[], in_ = world): Promise<Placed[]> =>
    (await placeOrders(in_, settingsOf(day), requests)).placed;
  const one = async (change: Partial<OrderAsRequested>, in_ = world) => (await place([request(change)], in_))[0];
  const orders = () => store.call('read_orders', { ...nothing, limit: 50 });
  const nothing = { userId: null, status: null, symbol: null, runId: null, beforeId: null };

  test('the limits are those of the market it is for: what rupees may not pass says nothing of dollars', async () => {
    const { mode, limits } = settingsOf(day);
    const named: string[] = [];
    const limitsOf = ({ currency }: Market) => {
      named.push(currency);
      return { ...limits, maxOrderValueMinor: currency === 'INR' ? 1000_00 : 10_00 };
    };
    const { placed } = await placeOrders(world, { mode, limits, limitsOf }, [request()]);
    expect(placed).toMatchObject([{ kind: 'refused', reason: 'max_order_value', limit: '1000.00' }]);
    expect(new Set(named)).toEqual(new Set(['INR']));
  });

  test('is sized as a signal would be, waits in the queue, and is filled when somebody sends', async () => {
    const placed = await one({});
    expect(placed).toMatchObject({ kind: 'accepted', fresh: true });
    expect(await orders()).toMatchObject([{ symbol: 'TITAN', quantity: 28, status: 'queued', runId: apiRun }]);
    expect(await execute(world, 5)).toBe(1);
    expect(await orders()).toMatchObject([{ status: 'filled', filledQuantity: 28 }]);
    expect(await store.call('check_books', {})).toEqual([]);
  });
  const apiRun = `XNSE:${tradeDate}:api:paper`;

  test('takes the quantity and the limit that are named', async () => {
    await one({ quantity: 3, limitPriceMinor: 3555_00 });
    expect(await orders()).toMatchObject([{ quantity: 3, limitPriceMinor: 3555_00 }]);
  });

  test('a limit the simulated market never reaches rests, says so, and expires with the day', async () => {
    await one({ quantity: 3, limitPriceMinor: 3500_00 });
    await execute(world, 5);
    const message = 'the simulated market stays at 3560.00 all day: this limit is not reached';
    expect(await orders()).toMatchObject([{ status: 'working', message: message }]);
    const evening = await worldOf(store, { ...day, time: '15:31' });
    await workOnce(evening, { concurrency: 5 });
    expect(await orders()).toMatchObject([{ status: 'expired', reason: 'venue_expired', message: message }]);
    expect(await store.call('check_books', {})).toEqual([]);
  });

  test('is decided at the instant its price came: a trade made while a venue was waited for is not ahead of us', async () => {
    const read: World['quotes']['read'] = async (wanted) => {
      await world.clock.sleep(20_000);
      return (await world.quotes.read(wanted)).map((quote) => ({ ...quote, atMs: world.clock.nowMs() }));
    };
    expect(await one({}, { ...world, quotes: { read } })).toMatchObject({ kind: 'accepted' });
    const future: World['quotes']['read'] = async (wanted) =>
      (await world.quotes.read(wanted)).map((quote) => ({ ...quote, atMs: world.clock.nowMs() + 60_000 }));
    const ahead = await one({ userId: rohan }, { ...world, quotes: { read: future } });
    expect(ahead).toMatchObject({ kind: 'refused', reason: 'price_unavailable' });
  });

  test.each([
    ['a limit far from the market', { limitPriceMinor: 5000_00 }, 'price_outside_band'],
    ['a symbol without a price', { symbol: 'NOSUCH' }, 'price_unavailable'],
    ['more than the money', { quantity: 900 }, 'insufficient_funds'],
    ['a sale of what is not held', { side: 'SELL' as const }, 'no_position'],
    ['a user whose money buys none', { userId: 'poor-soul' }, 'quantity_zero'],
  ])('is refused for %s, and the refusal is on record', async (_what, change, reason) => {
    expect(await one(change)).toMatchObject({ kind: 'refused', reason });
    expect(await orders()).toEqual([]);
    const decided = await database.session.query('select outcome, reason from public.decisions');
    expect(decided).toEqual([{ outcome: reason === 'no_position' ? 'skipped' : 'denied', reason }]);
  });

  test('a user nobody knows, a limit off the tick and part of a lot are no orders at all', async () => {
    const reliance = { exchange: 'NSE', symbol: 'TITAN', isin: null, name: 'Titan', tickMinor: 10, lotSize: 5 };
    await store.call('import_instruments', {
      by: tester,
      instruments: [{ ...reliance, freezeQuantity: null, fno: false, restricted: null }],
    });
    expect(await one({ userId: 'nobody' })).toEqual({ kind: 'no_such_user' });
    expect(await one({ limitPriceMinor: 3555_05 })).toMatchObject({ kind: 'invalid', field: 'limitPrice' });
    expect(await one({ quantity: 7 })).toMatchObject({ kind: 'invalid', field: 'quantity' });
    expect(await database.session.query('select 1 from public.decisions')).toEqual([]);
  });

  test('the same key again is the same order, also after the close; another body under it is refused', async () => {
    const order = request();
    const [first] = await place([order]);
    expect(first).toMatchObject({ kind: 'accepted', fresh: true });
    expect(await place([order])).toEqual([{ ...first, fresh: false }]);
    const late = await worldOf(store, { ...day, time: '16:00' });
    expect(await place([order, request()], late)).toMatchObject([
      { ...first, fresh: false },
      { kind: 'not_trading', reason: 'too_late' },
    ]);
    expect(await place([{ ...order, bodyHash: 'other' }])).toEqual([{ kind: 'other_body' }]);
    expect(await orders()).toHaveLength(1);
    const [denied] = await place([request({ symbol: 'NOSUCH' }, { key: 'again' })]);
    expect(await place([request({ symbol: 'NOSUCH' }, { key: 'again' })])).toEqual([denied]);
  });

  test('a second order of one user for one symbol in the same batch sees the first', async () => {
    const placed = await place([request(), request(), request({ userId: rohan }), request({ symbol: 'INFY' })]);
    expect(placed).toMatchObject([
      { kind: 'accepted' },
      { kind: 'refused', reason: 'working_order' },
      { kind: 'accepted' },
      { kind: 'accepted' },
    ]);
    expect(await store.call('check_books', {})).toEqual([]);
  });

  test('outside trading hours and on a holiday nothing is placed', async () => {
    for (const [time, reason] of [
      ['09:14', 'outside_window'],
      ['15:30', 'too_late'],
    ] as const) {
      expect(await one({}, await worldOf(store, { ...day, time }))).toMatchObject({ kind: 'not_trading', reason });
    }
  });

  test('a halt refuses it', async () => {
    const nowMs = world.clock.nowMs();
    await store.call('halt', { scope: 'user', target: asha, why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
    expect(await one({})).toMatchObject({ kind: 'refused', reason: 'halted' });
  });

  test('it is no signal of the day for others, and no summary is sent for it', async () => {
    await one({});
    expect(await store.call('read_inputs', { mode: 'paper', tradeDate, runId: '' })).toMatchObject({
      anySignals: false,
      signals: [],
    });
    await execute(world, 5);
    const report = await runDay(store, { signals: [titan], users: fiveUsers });
    expect(report.totals).toMatchObject({ users: 5, signals: 1, accepted: 4, skipped: 1 });
    expect(report.decisions.find(({ userId }) => userId === asha)).toMatchObject({ reason: 'already_holding' });
    const messages = await database.session.query(
      "select distinct split_part(run_id, ':', 3) as slot, kind from public.messages order by 1",
    );
    expect(messages).toEqual([
      { slot: 'api', kind: 'single_orders' },
      { slot: 'open', kind: 'summary' },
    ]);
  });
});

describe('many orders at once on Postgres', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await freshPostgres();
  });
  afterAll(() => database.close());

  test('the same key from many processes places one order; the others are told it is in flight or what became of it', async () => {
    const store = storeOf(database);
    const world = await worldOf(store, day);
    await store.call('import_users', {
      by: tester,
      users: fiveUsers,
      mode: 'paper',
      source: 'test',
      nowMs: world.clock.nowMs(),
    });
    const order = { userId: asha, exchange: 'NSE', symbol: 'TITAN', side: 'BUY' as const, quantity: 1 };
    const sale = {
      principal: 'key:1',
      key: 'same',
      bodyHash: 'b',
      order: { ...order, limitPriceMinor: null },
      by: null,
    };
    const all = await Promise.all(
      Array.from({ length: 12 }, () => placeOrders(world, settingsOf(day), [sale]).then(({ placed }) => placed[0])),
    );
    expect(all.filter((one) => one?.kind === 'accepted' && one.fresh)).toHaveLength(1);
    expect(all.every((one) => one?.kind === 'accepted' || one?.kind === 'in_flight')).toBe(true);
    expect(await database.session.query('select quantity from public.orders')).toEqual([{ quantity: '1' }]);
    expect(await store.call('check_books', {})).toEqual([]);
  });
});
