import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { OrderToStart } from '../../../src/ports/venue.ts';
import { sync } from '../../../src/stages/accounts/evening-sync.ts';
import { ready } from '../../../src/stages/accounts/readiness.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { reconcile } from '../../../src/stages/execute/reconcile.ts';
import { acknowledgeDrifts } from '../../contract/support/acknowledge-drifts.ts';
import { decideAll, openTestRun, settle, settlement } from '../../contract/support/test-run.ts';
import { brokenPromises } from '../../support/broken-promises.ts';
import { tradeDate } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { type AtVenue, openVenueBooks, people, type VenueBooks } from '../support/venue-books.ts';

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
  expect(await brokenPromises(venues.world.store)).toEqual([]);
});
afterAll(() => database.close());

const rupees = 50_000;
const bought = { symbol: 'TITAN', quantity: 10, averagePrice: 100.5 };
/** What the venues say in the evening when all went well: cash is the morning's, as Kite has it. */
const evening: AtVenue = { cash: rupees, available: rupees - 1_005, held: [], boughtToday: [bought] };

/** A day on which Asha and Ravi buy 10 TITAN each, up to the evening. */
async function traded(): Promise<void> {
  venues.say({ cash: rupees, held: [] });
  await ready(venues.world, { mode: 'live', concurrency: 4 });
  venues.clock.jump(istMs(tradeDate, '09:20') - venues.clock.nowMs());
  const testRun = await openTestRun(venues.world.store, { mode: 'live', runId: 'live', users: people });
  await decideAll(testRun);
  await execute(venues.world, 1);
  for (const pauseMs of [5_000, 60_000, 60_000]) {
    venues.clock.jump(pauseMs);
    await reconcile(venues.world, 1);
  }
  venues.say(evening);
  venues.clock.jump(istMs(tradeDate, '15:45') - venues.clock.nowMs());
}

const compare = () => sync(venues.world, { mode: 'live', concurrency: 4 });
const driftsOf = async () => (await compare()).drifts.map(({ kind, ours, theirs }) => ({ kind, ours, theirs }));
const alerts = () => venues.events.filter(({ alert }) => alert).map(({ type, count }) => `${type} ${count}`);
const blocked = async () => {
  const rows = await database.session.query(
    'select user_id from public.accounts where not_ready is not null order by 1',
  );
  return rows.map(({ user_id }) => user_id);
};
const statuses = async () =>
  (await database.session.query('select status from public.orders order by id')).map(({ status }) => status);

/** An order that comes to Kite past our core. */
async function strangeOrder(clientOrderId: string): Promise<void> {
  const [asha] = await database.session.query("select id::int from public.accounts where user_id = 'asha'");
  const order: OrderToStart = {
    startBeforeMs: Number.POSITIVE_INFINITY,
    ...{ orderId: 9, clientOrderId, userId: 'asha', accountId: Number(asha?.['id']) },
    ...{ exchange: 'NSE', symbol: 'INFY', side: 'BUY', quantity: 1, limitPriceMinor: 1, product: 'delivery' },
  };
  expect(await venues.kite.venue.submit(order)).toMatchObject({ kind: 'acknowledged' });
}

describe('the evening’s reconciliation', () => {
  test('finds nothing where the venues say what our books say', async () => {
    await traded();
    expect(await statuses()).toEqual(['filled', 'filled']);
    expect(await compare()).toMatchObject({
      tradingDay: true,
      complete: true,
      compared: 2,
      notCompared: [],
      drifts: [],
    });
    expect(await blocked()).toEqual([]);
    expect(alerts()).toEqual([]);
  });

  test('an order under one of our ids that we know nothing of is the worst, and blocks its account', async () => {
    await traded();
    await strangeOrder('0123456789abcdefghij');
    const drift = { kind: 'unknown_order', ours: 'no such order', theirs: 'BUY 1 NSE:INFY filled, 1 filled' };
    expect(await driftsOf()).toEqual([drift]);
    expect(alerts()).toEqual(['drift_found 1']);
    expect(await blocked()).toEqual(['asha']);
    expect(await driftsOf()).toEqual([]);
    await acknowledgeDrifts(venues.world.store, { userId: 'asha', venue: 'kite', mode: 'live' }, venues.clock.nowMs());
    expect(await driftsOf()).toEqual([]);
    expect(await blocked()).toEqual([]);
  });

  test('what clients order themselves is their own affair', async () => {
    await traded();
    await strangeOrder('byhimself');
    expect(await driftsOf()).toEqual([]);
  });

  test('a second order under the id of a first is as bad', async () => {
    await traded();
    await strangeOrder(venues.kite.book()[0]?.clientOrderId ?? '');
    expect(await driftsOf()).toEqual([{ kind: 'unknown_order', ours: 'one order', theirs: 'several orders' }]);
  });

  test('an order that filled further than we know', async () => {
    venues.kite.next('partial_fill');
    venues.say({ cash: rupees, held: [] });
    await ready(venues.world, { mode: 'live', concurrency: 1 });
    venues.clock.jump(istMs(tradeDate, '09:20') - venues.clock.nowMs());
    const users = people.slice(0, 1);
    await decideAll(await openTestRun(venues.world.store, { mode: 'live', runId: 'live', users }));
    await execute(venues.world, 1);
    venues.clock.jump(5_000);
    await reconcile(venues.world, 1);
    await database.session.exec(`update public.orders set next_lookup_at = null`);
    const [order] = await database.session.query('select id::int from public.orders');
    await settle(venues.world.store, [settlement(Number(order?.['id']), 'canceled')], venues.clock.nowMs());
    venues.say(evening);
    venues.clock.jump(60_000);
    expect(await driftsOf()).toEqual([
      { kind: 'order', ours: 'BUY 10 NSE:TITAN canceled, 5 filled', theirs: 'BUY 10 NSE:TITAN filled, 10 filled' },
      { kind: 'funds', ours: '49496.90', theirs: '48995.00' },
    ]);
  });

  test('an order that is not in the venue’s book', async () => {
    await traded();
    const rest = { apiKey: 'kitetestkey', apiSecret: 'kitetestsecret' };
    venues.kite.credentials = () => ({ ...rest, accessToken: 'token999' });
    const ours = 'BUY 10 NSE:TITAN filled, 10 filled';
    expect(await driftsOf()).toEqual([{ kind: 'order', ours, theirs: 'not in the book' }]);
  });

  test('shares that are not there; shares more than we know wait for the morning', async () => {
    await traded();
    venues.say({ ...evening, boughtToday: [{ ...bought, quantity: 4 }], held: [{ ...bought, symbol: 'INFY' }] });
    const drift = { kind: 'position', ours: '10', theirs: '4' };
    expect(await driftsOf()).toEqual([drift, drift]);
    expect(await blocked()).toEqual(['asha', 'ravi']);
  });

  test('money that is not there, beyond what a margin may differ by; more money waits for the morning', async () => {
    await traded();
    venues.say({ ...evening, available: rupees - 1_020 });
    expect(await driftsOf()).toEqual([]);
    venues.say({ ...evening, available: rupees + 500 });
    expect(await driftsOf()).toEqual([]);
    venues.say({ ...evening, available: rupees - 2_000 });
    const drift = { kind: 'funds', ours: expect.stringMatching(/^4899/), theirs: '48000.00' };
    expect(await driftsOf()).toEqual([drift, drift]);
  });

  test('on a quiet day it is the cash that must be there', async () => {
    venues.say({ cash: rupees, held: [] });
    await ready(venues.world, { mode: 'live', concurrency: 4 });
    venues.say({ cash: rupees - 10, available: rupees, held: [] });
    const drift = { kind: 'funds', ours: '50000.00', theirs: '49990.00' };
    expect(await driftsOf()).toEqual([drift, drift]);
  });

  test('money that other business has blocked is not taken for cash, and no drift when it is more in the evening', async () => {
    // The vendor's sample: 245431.60 of cash, of which derivatives leave 99725.05.
    const morning = { cash: 245_431.6, available: 99_725.05, span: 140_970.25, held: [] };
    venues.say(morning);
    await ready(venues.world, { mode: 'live', concurrency: 4 });
    const cash = await database.session.query('select cash_minor::int as cash from public.accounts');
    expect(cash).toEqual([{ cash: 99_725_05 }, { cash: 99_725_05 }]);
    venues.clock.jump(istMs(tradeDate, '15:45') - venues.clock.nowMs());
    expect(await driftsOf()).toEqual([]);
    venues.say({ ...morning, available: 49_725.05, span: 190_970.25 });
    expect(await driftsOf()).toEqual([]);
    // Cash itself that went is not blocked: it is missing.
    venues.say({ ...morning, cash: 195_431.6, available: 49_725.05 });
    expect(await driftsOf()).toEqual(Array(2).fill({ kind: 'funds', ours: '99725.05', theirs: '49725.05' }));
  });

  test('after a trade only what the venue calls blocked by others explains what is missing', async () => {
    await traded();
    venues.say({ ...evening, available: rupees - 11_005, span: 10_000 });
    expect(await driftsOf()).toEqual([{ kind: 'funds', ours: '48993.80', theirs: '38995.00' }]);
    // Kite says what blocks, Lemonn does not.
    expect(await blocked()).toEqual(['ravi']);
    venues.say({ ...evening, available: rupees - 11_005 });
    expect(await driftsOf()).toEqual([{ kind: 'funds', ours: '48993.80', theirs: '38995.00' }]);
    expect(await blocked()).toEqual(['asha', 'ravi']);
  });

  test('a row about a share of ours that can’t be read is told, another’s decides nothing', async () => {
    await traded();
    const pages = venues.kite.pages;
    const odd = { exchange: 'NSE', tradingsymbol: 'ITC', opening_quantity: 'five' };
    pages['GET /portfolio/holdings'] = [odd];
    expect(await compare()).toMatchObject({ compared: 2, notCompared: [], drifts: [] });
    pages['GET /portfolio/holdings'] = [{ ...odd, tradingsymbol: 'TITAN' }];
    expect(await compare()).toMatchObject({
      compared: 1,
      notCompared: [{ userId: 'asha', reason: 'unreadable_holdings: NSE:TITAN (opening_quantity: invalid_type)' }],
      drifts: [],
    });
  });

  test('what only one of two looks sees was on its way', async () => {
    await traded();
    venues.kite.answerNext(200, JSON.stringify({ status: 'success', data: [] }));
    expect(await driftsOf()).toEqual([]);
  });

  test('what is still looked up is left to that', async () => {
    await traded();
    await database.session.exec(`alter table public.orders disable trigger user;
      update public.orders set status = 'working', ended_at = null, next_lookup_at = now();
      alter table public.orders enable trigger user`);
    venues.say({ ...evening, boughtToday: [] });
    expect(await driftsOf()).toEqual([]);
    await database.session.exec(`alter table public.orders disable trigger user;
      update public.orders o set status = 'filled', ended_at = (select at from public.ledger_entries e
        where e.order_id = o.id and e.kind = 'post');
      alter table public.orders enable trigger user`);
  });

  test('a venue that does not answer is told, and no drift', async () => {
    await traded();
    venues.lemonn.pages['GET /holdings'] = undefined;
    const report = await compare();
    const reason = expect.stringMatching(/^unreadable_holdings: /);
    expect(report).toMatchObject({
      compared: 1,
      notCompared: [{ userId: 'ravi', venue: 'lemonn', reason }],
      drifts: [],
    });
    expect(alerts()).toEqual(['books_not_compared 1']);
    expect(await blocked()).toEqual([]);
  });

  test('is nothing in paper trading and on a holiday', async () => {
    expect(await sync(venues.world, { mode: 'paper', concurrency: 1 })).toMatchObject({ compared: 0 });
    venues.clock.jump(istMs('2025-08-30', '15:45') - venues.clock.nowMs());
    expect(await compare()).toMatchObject({ tradingDay: false, compared: 0 });
    expect(venues.kite.requests).toEqual([]);
  });
});
