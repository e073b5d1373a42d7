// The database a simulation plays on: emptied before each seed, and read as a whole by the checks.
import { z } from 'zod';
import { toDatabaseError } from '../../../src/adapters/store/sql-call.ts';
import { orderStatuses } from '../../../src/domain/order.ts';
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import { EMPTIED_BY_TESTS_SQL } from '../../support/databases/for-tests.ts';
import { plannedOnce } from '../../support/databases/planned-once.ts';
import { drained } from './drained.ts';

/** The database of a simulation: all of it is one connection's, so schedules are played one after another. */
export interface Ground {
  session: SqlSession;
  /** Somebody else's session of the same database; left out where there can be only one. */
  outsider?: SqlSession;
  /** Calls one function at an instant of the database's own clock, and looks at what it left behind. */
  call(name: string, args: unknown, nowMs: number): Promise<Called>;
  /** The same without the look. */
  callUnseen(name: string, args: unknown, nowMs: number): Promise<unknown>;
  /** The database as a schedule finds it, whatever ran before it. */
  empty(whole: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface Called {
  answer: unknown;
  /** null: nothing has changed since the last look. */
  changed: { tables: Snapshot /** What the database's own check says of the books. */; brokenBooks: string[] } | null;
}

const id = z.int();

/** All that the promises are checked against, in one look. */
const tables = z.object({
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
      lookups: z.int(),
      nextLookupMs: z.int().nullable(),
      sendBeforeMs: z.int(),
      createdAtMs: z.int(),
      lateFill: z.boolean(),
      claimId: z.string().nullable(),
      leaseUntilMs: z.int().nullable(),
    }),
  ),
  fills: z.array(z.object({ orderId: id, venueFillId: z.string(), quantity: z.int(), priceMinor: z.int() })),
  messages: z.array(
    z.object({ id, userId: z.string(), status: z.string(), text: z.string().nullable(), dueMs: z.int() }),
  ),
  runs: z.array(z.object({ id: z.string(), state: z.enum(['planning', 'decided', 'done']), users: z.int() })),
  breakers: z.array(z.object({ venue: z.string(), signalId: z.string(), troubledAccounts: z.int() })),
  accounts: z.array(z.object({ id, cashMinor: z.int(), heldMinor: z.int(), entries: z.int() })),
});

export type Snapshot = z.infer<typeof tables>;

const broken = z.array(z.object({ rule: z.string(), subject: z.string(), leftToAPerson: z.boolean() }));
const checkedAnswer = z.object({ answer: z.unknown(), snapshot: z.object({ tables, broken }).nullable() });

/** Functions, so that the database plans them once. This one answers only where something has changed since it last did. */
const SNAPSHOT_SQL = `create function pg_temp.snapshot() returns json language plpgsql as $snapshot$
declare
  snapshot constant json := json_build_object(
    'orders', (select coalesce(json_agg(json_build_object('id', o.id, 'clientOrderId', o.client_order_id,
      'runId', o.run_id, 'signalId', o.signal_id, 'userId', o.user_id, 'accountId', o.account_id, 'venue', o.venue,
      'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity, 'decisionPriceMinor', o.decision_price_minor,
      'status', o.status, 'reason', o.reason, 'attempts', o.attempts, 'lookups', o.lookups,
      'nextLookupMs', (extract(epoch from o.next_lookup_at) * 1000)::bigint, 'sendBeforeMs', (extract(epoch from o.send_before) * 1000)::bigint,
      'createdAtMs', (extract(epoch from o.created_at) * 1000)::bigint, 'lateFill', o.late_fill,
      'claimId', o.claim_id, 'leaseUntilMs', (extract(epoch from o.lease_until) * 1000)::bigint) order by o.id), '[]')
      from public.orders o join public.instruments i on i.id = o.instrument_id),
    'fills', (select coalesce(json_agg(json_build_object('orderId', order_id, 'venueFillId', venue_fill_id,
      'quantity', quantity, 'priceMinor', price_minor) order by id), '[]')
      from public.fills where order_id is not null),
    'messages', (select coalesce(json_agg(json_build_object('id', id, 'userId', user_id, 'status', status,
      'text', text, 'dueMs', (extract(epoch from due_at) * 1000)::bigint) order by id), '[]') from public.messages),
    'runs', (select coalesce(json_agg(json_build_object('id', id, 'state', state, 'users',
      (select count(*) from public.run_users where run_id = scan_runs.id))), '[]') from public.scan_runs),
    'breakers', (select coalesce(json_agg(json_build_object('venue', b.venue, 'signalId', b.signal_id,
      'troubledAccounts', (select count(distinct o.account_id) from public.orders o
        join public.order_events e on e.order_id = o.id and e.from_status = 'submitting'
          and e.to_status in ('unknown', 'queued')
        where (o.run_id, o.venue) = (b.run_id, b.venue) and b.signal_id in ('', o.signal_id)))
      order by b.venue, b.signal_id), '[]') from public.breakers b where b.is_open and b.account_id = 0),
    'accounts', (select coalesce(json_agg(json_build_object('id', id, 'cashMinor', cash_minor,
      'heldMinor', held_minor,
      'entries', (select count(*) from public.ledger_entries where account_id = accounts.id)) order by id), '[]')
      from public.accounts));
  digest constant text := md5(snapshot::text);
  broken text := current_setting('simulation.broken', true);
  books text;
begin
  if digest = current_setting('simulation.snapshot', true) then return null; end if;
  perform set_config('simulation.snapshot', digest, false);
  -- Who looks after an order, and when next, is in no rule of the books, and their check takes most of the time.
  select md5((snapshot::jsonb || jsonb_build_object('orders', coalesce(jsonb_agg(o
    - '{lookups,nextLookupMs,claimId,leaseUntilMs}'::text[]), '[]')))::text) into books
  from jsonb_array_elements(snapshot::jsonb -> 'orders') o;
  if books is distinct from current_setting('simulation.books', true) then
    broken := public.check_books('{}');
    perform set_config('simulation.books', books, false), set_config('simulation.broken', broken, false);
  end if;
  return json_build_object('tables', snapshot, 'broken', broken::json);
end $snapshot$`;

/**
 * Deletes all rows but those the migrations put there and starts every number at 1 again. `whole` also gives back the
 * room of the deleted rows (nothing here vacuums).
 */
async function emptySql(session: SqlSession): Promise<string> {
  const found = await session.query(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'paper_venue', 'core') and tablename not in ('charge_rates', 'currencies', 'order_transitions')
    order by 1`);
  const names = found.map(({ name }) => String(name));
  const sequences = await session.query(`
    select format('%I.%I', schemaname, sequencename) as name from pg_sequences
    where schemaname in ('public', 'paper_venue') order by 1`);
  return `create function pg_temp.empty(whole boolean) returns void language plpgsql as $empty$ begin
    perform set_config('tests.emptying', 'on', true), set_config('simulation.snapshot', '', false), set_config('simulation.books', '', false);
    if whole then truncate ${names.join(', ')};
    else perform tests.empty(); end if;
    perform ${sequences.map(({ name }) => `setval('${name}', 1, false)`).join(', ')};
  end $empty$`;
}

/** Where somebody may hold rows, nobody waits long for them: schedules have a clock of their own. */
const SHORT_WAITS_SQL = `do $do$ declare
  waits regprocedure;
begin
  for waits in select oid from pg_proc where pronamespace in ('core'::regnamespace, 'public'::regnamespace)
    and proconfig::text ~ 'lock_timeout' loop
    execute format('alter function %s set lock_timeout = ''20ms''', waits);
  end loop;
end $do$`;

/** Calls one function at an instant of the database's own clock; a call that needed no transaction number wrote nothing. */
const askSql = (name: string): string => `create function pg_temp.ask_${name}(args jsonb, at text, checks boolean)
returns json language plpgsql as $ask$ begin
  perform set_config('daily_scan.now', at, false);
  args := public.${name}(args);
  return json_build_object('answer', args,
    'snapshot', case when checks and pg_current_xact_id_if_assigned() is not null then pg_temp.snapshot() end);
end $ask$`;

/**
 * Each asks once all before it have their answers and everybody has gone on who can: then no answer depends on how long the
 * database takes, and a seed plays the same on every one.
 */
function oneByOne(): <Answer>(ask: () => Promise<Answer>) => Promise<Answer> {
  let last: Promise<unknown> = Promise.resolve();
  return (ask) => {
    const answer = last.then(drained).then(ask);
    // Whoever asked hears of its failure; the next asks all the same.
    last = answer.catch(() => undefined);
    return answer;
  };
}

/** Makes a migrated, empty database the ground of schedules. `close` closes the database. */
export async function groundOn(
  database: Pick<Database, 'close'> & { session: SqlSession; outsider?: SqlSession },
): Promise<Ground> {
  const { session, outsider } = database;
  if (outsider) await session.exec(SHORT_WAITS_SQL);
  // Its time is the schedule's: a process whose clock is far from it is refused, as by a server.
  await session.exec("set daily_scan.clock = ''");
  // The tables are tiny: a plan for every question takes longer than its answer.
  await session.exec("set plan_cache_mode = 'force_generic_plan'; set synchronous_commit = off");
  for (const sql of [SNAPSHOT_SQL, EMPTIED_BY_TESTS_SQL, await emptySql(session)]) await session.exec(sql);
  const prepared = new Set<string>();
  const ask = async (name: string, args: unknown, nowMs: number, checks: boolean) => {
    if (!prepared.has(name)) await session.exec(askSql(name));
    prepared.add(name);
    const params = [JSON.stringify(args), new Date(nowMs).toISOString(), checks];
    const [row] = await session
      .query(`select pg_temp.ask_${name}($1, $2, $3) as said`, params)
      .catch((error: unknown) => {
        throw toDatabaseError(name, error);
      });
    return checkedAnswer.parse(row?.['said']);
  };
  const inOrder = oneByOne();
  const ordered: SqlSession = {
    exec: (sql) => inOrder(() => session.exec(sql)),
    query: (sql, params) => inOrder(() => session.query(sql, params)),
  };
  return {
    session: plannedOnce(ordered),
    ...(outsider ? { outsider } : {}),
    callUnseen: async (name, args, nowMs) => (await inOrder(() => ask(name, args, nowMs, false))).answer,
    async call(name, args, nowMs) {
      const { answer, snapshot } = await ask(name, args, nowMs, true);
      const ofOurs = snapshot?.broken.filter(({ leftToAPerson }) => !leftToAPerson) ?? [];
      const brokenBooks = ofOurs.map(({ rule, subject }) => `${rule} (${subject})`);
      return { answer, changed: snapshot && { tables: snapshot.tables, brokenBooks } };
    },
    async empty(whole) {
      await session.query('select pg_temp.empty($1)', [whole]);
    },
    close: () => database.close(),
  };
}

/** Status changes that the table of transitions does not know, or that do not follow one another. */
export async function brokenHistories({ session }: Pick<Ground, 'session'>): Promise<string[]> {
  const rows = await session.query(`
    select format('order %s went from %s to %s after %s', order_id, from_status, to_status, before) as what from (
      select *, lag(to_status) over (partition by order_id order by id) as before from public.order_events) e
    where from_status is distinct from before
      or (from_status is not null and (from_status, to_status) not in (select t.from_status, t.to_status from core.order_transitions t))`);
  return rows.map(({ what }) => String(what));
}
