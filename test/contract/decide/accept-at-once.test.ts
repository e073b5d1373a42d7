// A page in one statement and the same page by turns: the same rows, whatever happened meanwhile.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callStatement } from '../../../src/adapters/store/sql-call.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { encoded, type Store } from '../../../src/ports/store/store.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { drawnPages, type Page } from '../support/random-pages.ts';

const SEEDS = 80;

/** Everything accept writes, numbers included. */
const ROWS_SQL = `select jsonb_build_object(
  'decisions', (select jsonb_agg(to_jsonb(d) order by d.run_id, d.signal_id, d.user_id) from public.decisions d),
  'orders', (select jsonb_agg(to_jsonb(o) order by o.id) from public.orders o),
  'entries', (select jsonb_agg(to_jsonb(e) order by e.id) from public.ledger_entries e),
  'events', (select jsonb_agg(to_jsonb(e) order by e.id) from public.order_events e),
  'accounts', (select jsonb_agg(to_jsonb(a) order by a.id) from public.accounts a),
  'users', (select jsonb_agg(to_jsonb(u) order by u.run_id, u.queue_position) from public.run_users u)) as rows`;

/** What is numbered goes on from there: a rollback gives no number back. */
const numbersFrom = (first: number) =>
  ['orders', 'ledger_entries', 'order_events']
    .map((table) => `select setval(pg_get_serial_sequence('public.${table}', 'id'), ${first})`)
    .join('; ');

let database: TestPostgres;
/** On the session, so that all of it is one transaction that is rolled back. */
let store: Store;

beforeAll(async () => {
  database = await freshPostgres();
  const { session } = database;
  const call = async (name: string, args: unknown) => {
    const [row] = await session.query(callStatement(name), [JSON.stringify(args)]);
    return row?.['answer'];
  };
  store = makeStore({ call, close: async () => undefined });
  const [page] = await session.query(`select pg_get_functiondef('public.accept_page'::regproc) as source`);
  const source = String(page?.['source']);
  const byTurns = source
    .replace('public.accept_page', 'public.accept_page_by_turns')
    .replace("if run.limits ->> 'symbolCapMinor' is null then", 'if false then');
  expect(byTurns).not.toContain('symbolCapMinor');
  await session.exec(byTurns);
});
afterAll(() => database.close());

/** What a way of accepting answers and leaves behind; the database is as it was before. */
async function played(way: string, pages: readonly Page[]): Promise<unknown> {
  const { session } = database;
  await session.exec(`savepoint before; ${numbersFrom(1000)}`);
  const answers: unknown[] = [];
  for (const page of pages) {
    const [row] = await session.query(callStatement(way), [JSON.stringify(encoded('accept_page', page))]);
    answers.push(row?.['answer']);
  }
  const [after] = await session.query(ROWS_SQL);
  await session.exec('rollback to savepoint before');
  return { answers, after };
}

const met = new Set<string>();

async function noteReasons(): Promise<void> {
  const rows = await database.session.query(`select coalesce(reason, 'accepted') as reason from public.decisions`);
  for (const { reason } of rows) met.add(String(reason));
}

test(`${SEEDS} random pages are accepted in one statement as they are by turns`, async () => {
  const { session } = database;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    await session.exec(`begin; ${numbersFrom(1)}`);
    const pages = await drawnPages(store, seed, (sql) => session.exec(sql));
    expect(await played('accept_page', pages), `seed ${seed}`).toEqual(await played('accept_page_by_turns', pages));
    for (const page of pages) await store.call('accept_page', page);
    await noteReasons();
    await session.exec('rollback');
  }
  // Pages in which nothing happens prove nothing.
  const rechecked = 'already_decided account_not_ready already_holding working_order no_position halted cut_off';
  const limited = 'signal_expired max_open_positions max_order_value max_orders_per_day insufficient_funds symbol_cap';
  const ofSettings = 'user_inactive trading_disabled not_subscribed symbol_not_allowed accepted';
  const missing = `${rechecked} ${limited} ${ofSettings}`.split(' ').filter((reason) => !met.has(reason));
  expect(missing).toEqual([]);
});
