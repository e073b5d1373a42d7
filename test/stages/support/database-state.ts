// What a run left in the database, the venue's book and the messages, in a form tests compare.
import type { RunReport } from '../../../src/domain/report.ts';
import type { SqlSession } from '../../../src/ports/database.ts';

/** `Asha Rao TITAN` → what the report says of that pair. */
export function pairOutcomes(report: RunReport): Record<string, string> {
  const outcomes = report.decisions.map(({ userName, symbol, outcome, reason }) => {
    const order = report.orders.find((one) => one.userName === userName && one.symbol === symbol);
    return [`${userName} ${symbol}`, outcome === 'accepted' ? String(order?.status) : `${outcome} ${reason}`];
  });
  return Object.fromEntries(outcomes);
}

/** How often each value comes. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** What the venue itself has in its book, by client order id: the only witness outside our tables. */
export async function venueBook(session: SqlSession): Promise<Record<string, unknown>[]> {
  return session.query(
    'select client_order_id as id, quantity::int, end_status as status from paper_venue.orders order by 1',
  );
}

/** Everything of a finished day that must not depend on how often the process died on the way. */
export async function finalState(session: SqlSession): Promise<Record<string, unknown>> {
  const rows = (sql: string) => session.query(sql);
  return {
    runs: await rows('select id, state, plan_hash from public.scan_runs order by id'),
    decisions: await rows(
      `select signal_id, user_id, outcome, reason, limit_value, actual_value, quantity::int, hold_minor::int
       from public.decisions order by 1, 2`,
    ),
    orders: await rows(
      `select client_order_id, status, reason, message, quantity::int, limit_price_minor::int, filled_quantity::int,
         filled_value_minor::int, charges_minor::int,
         -- A rejection heard at once comes without the venue's id, one that was looked up with it.
         case when status <> 'rejected' then venue_order_id end as venue_order_id from public.orders order by 1`,
    ),
    fills: await rows('select venue_fill_id, quantity::int, price_minor::int, late from public.fills order by 1'),
    ledger: await rows(
      `select a.user_id, l.kind, count(*)::int, sum(cash_delta_minor)::int as cash, sum(held_delta_minor)::int as held
       from public.ledger_entries l join public.accounts a on a.id = l.account_id group by 1, 2 order by 1, 2`,
    ),
    accounts: await rows('select user_id, cash_minor::int, held_minor::int, not_ready from public.accounts order by 1'),
    positions: await rows(
      `select a.user_id, i.symbol, p.quantity::int, p.cost_minor::int, p.margin_minor::int from public.positions p
       join public.accounts a on a.id = p.account_id join public.instruments i on i.id = p.instrument_id order by 1, 2`,
    ),
    venue: await venueBook(session),
  };
}

/** One row per message: whom it is for, its text, and what became of it. */
export async function messageRows(session: SqlSession): Promise<{ user: string; text: string; status: string }[]> {
  const rows = await session.query('select user_id, text, status from public.messages order by user_id, id');
  return rows.map(({ user_id, text, status }) => ({
    user: String(user_id),
    text: String(text),
    status: String(status),
  }));
}
