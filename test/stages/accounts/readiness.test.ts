import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readinessText } from '../../../src/commands/accounts/ready.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { ready } from '../../../src/stages/accounts/readiness.ts';
import { plain } from '../../../src/terminal/table.ts';
import { acknowledgeDrifts } from '../../contract/support/acknowledge-drifts.ts';
import { openTestRun, undecided } from '../../contract/support/test-run.ts';
import { signal, tradeDate, user } from '../../support/builders.ts';
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
const alerts = () => venues.events.filter(({ alert }) => alert).map(({ type, count }) => `${type} ${count}`);
const titan = (quantity: number, averagePrice = 3_000) => ({ symbol: 'TITAN', quantity, averagePrice });
const accounts = () =>
  database.session.query(`select a.user_id as user, a.cash_minor::int as cash, (select sum(p.quantity)::int
    from public.positions p where p.account_id = a.id) as shares from public.accounts a order by 1`);
const adjustments = async () =>
  (await database.session.query("select source from public.ledger_entries where kind = 'adjustment' order by id")).map(
    ({ source }) => source,
  );

describe('readiness', () => {
  test('of accounts whose venues answer opens them for the day, with the venues’ money and shares, once', async () => {
    venues.say({ cash: 50_000.5, held: [titan(7)] });
    const report = await check();
    expect(report).toMatchObject({ tradeDate, tradingDay: true, complete: true, adjusted: 2, external: 2, drifts: [] });
    expect(report.accounts.map((one) => one.ready)).toEqual([true, true]);
    const booked = ['asha', 'ravi'].map((userId) => ({ user: userId, cash: 50_000_50, shares: 7 }));
    expect(await accounts()).toEqual(booked);
    expect(await adjustments()).toEqual(['kite at readiness of 2025-08-28', 'lemonn at readiness of 2025-08-28']);
    expect(await check()).toMatchObject({ adjusted: 0, external: 0 });
    venues.say({ cash: 40_000, held: [titan(10)] });
    expect(await check()).toMatchObject({ adjusted: 2, external: 2 });
    expect(await accounts()).toEqual(booked.map((one) => ({ ...one, cash: 40_000_00, shares: 10 })));
    expect(alerts()).toEqual([]);
    const testRun = await openTestRun(venues.world.store, { mode: 'live', runId: 'live', users: people });
    expect((await undecided(testRun)).map(({ notReady }) => notReady)).toEqual([null, null]);
  });

  test('says who has no login, tells it once, and leaves the other alone', async () => {
    venues.say({ cash: 100, held: [] });
    const rest = { apiKey: 'kitetestkey', apiSecret: 'kitetestsecret' };
    venues.kite.credentials = () => ({ ...rest, accessToken: 'dead' });
    expect(await reasons()).toEqual({ asha: expect.stringMatching(/^no_login: /), ravi: null });
    expect(alerts()).toEqual(['login_missing 1']);
    expect(await accounts()).toMatchObject([{ cash: 0 }, { cash: 100_00 }]);
    const requestCount = venues.kite.requests.length;
    venues.kite.credentials = ({ accountId }) => ({ ...rest, accessToken: `token${accountId}` });
    expect(await reasons()).toEqual({ asha: null, ravi: null });
    expect(requestCount).toBe(1);
  });

  test('logs in by itself where the venue lets it', async () => {
    venues.say({ cash: 100, held: [] });
    const good = venues.lemonn.credentials;
    venues.lemonn.credentials = (account) => ({ ...(good(account) as object), accessToken: 'token-C0' });
    expect((await reasons())['ravi']).toMatch(/^no_login: /);
    const logIn = async () => {
      venues.lemonn.credentials = good;
      return { kind: 'open', untilMs: null } as const;
    };
    venues.world = { ...venues.world, logins: new Map([['lemonn', { logIn }]]) };
    expect((await reasons())['ravi']).toBeNull();
  });

  test.each([
    ['GET /user/margins/equity', {}, 'unreadable_funds'],
    ['GET /portfolio/holdings', undefined, 'unreadable_holdings'],
    ['GET /portfolio/positions', { net: 'none' }, 'unreadable_holdings'],
  ])('is not there where %s answers oddly, and nothing is booked', async (page, answer, reason) => {
    venues.say({ cash: 100, held: [titan(1)] });
    venues.kite.pages[page] = answer;
    expect((await reasons())['asha']).toMatch(new RegExp(`^${reason}: `));
    expect(await accounts()).toMatchObject([
      { cash: 0, shares: null },
      { cash: 100_00, shares: 1 },
    ]);
  });

  test('bears a slip of the venue', async () => {
    venues.say({ cash: 100, held: [] });
    venues.kite.answerNext(502, '<html>');
    venues.kite.answerNext(200, '');
    expect((await reasons())['asha']).toBeNull();
  });

  test('takes no money at all for an odd answer, and no shares at all for a drift', async () => {
    venues.say({ cash: 100, held: [titan(5)] });
    await check();
    venues.say({ cash: 0, held: [titan(5)] });
    expect((await reasons())['asha']).toMatch(/^funds_empty: /);
    venues.say({ cash: 100, held: [] });
    expect((await check()).drifts).toMatchObject([
      { kind: 'position', what: 'NSE:TITAN', ours: '5', theirs: '0' },
      { kind: 'position', what: 'NSE:TITAN', ours: '5', theirs: '0' },
    ]);
    expect(alerts()).toEqual(['drift_found 2']);
    expect(await accounts()).toMatchObject([
      { cash: 100_00, shares: 5 },
      { cash: 100_00, shares: 5 },
    ]);
    venues.say({ cash: 100, held: [titan(5)] });
    expect((await reasons())['asha']).toMatch(/^drift: position NSE:TITAN: ours 5, theirs 0: acknowledge it$/);
    await acknowledgeDrifts(venues.world.store, { userId: 'asha', venue: 'kite', mode: 'live' }, venues.clock.nowMs());
    expect(await reasons()).toMatchObject({ asha: null, ravi: expect.stringMatching(/^drift/) });
  });

  test('finds no drift any more where a person has acknowledged that shares are gone', async () => {
    venues.say({ cash: 100, held: [titan(5)] });
    await check();
    venues.say({ cash: 700, held: [titan(2)] });
    await check();
    await acknowledgeDrifts(venues.world.store, { userId: 'asha', venue: 'kite', mode: 'live' }, venues.clock.nowMs());
    expect(await check()).toMatchObject({ drifts: [], external: 0 });
    expect(await accounts()).toMatchObject([
      { cash: 700_00, shares: 2 },
      { cash: 700_00, shares: 5 },
    ]);
  });

  test('books the same shares once more where our books had lost them again that day', async () => {
    for (const held of [[titan(5)], [], [titan(5)]]) {
      venues.say({ cash: 100, held });
      await check();
      const nowMs = venues.clock.nowMs();
      await acknowledgeDrifts(venues.world.store, { userId: 'asha', venue: 'kite', mode: 'live' }, nowMs);
      venues.clock.jump(60_000);
    }
    expect(await accounts()).toMatchObject([{ shares: 5 }, {}]);
    expect(await check()).toMatchObject({ external: 0 });
  });

  test('knows a share by its ISIN at either exchange', async () => {
    venues.say({ cash: 100, held: [titan(5)] });
    await check();
    venues.say({ cash: 100, held: [{ ...titan(5), exchange: 'BSE' }] });
    expect(await check()).toMatchObject({ drifts: [], external: 0 });
  });

  test('books a share without a cost at the day’s price, and not at all without one', async () => {
    venues.say({ cash: 100, held: [titan(3, 0)] });
    venues.kite.pages['GET /quote'] = {
      'NSE:TITAN': {
        ...{ timestamp: `${tradeDate} 08:40:00`, last_trade_time: `${tradeDate} 08:39:00` },
        ...{ last_price: 3_100, ohlc: { close: 3_000 } },
      },
    };
    expect(await reasons()).toEqual({ asha: null, ravi: 'no_price_of_holding: NSE:TITAN' });
    const fills = await database.session.query('select source, price_minor::int as price from public.fills');
    expect(fills).toEqual([{ source: 'external', price: 3_100_00 }]);
  });

  test('keeps one account’s holding that is beyond exact numbers from ending the check of the others', async () => {
    venues.say({ cash: 100, held: [titan(900_000_000_000, 0)] });
    const quote = { timestamp: `${tradeDate} 08:40:00`, last_trade_time: `${tradeDate} 08:39:00` };
    venues.kite.pages['GET /quote'] = { 'NSE:TITAN': { ...quote, last_price: 3_100, ohlc: { close: 3_000 } } };
    expect(await reasons()).toEqual({
      asha: 'holding_beyond_exact_numbers: NSE:TITAN',
      ravi: 'no_price_of_holding: NSE:TITAN',
    });
  });

  test('asks a margin where there is something to trade: an answer is enough', async () => {
    const signals = [signal('TITAN')];
    await venues.world.store.call('import_signals', { by: tester, signals, source: 'test' });
    venues.lemonn.pages['POST /margin-info'] = { approximateMargin: '0' };
    venues.kite.pages['POST /margins/orders'] = { total: 'much' };
    expect(await reasons()).toEqual({ asha: expect.stringMatching(/^unreadable_margin: /), ravi: null });
  });

  test('asks it for a share of every exchange of the day before it takes a venue for silent', async () => {
    const signals = ['TITAN', 'INFY', 'SBIN', 'ITC'].map((symbol, n) => signal(symbol, { rank: n + 1 }));
    const bse = signal('AXISBANK', { rank: 5, exchange: 'BSE' });
    await venues.world.store.call('import_signals', { by: tester, signals: [...signals, bse], source: 'test' });
    venues.lemonn.pages['POST /margin-info'] = { approximateMargin: '0' };
    venues.kite.pages['POST /margins/orders'] = (_query: unknown, body: string) =>
      JSON.parse(body).map((one: { exchange: string }) => ({ ...one, total: one.exchange === 'BSE' ? 1 : 'none' }));
    expect(await reasons()).toEqual({ asha: null, ravi: null });
  });

  test('needs an address that is known, where the venue takes orders from no other', async () => {
    venues.world = { ...venues.world, addressOf: async ({ userId }) => (userId === 'asha' ? 'proxy' : null) };
    expect(await reasons()).toEqual({ asha: null, ravi: 'address_not_confirmed' });
  });

  test('is none at a venue that is not set up, and for users who are paused nobody asks', async () => {
    await venues.close();
    venues = await openVenueBooks(database, istMs(tradeDate, '08:45'), [...people, user('zoe', { venue: 'alpaca' })]);
    await venues.world.store.call('set_user', { by: tester, userId: 'ravi', active: false });
    expect(await reasons()).toEqual({ asha: null, zoe: 'venue_not_set_up: alpaca' });
    expect(venues.lemonn.requests).toEqual([]);
  });

  test('books nothing on a day without trading, and is no verdict for the next', async () => {
    await venues.close();
    venues = await openVenueBooks(database, istMs('2025-08-27', '08:45'));
    venues.say({ cash: 100, held: [] });
    expect(await check()).toMatchObject({
      tradingDay: false,
      adjusted: 0,
      accounts: [{ ready: true }, { ready: true }],
    });
    const testRun = await openTestRun(venues.world.store, { mode: 'live', runId: 'live', users: people });
    const waiting = (await undecided(testRun)).map(({ notReady }) => notReady);
    expect(waiting).toEqual(['not_checked_today', 'not_checked_today']);
  });

  test('is shown as a table, with what to do', async () => {
    venues.world = { ...venues.world, addressOf: async ({ userId }) => (userId === 'asha' ? 'proxy' : null) };
    const text = readinessText(await check(), 120, plain);
    expect(text).toMatch(/✓ +asha +kite +ready/);
    expect(text).toMatch(/✗ +ravi +lemonn +address_not_confirmed/);
    expect(text).toContain('1 of 2 ready for 2025-08-28');
    expect(text).toContain(
      '✗ ravi: orders must come from the address registered at lemonn: npm run account -- connect',
    );
    const paper = await ready(venues.world, { mode: 'paper', concurrency: 1 });
    expect(readinessText(paper, 120, plain)).toBe('Paper accounts need no check: they are always ready.');
  });
});
