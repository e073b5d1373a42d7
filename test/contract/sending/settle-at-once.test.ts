// A batch in one statement and the same batch step by step: the same rows, whatever the venue says.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callStatement } from '../../../src/adapters/store/sql-call.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { encoded, type Store } from '../../../src/ports/store/store.ts';
import { brokenPromises } from '../../support/broken-promises.ts';
import { nowMs } from '../../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type Batch, drawnOrders, type OrderBefore, TalkingVenue } from '../support/random-outcomes.ts';
import { take } from '../support/test-run.ts';

const SEEDS = 40;
const ROUNDS = 5;

/** Everything settle writes; what is numbered, in its account's or its order's sequence, without the numbers. */
const ROWS_SQL = `select jsonb_build_object(
  'orders', (select jsonb_agg(to_jsonb(o) order by o.id) from public.orders o),
  'fills', (select jsonb_agg(to_jsonb(f) - 'id' order by f.account_id, f.order_id, f.venue_fill_id)
    from public.fills f),
  'entries', (select jsonb_agg(to_jsonb(e) - 'id' - 'fill_id' || jsonb_build_object('fill', f.venue_fill_id)
    order by e.account_id, e.id) from public.ledger_entries e left join public.fills f on f.id = e.fill_id),
  'events', (select jsonb_agg(to_jsonb(e) - 'id' order by e.order_id, e.id) from public.order_events e),
  'positions', (select jsonb_agg(to_jsonb(p) order by p.account_id, p.instrument_id, p.product)
    from public.positions p),
  'accounts', (select jsonb_agg(to_jsonb(a) order by a.id) from public.accounts a),
  'drifts', (select jsonb_agg(to_jsonb(d) - 'id' order by d.account_id, d.what, d.ours) from public.drifts d),
  'sends', (select jsonb_agg(to_jsonb(s) - 'id' order by s.signal_id, s.id) from public.sends s)) as rows`;

const ORDERS_SQL = `select id::int as "orderId", status, side, quantity::int, filled_quantity::int as filled, attempts
  from public.orders order by id`;

let database: TestPostgres;
/** On the session, so that all of it is one transaction that is rolled back. */
let store: Store;

beforeAll(async () => {
  database = await freshPostgres();
  const { session } = database;
  await session.exec(`set daily_scan.now = '2025-08-28T03:50:00Z'`);
  const call = async (name: string, args: unknown) => {
    const [row] = await session.query(callStatement(name), [JSON.stringify(args)]);
    return row?.['answer'];
  };
  store = makeStore({ call, close: async () => undefined });
  const [settle] = await session.query(`select pg_get_functiondef('public.settle_orders'::regproc) as source`);
  const source = String(settle?.['source']);
  const bySteps = source
    .replace('public.settle_orders', 'public.settle_orders_by_steps')
    .replace(/if cardinality\(touched\) = .* then/, 'if false then');
  expect(bySteps).toContain('if false then');
  await session.exec(bySteps);
});
afterAll(() => database.close());

/** What a way of settling answers and leaves behind; the database is as it was before. */
async function played(way: string, batch: Batch): Promise<unknown> {
  const { session } = database;
  await session.exec('savepoint before');
  const [row] = await session.query(callStatement(way), [JSON.stringify(encoded('settle_orders', batch))]);
  const [after] = await session.query(ROWS_SQL);
  await session.exec('rollback to savepoint before');
  return { answer: row?.['answer'], after };
}

const met = new Set<string>();

/** What of a batch goes in one statement, and what its answer says of the rest. */
async function settled(batch: Batch): Promise<void> {
  const atOnce = await database.session.query(
    `select side, next_status, n > 1 as parts
     from core.judge_outcomes(core.outcomes_in($1::jsonb, now()), now())`,
    [JSON.stringify(batch)],
  );
  for (const { side, next_status, parts } of atOnce) {
    met.add(`${side} ${next_status}`);
    if (parts) met.add(`${side} in parts`);
  }
  const answer = await store.call('settle_orders', batch);
  if (atOnce.length > 0 && atOnce.length < answer.settled) met.add('some by steps');
  if (answer.lateFills.length > 0) met.add('late');
  if (answer.wrongFills.length > 0) met.add('wrong');
}

/**
 * Gives some orders a second one of their account and share, of either side: accepting refuses that, so that settling is
 * the last to see to it.
 */
async function doubleOrders({ chance }: TalkingVenue, seed: number): Promise<void> {
  const { session } = database;
  for (const { orderId } of (await session.query(ORDERS_SQL)) as unknown as OrderBefore[]) {
    if (chance.happens(0.5)) continue;
    const side = chance.pick(['BUY', 'SELL']);
    await session.query(
      `with doubled as (
         insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
           position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi, product,
           rate_id, hold_minor, charges_minor, status, attempts, send_before, created_at, submitted_at, changed_at)
         select 'twice' || $2 || 'x' || id, run_id, signal_id, user_id, account_id, instrument_id, venue,
           position, queue_position, $3, 5, decision_price_minor, case $3 when 'BUY' then 10050 else 9949 end,
           leverage_centi, product, (select r.id from public.charge_rates r
             where (r.side, r.product) = ($3, o.product) order by r.id limit 1),
           case $3 when 'BUY' then 60000 else 0 end, 100, status, attempts, send_before, created_at, submitted_at,
           changed_at
         from public.orders o where id = $1 returning id, account_id, hold_minor
       ), held as (
         insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
         select account_id, id, 'hold', 0, hold_minor, now() from doubled
       )
       update public.accounts a set held_minor = held_minor + doubled.hold_minor from doubled
       where a.id = doubled.account_id`,
      [orderId, String(seed), side],
    );
  }
}

test('two orders of one account and share are settled in one statement as they are step by step', async () => {
  const { session } = database;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    await session.exec('begin');
    const venue = new TalkingVenue(seed);
    await drawnOrders(store, venue.chance);
    await doubleOrders(venue, seed);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const batch = venue.batch((await session.query(ORDERS_SQL)) as unknown as OrderBefore[], round);
      expect(await played('settle_orders', batch), `seed ${seed}, round ${round}`).toEqual(
        await played('settle_orders_by_steps', batch),
      );
      await settled(batch);
    }
    await session.exec('rollback');
  }
}, 120_000);

test(`${SEEDS} days are settled in one statement as they are step by step`, async () => {
  const { session } = database;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    await session.exec('begin');
    const venue = new TalkingVenue(seed);
    await drawnOrders(store, venue.chance);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const batch = venue.batch((await session.query(ORDERS_SQL)) as unknown as OrderBefore[], round);
      const about = `seed ${seed}, round ${round}`;
      expect(await played('settle_orders', batch), about).toEqual(await played('settle_orders_by_steps', batch));
      await settled(batch);
      await take(store, `again-${round}`, { nowMs: nowMs + round * 10_000 + 1_000 });
    }
    expect(await brokenPromises(store), `seed ${seed}`).toEqual([]);
    await session.exec('rollback');
  }
  // Batches in which nothing happens prove nothing.
  const ways = ['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired', 'unknown', 'queued'];
  const both = ['BUY', 'SELL'].flatMap((side) => ways.map((way) => `${side} ${way}`));
  const all = [...both, 'BUY in parts', 'some by steps', 'late', 'wrong'];
  expect(all.filter((one) => !met.has(one))).toEqual([]);
}, 120_000);
