import { z } from 'zod';
import { callStatement, toDatabaseError } from '../../src/adapters/store/sql-call.ts';
import { orderStatuses } from '../../src/domain/order.ts';
import type { Database, SqlSession } from '../../src/ports/database.ts';

export type Ground = Database & { session: SqlSession };

const id = z.int();

/** All that the promises are checked against, in one look. */
const snapshot = z.object({
  orders: z.array(
    z.object({
      id,
      clientOrderId: z.string(),
      runId: z.string(),
      signalId: z.string(),
      userId: z.string(),
      accountId: id,
      venue: z.string(),
      symbol: z.string(),
      side: z.enum(['BUY', 'SELL']),
      quantity: z.int(),
      decisionPriceMinor: z.int(),
      status: z.enum(orderStatuses),
      reason: z.string().nullable(),
      attempts: z.int(),
      looks: z.int(),
      nextLookMs: z.int().nullable(),
      sendBeforeMs: z.int(),
      createdAtMs: z.int(),
      lateFill: z.boolean(),
    }),
  ),
  fills: z.array(z.object({ orderId: id, venueFillId: z.string(), quantity: z.int(), priceMinor: z.int() })),
  messages: z.array(
    z.object({ id, userId: z.string(), status: z.string(), text: z.string().nullable(), dueMs: z.int() }),
  ),
  runs: z.array(z.object({ id: z.string(), state: z.enum(['planning', 'decided', 'done']), users: z.int() })),
  accounts: z.array(z.object({ id, cashMinor: z.int(), heldMinor: z.int(), entries: z.int() })),
});

export type Snapshot = z.infer<typeof snapshot>;

/** A function, so that the database plans it once: it is asked after every step. */
const LOOK_SQL = `create or replace function pg_temp.look() returns jsonb language plpgsql as $$ begin
return jsonb_build_object(
  'orders', (select coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'clientOrderId', o.client_order_id,
    'runId', o.run_id, 'signalId', o.signal_id, 'userId', o.user_id, 'accountId', o.account_id, 'venue', o.venue,
    'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity, 'decisionPriceMinor', o.decision_price_minor,
    'status', o.status, 'reason', o.reason, 'attempts', o.attempts, 'looks', o.looks,
    'nextLookMs', core.ms(o.next_look_at), 'sendBeforeMs', core.ms(o.send_before),
    'createdAtMs', core.ms(o.created_at), 'lateFill', o.late_fill) order by o.id), '[]')
    from public.orders o join public.instruments i on i.id = o.instrument_id),
  'fills', (select coalesce(jsonb_agg(jsonb_build_object('orderId', order_id, 'venueFillId', venue_fill_id,
    'quantity', quantity, 'priceMinor', price_minor) order by id), '[]') from public.fills where order_id is not null),
  'messages', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'userId', user_id, 'status', status,
    'text', text, 'dueMs', core.ms(due_at)) order by id), '[]') from public.messages),
  'runs', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'state', state, 'users',
    (select count(*) from public.run_users where run_id = scan_runs.id))), '[]') from public.scan_runs),
  'accounts', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'cashMinor', cash_minor, 'heldMinor', held_minor,
    'entries', (select count(*) from public.ledger_entries where account_id = accounts.id)) order by id), '[]')
    from public.accounts));
end $$`;

/** Calls one function of the database at an instant of its own clock, and looks at what it left behind. */
export type Calls = (
  name: string,
  args: unknown,
  nowMs: number,
) => Promise<{ answer: unknown /** null: nothing has changed since the last look. */; changed: Snapshot | null }>;

/** One statement does all three (its parts run from left to right): three would take half of a schedule's time. */
export async function callsOn({ session }: Ground): Promise<Calls> {
  await session.exec(LOOK_SQL);
  let last = '';
  return async (name, args, nowMs) => {
    const sql = `select set_config('daily_scan.now', $2, false), (${callStatement(name)}), pg_temp.look()::text as seen`;
    const at = new Date(nowMs).toISOString();
    const [row] = await session.query(sql, [JSON.stringify(args), at]).catch((error: unknown) => {
      throw toDatabaseError(name, error);
    });
    const seen = String(row?.['seen']);
    const changed = seen === last ? null : snapshot.parse(JSON.parse(seen));
    last = seen;
    return { answer: row?.['answer'] ?? null, changed };
  };
}

const brokenBooks = z.array(z.object({ rule: z.string(), subject: z.string() }));

/** What the database's own check says of the books. */
export async function booksOf(ground: Ground): Promise<string[]> {
  const broken = brokenBooks.parse(await ground.call('check_books', {}));
  return broken.map(({ rule, subject }) => `${rule} (${subject})`);
}

/** Status changes that the table of transitions does not know, or that do not follow one another. */
export async function brokenHistories({ session }: Ground): Promise<string[]> {
  const rows = await session.query(`
    select format('order %s went from %s to %s after %s', order_id, from_status, to_status, before) as what from (
      select *, lag(to_status) over (partition by order_id order by id) as before from public.order_events) e
    where from_status is distinct from before
      or (from_status is not null and not core.may_follow(from_status, to_status))`);
  return rows.map(({ what }) => String(what));
}

/** Sets the database's own clock. */
export async function setDatabaseClock({ session }: Ground, nowMs: number): Promise<void> {
  await session.query("select set_config('daily_scan.now', $1, false)", [new Date(nowMs).toISOString()]);
}

/**
 * Deletes all rows but those the migrations put there and starts every number at 1 again, so that a schedule finds the
 * same database whatever ran before. `whole` also gives back the room of the deleted rows (nothing here vacuums).
 */
export async function emptied({ session }: Ground, whole: boolean): Promise<void> {
  const tables = await session.query(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'paper_venue', 'core') and tablename not in ('charge_rates', 'order_transitions')`);
  const names = tables.map(({ name }) => String(name));
  const empty = whole ? [`truncate ${names.join(', ')}`] : names.map((name) => `delete from ${name}`);
  // `replica` keeps foreign keys, and the triggers that refuse any deletion, out of the way.
  await session.exec(['begin', 'set local session_replication_role = replica', ...empty, 'commit'].join('; '));
  await session.query(`select setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
    from pg_sequences where schemaname in ('public', 'paper_venue')`);
}
