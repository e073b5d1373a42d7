import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StoredOrder } from '../../src/ports/store/orders.ts';
import type { OrderToSend } from '../../src/ports/venue.ts';
import type { World } from '../../src/ports/world.ts';
import { ready } from '../../src/stages/accounts/readiness.ts';
import { submitSafely } from '../../src/stages/execute/execute.ts';
import { reported, settlementOf, stillUnknown } from '../../src/stages/execute/outcome.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../contract/support/test-run.ts';
import {
  openScriptedVenue,
  type ScriptedAnswer,
  type ScriptedVenue,
  venueFormats,
} from '../simulators/venues/scripted-venues.ts';
import { jumpingClock } from '../stages/support/clocks.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { nowMs, user } from '../support/builders.ts';
import { violations } from '../support/invariants.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';
import { mutated, oddBytes } from './odd-values.ts';
import { counter, type Target } from './target.ts';

const ORDER_BATCH_SIZE = 40;
const shown: OrderToSend = {
  ...{
    orderId: 7,
    clientOrderId: '0123456789abcdefghij',
    userId: 'asha',
    accountId: 1,
    exchange: 'NSE',
    symbol: 'TITAN',
  },
  ...{ side: 'BUY', quantity: 10, limitPriceMinor: 100_50, product: 'delivery' },
};

/** What is asked of a venue, and which of its addresses then answers something odd. */
const asks: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  submit: { kite: ['/orders/regular'], lemonn: ['/orders'], alpaca: ['/v2/orders'] },
  refusal: { kite: ['/orders/regular'], lemonn: ['/orders'], alpaca: ['/v2/orders'] },
  lookup: {
    kite: ['/orders', '/trades'],
    lemonn: ['/orderbook', '/tradebook'],
    alpaca: ['/v2/orders:by_client_order_id', '/v2/account/activities'],
  },
  ready: {
    kite: [
      '/user/profile',
      '/user/margins/equity',
      '/portfolio/holdings',
      '/portfolio/positions',
      '/margins/orders',
      '/orders',
      '/trades',
    ],
    lemonn: ['/funds', '/holdings', '/positions', '/margin-info', '/orderbook', '/tradebook'],
    alpaca: ['/v2/account', '/v2/positions', '/v2/orders?', '/v2/account/activities'],
  },
  quotes: { kite: ['/quote'], lemonn: ['/market-data/ltp'], alpaca: ['/v2/stocks/snapshots'] },
};

interface Fed {
  ask: string;
  at: string;
  answer: ScriptedAnswer;
}

function fedBy(venue: string): fc.Arbitrary<Fed> {
  const format = venueFormats[venue];
  if (!format) throw new Error(`there is no venue ${venue}`);
  const kinds = Object.entries(asks).flatMap(([ask, by]) => (by[venue] ?? []).map((at) => ({ ask, at })));
  return fc.oneof(
    ...kinds.map(({ ask, at }) => {
      const good = ask === 'refusal' ? JSON.parse(String(format.refusal.body)) : format.good(at, shown);
      const usual = ask === 'refusal' ? format.refusal.status : 200;
      const status = fc.oneof(
        { weight: 8, arbitrary: fc.constant(usual) },
        { weight: 1, arbitrary: fc.constantFrom(200, 204, 302, 400, 401, 403, 404, 422, 429, 500, 503) },
      );
      const body = oddBytes(mutated(good));
      const arbitrary = fc.record({ ask: fc.constant(ask), at: fc.constant(at), answer: fc.record({ status, body }) });
      // An account is asked at seven addresses, an order at one or two.
      return { weight: ask === 'ready' ? 1 : 4, arbitrary };
    }),
  );
}

/** Feeds one venue's answers: of an order beside a good one, of an account beside a good one. */
export async function venueTarget(venue: string, database: TestDatabase): Promise<Target> {
  const store = storeOf(database);
  const clock = jumpingClock(nowMs);
  const format = venueFormats[venue];
  if (!format) throw new Error(`there is no venue ${venue}`);
  const scripted = await openScriptedVenue(format, clock);
  const { fed, count } = counter();
  const pool = orders(database);
  const world: World = {
    ...{ store, clock, quotes: { read: async () => [] }, venues: new Map([[venue, scripted.venue]]) },
    ...{ notifier: { name: 'none', send: async () => ({ kind: 'sent', providerId: null }) } },
    ...{ operatorDays: async () => [], addressOf: async () => 'proxy', emit: () => undefined },
  };
  const users = ['odd', 'good'].map((name) => user(`${venue}-${name}`, { venue }));
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs });
  const accounts = await database.session.query(`select id::int from public.accounts where mode = 'live' order by id`);
  const [oddAccount = 0, goodAccount = 0] = accounts.slice(-2).map(({ id }) => Number(id));

  const property = fc.asyncProperty(fedBy(venue), async ({ ask, at, answer }) => {
    count(`${venue} ${ask}`);
    const say = (path: string) => (path.includes(at) ? answer : null);
    if (ask === 'ready') {
      scripted.script = { accountId: oddAccount, order: null, say };
      await expectGoodReady(world, goodAccount);
    } else if (ask === 'quotes') {
      scripted.script = { accountId: oddAccount, order: null, say };
      const account = { accountId: oddAccount, userId: `${venue}-odd` };
      const read = await scripted.venue.accountApi?.quotes(account, [{ exchange: 'NSE', symbol: 'TITAN' }]);
      for (const quote of read?.kind === 'read' ? read.value : []) {
        const { priceMinor, previousCloseMinor, lowerCircuitMinor, upperCircuitMinor, atMs } = quote;
        for (const minor of [
          priceMinor,
          previousCloseMinor ?? 1,
          lowerCircuitMinor ?? 1,
          upperCircuitMinor ?? 1,
          atMs,
        ]) {
          assert.ok(
            Number.isSafeInteger(minor) && (minor > 0 || minor === atMs),
            `${minor} in ${JSON.stringify(quote)}`,
          );
        }
      }
    } else await expectNeighbourBooked(database, scripted, await pool(), ask, say);
  });
  const close = async () => {
    await scripted.close();
    assert.deepEqual(await violations(database.session), []);
  };
  return { name: venue, property, fed, close };
}

/** Two orders at a time that have been sent, of a pool that is filled again when it is empty. */
function orders(database: TestDatabase): () => Promise<[StoredOrder, StoredOrder]> {
  const store = storeOf(database);
  let pool: StoredOrder[] = [];
  let round = 0;
  return async () => {
    if (pool.length < 2) {
      round += 1;
      const users = Array.from({ length: ORDER_BATCH_SIZE }, (_, n) => user(`fed-${round}-${n}`));
      await decideAll(await openTestRun(store, { runId: `XNSE:2025-08-28:open:paper:${round}`, users }));
      pool = await sendAll(store, `claim-${round}`);
    }
    const [odd, good] = pool.splice(0, 2);
    if (!odd || !good) throw new Error('two orders were to go');
    return [odd, good];
  };
}

/** An odd answer about one order, booked with the good fill of another: both are, the one as whatever it is. */
async function expectNeighbourBooked(
  database: TestDatabase,
  scripted: ScriptedVenue,
  [odd, good]: [StoredOrder, StoredOrder],
  ask: string,
  say: (path: string) => ScriptedAnswer | null,
): Promise<void> {
  const { venue } = scripted;
  const order = { ...odd, status: 'submitting' as const, startBeforeMs: Number.POSITIVE_INFINITY };
  scripted.script = { accountId: odd.accountId, order, say };
  const outcome = ask === 'lookup' ? await lookedUp() : settlementOf(order, await submitSafely(venue, order), nowMs);
  await settle(storeOf(database), [
    outcome,
    settlement(good.orderId, 'filled', { fills: [fill(`g${good.orderId}`, 10)] }),
  ]);
  const rows = await database.session.query(
    'select id::int, status, message, reason from public.orders where id in ($1, $2) order by id = $2',
    [odd.orderId, good.orderId],
  );
  assert.equal(rows[1]?.['status'], 'filled');
  assert.notEqual(rows[0]?.['status'], 'submitting');
  for (const text of [rows[0]?.['message'], rows[0]?.['reason']]) {
    assert.ok(text === null || String(text).length <= 200, `kept ${String(text).length} characters`);
  }

  async function lookedUp() {
    const found = await venue.lookup(order);
    if (found.kind === 'found') return reported(order, found.report, nowMs);
    return stillUnknown(order, found.kind === 'missing' ? 'not_found_at_venue' : found.reason, nowMs);
  }
}

/** Whatever one account's venue says, the other account's day begins. */
async function expectGoodReady(world: World, goodAccount: number): Promise<void> {
  const report = await ready(world, { mode: 'live', concurrency: 4 });
  const good = report.accounts.find(({ accountId }) => accountId === goodAccount);
  assert.deepEqual([good?.ready, good?.reason], [true, null]);
  for (const { reason } of report.accounts) assert.ok((reason ?? '').length <= 300);
}
