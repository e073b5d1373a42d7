import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/adapters/clock.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { VenueAccountApi } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import type { OrderRequest } from '../../../src/stages/accept/order-inputs.ts';
import { orderIntake } from '../../../src/stages/accept/single-orders.ts';
import { ready } from '../../../src/stages/accounts/readiness.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { quote, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { type Day, fiveUsers, settingsOf, storeOf, worldOf } from '../support/run-day.ts';
import { openVenueBooks } from '../support/venue-books.ts';

const day: Day = { signals: null, users: null, opens: { TITAN: 3560_00 }, time: '10:30' };

function request(key: string, userId: string, symbol = 'TITAN'): OrderRequest {
  const order = { userId, exchange: 'NSE', symbol, side: 'BUY' as const, quantity: 1, limitPriceMinor: null };
  return { principal: 'key:1', key, bodyHash: key, order, by: null };
}

let database: TestDatabase;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

describe('a broker that is slow to say its margin', () => {
  /** The world with some calls of Kite's account API replaced. */
  const withKite = (world: World, change: Partial<VenueAccountApi>): World => {
    const kite = world.venues.get('kite');
    if (!kite?.accountApi) throw new Error('there is no Kite here');
    return {
      ...world,
      venues: new Map(world.venues).set('kite', { ...kite, accountApi: { ...kite.accountApi, ...change } }),
    };
  };
  const opened = async () => {
    const venues = await openVenueBooks(database, istMs(tradeDate, '08:45'));
    venues.say({ cash: 50_000, held: [] });
    venues.lemonn.pages['POST /margin-info'] = { approximateMargin: '100.00' };
    await ready(venues.world, { mode: 'live', concurrency: 2 });
    venues.clock.jump(istMs(tradeDate, '10:30') - venues.clock.nowMs());
    const world = { ...venues.world, quotes: { read: async () => [quote('TITAN', 100_00, venues.clock.nowMs())] } };
    return { venues, world, settings: { ...settingsOf(day), mode: 'live' as const } };
  };

  test('keeps only its own order waiting', async () => {
    const { venues, world, settings } = await opened();
    const answered = Promise.withResolvers<void>();
    const placeOrder = orderIntake(
      withKite(world, {
        async margins() {
          await answered.promise;
          return { kind: 'read', value: [{ marginMinor: 100_00, chargesMinor: 0 }] };
        },
      }),
      settings,
    );
    const slow = placeOrder(request('slow', 'asha'));
    expect((await placeOrder(request('quick', 'ravi'))).placed).toMatchObject({ kind: 'accepted' });
    // One that comes while the other still waits.
    expect((await placeOrder(request('later', 'ravi'))).placed).toMatchObject({
      kind: 'refused',
      reason: 'working_order',
    });
    answered.resolve();
    expect((await slow).placed).toMatchObject({ kind: 'accepted' });
    await venues.close();
  });

  test('and never says it, is waited for no longer than some seconds, and only that order is refused', async () => {
    const { venues, world, settings } = await opened();
    const events: AnyEvent[] = [];
    const silent = withKite(world, { margins: () => new Promise(() => undefined) });
    const placeOrder = orderIntake({ ...silent, emit: (event) => events.push(event) }, settings);
    const hung = placeOrder(request('hung', 'asha'));
    expect((await placeOrder(request('quick', 'ravi'))).placed).toMatchObject({ kind: 'accepted' });
    expect((await hung).placed).toMatchObject({ kind: 'refused', reason: 'margin_unavailable' });
    expect(events).toMatchObject([{ type: 'venue_margins_unavailable', userId: 'asha', reason: 'no_answer_in_time' }]);
    await venues.close();
  });

  test('or breaks while saying it, costs no other order its place', async () => {
    const { venues, world, settings } = await opened();
    const placeOrder = orderIntake(
      withKite(world, { margins: () => Promise.reject(new TypeError('odd answer')) }),
      settings,
    );
    const both = await Promise.all([placeOrder(request('broken', 'asha')), placeOrder(request('sound', 'ravi'))]);
    expect(both.map(({ placed }) => placed)).toMatchObject([
      { kind: 'refused', reason: 'margin_unavailable' },
      { kind: 'accepted' },
    ]);
    await venues.close();
  });
});

describe('requests that come together', () => {
  let store: Store;
  let world: World;
  beforeEach(async () => {
    await emptyDatabase(database.session);
    store = storeOf(database);
    world = await worldOf(store, day);
    await store.call('import_users', {
      by: tester,
      users: fiveUsers,
      mode: 'paper',
      source: 'test',
      nowMs: world.clock.nowMs(),
    });
  });

  test('go without the one that the database can not take, which fails alone', async () => {
    // No text does this any more, so the database is told to.
    await database.session.exec(`create function public.refuse_key() returns trigger language plpgsql as $$ begin
        if new.idempotency_key like 'refused%' then
          raise exception 'invalid byte sequence' using errcode = '22021';
        end if;
        return new;
      end $$;
      create trigger refuse_key before insert on public.order_requests
      for each row execute function public.refuse_key();`);
    const placeOrder = orderIntake(world, settingsOf(day));
    const requests = [
      request('one', 'asha-rao'),
      request('refused 1', 'rohan-mehta'),
      request('refused 2', 'kavita-iyer'),
      request('two', 'sanjay-gupta'),
    ];
    const all = await Promise.allSettled(requests.map(placeOrder));
    await database.session.exec('drop function public.refuse_key() cascade');
    const failed = { status: 'rejected', reason: { name: 'DatabaseError', kind: 'refused' } };
    const accepted = { status: 'fulfilled', value: { placed: { kind: 'accepted' } } };
    expect(all).toMatchObject([accepted, failed, failed, accepted]);
    expect(await store.call('check_books', {})).toEqual([]);
  });

  test('go by their own market’s hours and account, and one no run is made in is closed', async () => {
    const sessions: unknown[] = [];
    const recording: Store = {
      ...store,
      call(name, args) {
        if (name === 'place_orders') sessions.push(Reflect.get(args, 'sessionId'));
        return store.call(name, args);
      },
    };
    const of = (exchange: string, key: string, userId: string): OrderRequest => {
      const one = request(key, userId);
      return { ...one, order: { ...one.order, exchange } };
    };
    const placedAt = async (time: string, requests: OrderRequest[]) => {
      const clock = virtualClock(istMs(tradeDate, time));
      const placeOrder = orderIntake({ ...world, store: recording, clock }, settingsOf(day));
      const all = await Promise.all(requests.map(placeOrder));
      return all.map(({ placed }) => placed);
    };
    const idle = { kind: 'not_trading', reason: 'market_closed', nextSession: null };
    const morning = [
      of('US', 'a1', 'asha-rao'),
      of('BSE', 'a2', 'rohan-mehta'),
      of('NSE', 'a3', 'kavita-iyer'),
      of('SOLANA', 'a4', 'sanjay-gupta'),
    ];
    const closed = { kind: 'not_trading', reason: 'outside_window', nextSession: `XNYS:${tradeDate}:open` };
    expect(await placedAt('10:30', morning)).toMatchObject([closed, idle, { kind: 'accepted' }, idle]);
    // 10:30 in New York.
    const evening = [of('US', 'b1', 'asha-rao'), of('NSE', 'b2', 'kavita-iyer'), of('LSE', 'b3', 'rohan-mehta')];
    const rupees = { kind: 'refused', reason: 'no_account_in_currency', actual: 'INR' };
    expect(await placedAt('20:00', evening)).toMatchObject([rupees, { kind: 'not_trading', reason: 'too_late' }, idle]);
    expect(sessions).toEqual([`XNSE:${tradeDate}:api`, `XNYS:${tradeDate}:api`]);
  });

  test('are not asked one by one of a database that is gone', async () => {
    let calls = 0;
    const lost: Store = {
      ...store,
      call(name, args) {
        if (name !== 'place_orders') return store.call(name, args);
        calls += 1;
        throw new DatabaseError('gone', { kind: 'lost', code: '' });
      },
    };
    const placeOrder = orderIntake({ ...world, store: lost }, settingsOf(day));
    const all = await Promise.allSettled(fiveUsers.map(({ id }, index) => placeOrder(request(`k${index}`, id))));
    expect(all.map(({ status }) => status)).toEqual(fiveUsers.map(() => 'rejected'));
    expect(calls).toBe(1);
  });

  test('are read by one call and accepted by one', async () => {
    const calls: string[] = [];
    const recording: Store = {
      ...store,
      call(name, args) {
        calls.push(name);
        return store.call(name, args);
      },
    };
    const placeOrder = orderIntake({ ...world, store: recording }, settingsOf(day));
    await Promise.all(fiveUsers.map(({ id }, index) => placeOrder(request(`k${index}`, id))));
    expect(calls.filter((name) => name === 'read_order_inputs' || name === 'place_orders')).toEqual([
      'read_order_inputs',
      'place_orders',
    ]);
  });
});
