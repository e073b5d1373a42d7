// The floor of the http case: the rows of a single order, written by one call without any rule.
import { randomBytes } from 'node:crypto';
import { Hono } from 'hono';
import pg from 'pg';
import type { BenchDatabase } from '../core/databases.ts';
import { importDay, tradeDate } from '../core/day.ts';

const RUN = `XNSE:${tradeDate}:floor:paper`;

/**
 * What a single order is in the database, by one insert for each table: its decision, the order with its event, the hold
 * and the account's balance, and the request's key. Each with its indexes, checks and triggers as they are.
 */
const FUNCTION = `create function public.write_floor_order(args jsonb) returns jsonb
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  account_of_user bigint;
  instrument bigint;
  signal text;
  new_order bigint;
begin
  select s.id, i.id into signal, instrument from public.instruments i join public.signals s on s.instrument_id = i.id
  where (i.exchange, i.symbol) = ('NSE', args ->> 'symbol');
  update public.accounts set held_minor = held_minor + 10050
  where (user_id, venue, mode) = (args ->> 'userId', 'paper', 'paper') returning id into account_of_user;
  insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome, quantity,
    price_minor, hold_minor)
  values ('${RUN}', signal, args ->> 'userId', account_of_user, 0, 1, 'accepted', 1, 10000, 10050);
  insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue, position,
    queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi, product, rate_id, hold_minor,
    charges_minor, send_before, created_at, changed_at)
  values (args ->> 'clientOrderId', '${RUN}', signal, args ->> 'userId', account_of_user, instrument, 'paper', 0, 1, 'BUY',
    1, 10000, 10050, 100, 'delivery', (select min(id) from public.charge_rates), 10050, 0, now() + interval '1 hour', now(),
    now()) returning id into new_order;
  insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
  values (account_of_user, new_order, 'hold', 0, 10050, now());
  insert into public.order_requests (principal, idempotency_key, body_hash, run_id, signal_id, user_id, requested_at,
    limits)
  values ('key:floor', args ->> 'key', args ->> 'key', '${RUN}', signal, args ->> 'userId', now(), '{}');
  return jsonb_build_object('orderId', new_order);
end $$`;

/** Users and symbols as the other database of the case has them, a run to write orders into, and the function. */
export async function prepareFloor({ store, session }: BenchDatabase, users: number, symbols: number): Promise<void> {
  await importDay(store, users, symbols);
  await session.exec(`insert into public.scan_runs (id, session_id, trade_date, mode, state, limits, cut_off_at,
      takes_orders_until, opened_at, decided_at, plan_hash)
    values ('${RUN}', 'XNSE:${tradeDate}:floor', '${tradeDate}', 'paper', 'decided', '{}', now(), now(), now(), now(), '');
    insert into public.run_signals (run_id, signal_id, position, send_before)
    select '${RUN}', id, rank, now() from public.signals;
    ${FUNCTION}`);
}

/** `POST /floor`: the body and the key of a request for an order, and the same answer. */
export function floorRoute(url: string): Hono {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  return new Hono().post('/floor', async (c) => {
    const order = await c.req.json();
    const clientOrderId = randomBytes(10).toString('hex');
    const args = JSON.stringify({ ...order, clientOrderId, key: c.req.header('Idempotency-Key') });
    const { rows } = await pool.query('select public.write_floor_order($1::jsonb) as answer', [args]);
    return c.json({ ...rows[0].answer, clientOrderId, status: 'queued', executionScheduled: true }, 202);
  });
}
