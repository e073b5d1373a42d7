// Judges a storm's day: orders, messages, the log and the venues' books.

import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { SyncReport } from '../../src/stages/accounts/evening-sync.ts';
import { plain, table } from '../../src/terminal/table.ts';
import type { Booked, Exchange } from '../../test/simulators/venues/exchange.ts';
import { tally } from '../../test/stages/support/database-state.ts';
import type { AnyEvent } from '../../test/support/any-event.ts';
import { violations } from '../../test/support/invariants.ts';
import type { DrawnFaults } from './drawn-faults.ts';

/** What is known when the day is over. */
export interface DayOver {
  store: Store;
  session: SqlSession;
  exchanges: readonly Exchange[];
  faultPlans: ReadonlyMap<string, DrawnFaults>;
  events: readonly AnyEvent[];
  log: string;
  secrets: readonly string[];
  numbers: readonly string[];
  /** Each market's comparison. */
  synced: readonly SyncReport[];
  users: number;
}

export interface OurOrder {
  id: string;
  venue: string;
  status: string;
  quantity: number;
  filled: number;
  heldMinor: number;
}

async function ourOrders(session: SqlSession): Promise<OurOrder[]> {
  const rows = await session.query(
    `select o.client_order_id as id, o.venue, o.status, o.quantity::int, o.filled_quantity::int as filled,
       coalesce((select sum(held_delta_minor) from public.ledger_entries l where l.order_id = o.id), 0)::int as held
     from public.orders o order by o.id`,
  );
  return rows.map(({ id, venue, status, quantity, filled, held }) => ({
    ...{ id: String(id), venue: String(venue), status: String(status) },
    ...{ quantity: Number(quantity), filled: Number(filled), heldMinor: Number(held) },
  }));
}

/** Everything that is wrong, as sentences. */
export async function wrongs(day: DayOver): Promise<string[]> {
  const { store, session, exchanges, synced, users } = day;
  const orders = await ourOrders(session);
  const broken = await store.call('check_books', {});
  const compared = synced.reduce((sum, one) => sum + one.compared, 0);
  return [
    ...broken.map(({ rule, subject }) => `broken: ${rule} (${subject})`),
    ...(await violations(session)),
    ...exchanges.flatMap((exchange) => againstTheBook(exchange, orders)),
    ...orders
      .filter(({ heldMinor }) => heldMinor !== 0)
      .map(({ id, status }) => `${id} is ${status} and still holds money`),
    ...(await heldMoney(session)),
    ...(await aboutMessages(session, day.events, users)),
    ...(await leaks(day)),
    ...synced
      .flatMap((one) => one.drifts)
      .map(({ accountId, what, ours, theirs }) => `drift: ${accountId} ${what}: ${ours}, ${theirs}`),
    ...synced
      .flatMap((one) => one.notCompared)
      .map(({ userId, venue, reason }) => `${userId} at ${venue} was not compared: ${reason}`),
    ...(compared === users ? [] : [`${compared} of ${users} accounts were compared`]),
  ];
}

function againstTheBook(exchange: Exchange, orders: readonly OurOrder[]): string[] {
  const taken = Map.groupBy(exchange.book(), ({ clientOrderId }) => clientOrderId);
  const ordersById = new Map(orders.filter(({ venue }) => venue === exchange.name).map((one) => [one.id, one]));
  const strange = [...taken.keys()].filter((id) => !ordersById.has(id));
  return [
    ...strange.map((id) => `${exchange.name} has an order ${id} that is not in our table`),
    ...[...ordersById.values()].flatMap((order) => againstOrders(exchange.name, order, taken.get(order.id) ?? [])),
  ];
}

function againstOrders(venue: string, { id, status, filled, quantity }: OurOrder, taken: readonly Booked[]): string[] {
  const theirs = taken.reduce((sum, one) => sum + one.filledQuantity, 0);
  const wrong: string[] = [];
  if (taken.length > 1) wrong.push(`${id} is at ${venue} ${taken.length} times`);
  if (filled !== theirs) wrong.push(`${id} (${status}) filled ${filled} here and ${theirs} at ${venue}`);
  if (taken.some((one) => one.quantity !== quantity)) wrong.push(`${id} is of another quantity at ${venue}`);
  return wrong;
}

async function heldMoney(session: SqlSession): Promise<string[]> {
  const rows = await session.query('select user_id, held_minor from public.accounts where held_minor <> 0');
  return rows.map(({ user_id, held_minor }) => `${held_minor} are still held of ${user_id}`);
}

/** One summary for each user and run, sent once. What came out later is told in a correction, and each of those once, too. */
async function aboutMessages(session: SqlSession, events: readonly AnyEvent[], users: number): Promise<string[]> {
  const rows = await session.query('select id, run_id, user_id, kind, status from public.messages order by id');
  const sent = tally(events.flatMap(({ type, messageId }) => (type === 'message_settled' ? [String(messageId)] : [])));
  const summaries = rows.filter(({ kind }) => kind === 'summary');
  const each = tally(summaries.map(({ run_id, user_id }) => `${user_id} in ${run_id}`));
  const ofRuns = Object.entries(tally(summaries.map(({ run_id }) => String(run_id))));
  const unlike = rows.filter(({ id, status }) => status !== 'sent' || sent[String(id)] !== 1);
  return [
    ...unlike.map(
      ({ id, user_id, kind, status }) => `${kind} of ${user_id}: ${status}, sent ${sent[String(id)] ?? 0} times`,
    ),
    ...Object.entries(each).flatMap(([user, count]) => (count === 1 ? [] : [`${user} has ${count} summaries`])),
    ...ofRuns.flatMap(([run, count]) =>
      count === users ? [] : [`${count} of ${users} users have a summary of ${run}`],
    ),
    ...(ofRuns.length === 2 ? [] : [`there are summaries of ${ofRuns.length} runs, not of two`]),
  ];
}

/** Secrets in what was logged or stored, and users' numbers in what was logged. */
async function leaks({ session, log, secrets, numbers }: DayOver): Promise<string[]> {
  const rows = await stored(session);
  const secret = new RegExp(`(?<![\\w-])(?:${secrets.join('|')})(?![\\w-])`);
  const found = [
    ...log.split('\n').flatMap((line) => (secret.test(line) ? [`a secret was logged: ${line.slice(0, 200)}`] : [])),
    ...rows.flatMap((row) => (secret.test(row) ? [`a secret was stored: ${row.slice(0, 200)}`] : [])),
  ];
  return [...found, ...(numbers.some((number) => log.includes(number)) ? ['a number of a user was logged'] : [])];
}

async function stored(session: SqlSession): Promise<string[]> {
  const tables = await session.query("select tablename from pg_tables where schemaname = 'public'");
  const rows: string[] = [];
  for (const { tablename } of tables) {
    const texts = await session.query(`select t::text as row from public.${tablename} t`);
    rows.push(...texts.map(({ row }) => String(row)));
  }
  return rows;
}

/** Per venue and fault: how many orders suffered it, what they became here, and what the venue's own book says of them. */
export async function whatBecame({ session, exchanges, faultPlans }: DayOver): Promise<string> {
  const orders = await ourOrders(session);
  const rows = exchanges.flatMap((exchange) => {
    const book = new Map(exchange.book().map((one) => [one.clientOrderId, one]));
    const suffered = faultPlans.get(exchange.name)?.orders;
    const here = orders.filter(({ venue }) => venue === exchange.name);
    const byFault = Map.groupBy(here, ({ id }) => faultsOf(suffered?.get(id)));
    return [...byFault]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([fault, of]) => [
        ...[exchange.name, fault, String(of.length)],
        ...[
          tallyText(of.map(({ status }) => status)),
          tallyText(of.map(({ id }) => book.get(id)?.status ?? 'not there')),
        ],
      ]);
  });
  const titles = ['Venue', 'What went wrong', 'Orders', 'Here', 'In the venue’s own book'];
  const columns = titles.map((title) => ({ title, align: title === 'Orders' ? 'right' : 'left' }) as const);
  return table(columns, rows, 200, plain);
}

/** All that happened to an order on its way, one word for each time it was sent. */
function faultsOf(faults: readonly (string | null)[] | undefined): string {
  if (!faults) return '(never sent)';
  const bad = faults.filter((fault) => fault !== null);
  return bad.length === 0 ? '–' : bad.join(', then ');
}

function tallyText(names: readonly string[]): string {
  return Object.entries(tally(names))
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}
