import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { sync } from '../../../src/stages/accounts/evening-sync.ts';
import { ready } from '../../../src/stages/accounts/readiness.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import {
  acceptAll,
  decideAll,
  notAccepted,
  openTestRun,
  settle,
  settlement,
  take,
  undecided,
} from '../../contract/support/test-run.ts';
import { nowMs, quote, signal, tradeDate } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { openVenueBooks, people, type VenueBooks } from '../support/venue-books.ts';

let database: TestDatabase;
let venues: VenueBooks;
beforeAll(async () => {
  database = await freshPglite();
});
beforeEach(async () => {
  venues = await openVenueBooks(database, istMs(tradeDate, '08:45'));
});
afterEach(async () => {
  await venues.close();
  expect(await violations(database.session)).toEqual([]);
  expect(await venues.world.store.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

const check = () => ready(venues.world, { mode: 'live', concurrency: 4 });
const reasons = async () => Object.fromEntries((await check()).accounts.map(({ userId, reason }) => [userId, reason]));
const titan = (quantity: number, averagePrice = 3_000) => ({ symbol: 'TITAN', quantity, averagePrice });
const accounts = () =>
  database.session.query(`select a.user_id as user, a.cash_minor::int as cash, (select sum(p.quantity)::int
    from public.positions p where p.account_id = a.id) as shares from public.accounts a order by 1`);
const answerMargins = () => {
  venues.lemonn.pages['POST /margin-info'] = { approximateMargin: '0' };
  venues.kite.pages['POST /margins/orders'] = [{ exchange: 'NSE', tradingsymbol: 'TITAN', total: 600 }];
};
const accountOf = async (userId: string) => {
  const [row] = await database.session.query('select id::int from public.accounts where user_id = $1', [userId]);
  return Number(row?.['id']);
};

describe('books brought to the venues’ at readiness', () => {
  test('leaves the books alone while a run of the day is open, and after a trade of the day', async () => {
    venues.say({ cash: 100, held: [] });
    await venues.kite.venue.submit({
      ...{ orderId: 1, clientOrderId: 'byhimself', userId: 'asha', accountId: await accountOf('asha') },
      ...{ exchange: 'NSE', symbol: 'INFY', side: 'BUY', quantity: 1, limitPriceMinor: 1, product: 'delivery' },
      startBeforeMs: Number.POSITIVE_INFINITY,
    });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    expect(await accounts()).toMatchObject([{ cash: 0 }, { cash: 100_00 }]);
    await openTestRun(venues.world.store, { mode: 'live', runId: 'live', users: people, quotes: [quote('TITAN')] });
    venues.say({ cash: 200, held: [] });
    answerMargins();
    const report = await check();
    expect(report).toMatchObject({ adjusted: 0 });
    expect(await accounts()).toMatchObject([{ cash: 0 }, { cash: 100_00 }]);
    // Asha has traded by herself, so her cash is no longer comparable; Ravi's books are known to be wrong.
    expect(report.accounts.map(({ reason }) => reason)).toEqual([
      null,
      'books_not_brought_up: an order or a run was under way',
    ]);
  });

  test('books shares that came with the broker’s leverage as such, and the rest as delivered', async () => {
    venues.say({ cash: 100, held: [] });
    venues.kite.pages['GET /portfolio/holdings'] = [
      ...[{ exchange: 'NSE', tradingsymbol: 'TITAN', opening_quantity: 4, average_price: 3_000 }].map((own) => {
        return { ...own, mtf: { quantity: 10, average_price: 3_010 } };
      }),
    ];
    await check();
    const held = () =>
      database.session.query(`select p.product, p.quantity::int from public.positions p
        join public.accounts a on a.id = p.account_id where a.venue = 'kite' order by 1`);
    const both = [
      { product: 'delivery', quantity: 4 },
      { product: 'mtf', quantity: 10 },
    ];
    expect(await held()).toEqual(both);
    expect(
      await database.session.query("select books_for::text as day from public.accounts where venue = 'kite'"),
    ).toEqual([{ day: tradeDate }]);
    await check();
    expect(await held()).toEqual(both);
  });

  test('another client’s refused order of the morning keeps nobody’s books from being brought up', async () => {
    const { store } = venues.world;
    venues.say({ cash: 12_000, held: [titan(7)] });
    answerMargins();
    const of = await openTestRun(store, {
      mode: 'live',
      runId: 'api',
      users: people.slice(1),
      quotes: [quote('TITAN')],
    });
    const decisions = (await undecided(of)).map((one) => {
      return { ...notAccepted(one, signal('TITAN'), 'denied', 'symbol_cap'), limit: '5000.00', actual: '10000.00' };
    });
    await store.call('accept_page', { runId: 'api', nowMs, decisions });
    await store.call('decide_run', { runId: 'api', nowMs });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    expect(await accounts()).toEqual(['asha', 'ravi'].map((one) => ({ user: one, cash: 12_000_00, shares: 7 })));
  });

  test('a run that was left in its planning the day before keeps nobody’s books from being brought up', async () => {
    venues.say({ cash: 20_000, held: [] });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    const left = await openTestRun(venues.world.store, { mode: 'live', runId: 'XNSE:left', users: people });
    await acceptAll(left);
    venues.clock.jump(24 * 60 * 60_000);
    venues.say({ cash: 15_000, held: [] });
    answerMargins();
    // Kite's login ended in the morning; Ravi's venue answers.
    expect(await reasons()).toMatchObject({ ravi: null });
    expect(await accounts()).toMatchObject([{ cash: 20_000_00 }, { cash: 15_000_00 }]);
    const orders = await database.session.query('select distinct status, reason from public.orders');
    expect(orders).toEqual([{ status: 'expired', reason: 'not_sent_in_time' }]);
  });

  test('an order that nobody has looked up since the day before is looked up first', async () => {
    venues.say({ cash: 20_000, held: [] });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    venues.clock.jump(istMs(tradeDate, '09:20') - venues.clock.nowMs());
    await decideAll(await openTestRun(venues.world.store, { mode: 'live', runId: 'left', users: people.slice(1) }));
    await execute(venues.world, 1);
    const statuses = () => database.session.query('select status from public.orders');
    expect(await statuses()).toEqual([{ status: 'working' }]);
    venues.clock.jump(24 * 60 * 60_000);
    venues.say({ cash: 18_990, held: [titan(10, 100)] });
    answerMargins();
    expect(await reasons()).toMatchObject({ ravi: null });
    expect(await statuses()).toEqual([{ status: 'filled' }]);
    expect((await accounts())[1]).toMatchObject({ shares: 10 });
  });

  test('an order that is left to a person is named to who waits for its account’s books, morning and evening', async () => {
    const { store, clock } = venues.world;
    venues.say({ cash: 20_000, held: [] });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    const mode = 'live';
    await decideAll(await openTestRun(store, { mode, runId: 'left', users: people.slice(1) }));
    const [order] = await take(store, 'm1', { venues: ['lemonn'] });
    const [orderId, id] = [order?.orderId ?? 0, order?.clientOrderId];
    await settle(store, [settlement(orderId, 'unknown')]);
    venues.clock.jump(24 * 60 * 60_000);
    venues.say({ cash: 15_000, held: [] });
    answerMargins();
    const reason = `books_not_brought_up: order ${id} is left to a person (npm run resolve)`;
    expect(await reasons()).toMatchObject({ ravi: reason });
    const alert = { type: 'orders_need_person', alert: true, count: 1, first: `${id} of ravi at lemonn` };
    expect(venues.events.filter(({ type }) => type === alert.type)).toEqual([alert]);
    await sync(venues.world, { mode, concurrency: 4 });
    expect(venues.events.filter(({ type }) => type === alert.type)).toEqual([alert, alert]);
    const by = { who: 'meera', how: 'cli' } as const;
    const resolution = { order: String(id), as: 'canceled', quantity: null, priceMinor: null, by } as const;
    expect(await store.call('resolve_order', { ...resolution, nowMs: clock.nowMs() })).toMatchObject({
      kind: 'resolved',
    });
    expect(await reasons()).toMatchObject({ ravi: null });
    expect((await accounts())[1]).toMatchObject({ cash: 15_000_00 });
  });

  test('an odd row costs the account its day only where it is about a share that may be traded', async () => {
    const titanToday = signal('TITAN');
    await venues.world.store.call('import_signals', { by: tester, signals: [titanToday], source: 'test' });
    venues.say({ cash: 100, held: [titan(2)] });
    const [held] = venues.kite.pages['GET /portfolio/holdings'] as object[];
    const odd = { ...held, tradingsymbol: 'ITC', opening_quantity: null };
    venues.lemonn.pages['POST /margin-info'] = { approximateMargin: '0' };
    venues.kite.pages['POST /margins/orders'] = [{ exchange: 'NSE', tradingsymbol: 'TITAN', total: 600 }];
    venues.kite.pages['GET /portfolio/holdings'] = [odd, { ...held, average_price: null }];
    venues.kite.pages['GET /quote'] = {
      'NSE:TITAN': {
        ...{ timestamp: `${tradeDate} 08:44:00`, last_trade_time: `${tradeDate} 08:44:00` },
        ...{ last_price: 3_000, ohlc: { close: 3_000 } },
      },
    };
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    expect(await accounts()).toMatchObject([{ shares: 2 }, { shares: 2 }]);
    expect(venues.events).toContainEqual(expect.objectContaining({ type: 'rows_left_out', userId: 'asha', rows: 1 }));
    venues.kite.pages['GET /portfolio/holdings'] = [{ ...odd, tradingsymbol: 'TITAN' }];
    const reason = 'unreadable_holdings: NSE:TITAN (opening_quantity: invalid_type)';
    expect(await reasons()).toEqual({ asha: reason, ravi: null });
  });
});
