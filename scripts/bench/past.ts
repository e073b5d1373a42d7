import { tradeDate } from './day.ts';
import type { BenchDatabase } from './ground.ts';

const SIGNALS = 5;
/** What each order was: its value, and its charges (any figure does). */
const [QUANTITY, PRICE_MINOR, CHARGES_MINOR] = [10, 100_00, 50];

/**
 * Days that are over, made by SQL and not by trading, for a database that has its users and signals of today: every user
 * bought every symbol one day and sold it the next, all filled, with decisions, events, fills, ledger and messages, as the
 * product would have left them. The books are right. Gives how many orders there are.
 */
export async function makePast({ session }: BenchDatabase, orders: number): Promise<number> {
  const [row] = await session.query('select count(*)::int as n from public.users');
  const users = Number(row?.['n']);
  // An even number, so that all is sold in the end.
  const days = Math.max(2, 2 * Math.round(orders / users / SIGNALS / 2));
  await session.exec(`set synchronous_commit = off; set session_replication_role = replica; ${FRAME}`);
  for (let day = 1; day <= days; day++) await session.exec(daySql(day, day - days - 1));
  await session.exec(closing(days));
  await session.exec('reset session_replication_role; reset synchronous_commit; drop schema bench cascade');
  return users * SIGNALS * days;
}

/** Who and what, numbered: u and s. */
const FRAME = `
create schema bench;
create table bench.users as select row_number() over (order by a.id) as u, a.user_id, a.id as account_id
  from public.accounts a where mode = 'paper';
create table bench.symbols as select s.rank as s, s.strategy, i.id as instrument_id, i.symbol
  from public.signals s join public.instruments i on i.id = s.instrument_id
  where s.trade_date = '${tradeDate}' and s.rank <= ${SIGNALS};
analyze bench.users, bench.symbols;
create table bench.asked as select u.*, s.*, 0::bigint as id from bench.users u, bench.symbols s limit 0;
`;

/** One day of the past: odd ones buy, even ones sell. `offset`: days before today, below 0. */
function daySql(day: number, offset: number): string {
  const buys = day % 2 === 1;
  const side = buys ? 'BUY' : 'SELL';
  const date = `(date '${tradeDate}' + ${offset})`;
  const at = `(${date} + time '09:20') at time zone 'Asia/Kolkata'`;
  const run = `('XNSE:' || ${date} || ':open:paper')`;
  const signal = `('NSE:' || ${date} || ':' || strategy || ':' || symbol || ':${side}')`;
  return `
truncate bench.asked;
insert into bench.asked select u.*, s.*, ((${day} - 1) * (select count(*) from bench.users) + u.u - 1) * ${SIGNALS} + s.s
  from bench.users u, bench.symbols s;
${runSql(run, date, at, signal, side)}
${ordersSql(run, date, at, signal, side)}
${ledgerSql(at, buys)}
`;
}

function runSql(run: string, date: string, at: string, signal: string, side: string): string {
  return `
insert into public.scan_runs (id, session_id, trade_date, mode, state, limits, cut_off_at, opened_at, decided_at, done_at, plan_hash)
  select ${run}, 'XNSE:' || ${date} || ':open', ${date}, 'paper', 'done', '{}', ${at}, ${at}, ${at}, ${at}, 'past';
insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor, source)
  select ${signal}, ${date}, s, strategy, instrument_id, '${side}', ${PRICE_MINOR}, 'bench' from bench.symbols;
insert into public.run_signals (run_id, signal_id, position, send_before)
  select ${run}, ${signal}, s, ${at} from bench.symbols;
insert into public.run_prices (run_id, instrument_id, price_minor, priced_at)
  select ${run}, instrument_id, ${PRICE_MINOR}, ${at} from bench.symbols;
insert into public.run_users (run_id, place, user_id, account_id, decided_at)
  select ${run}, u, user_id, account_id, ${at} from bench.users;
insert into public.messages (run_id, user_id, status, text, due_at, changed_at)
  select ${run}, user_id, 'sent', repeat('What was traded for you today. ', 8), ${at}, ${at} from bench.users;`;
}

function ordersSql(run: string, date: string, at: string, signal: string, side: string): string {
  const value = QUANTITY * PRICE_MINOR;
  const [rate, hold, released] = side === 'BUY' ? [11, value + CHARGES_MINOR, 0] : [12, CHARGES_MINOR, value];
  const end = `(${at} + interval '1 second')`;
  return `
insert into public.decisions (run_id, signal_id, user_id, account_id, position, place, outcome, quantity, price_minor, hold_minor)
  select ${run}, ${signal}, user_id, account_id, s, u, 'accepted', ${QUANTITY}, ${PRICE_MINOR}, ${hold} from bench.asked;
insert into public.orders (id, client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue, position, place,
    side, quantity, decision_price_minor, limit_price_minor, leverage_centi, product, rate_id, hold_minor, charges_minor, status,
    venue_order_id, filled_quantity, filled_value_minor, released_minor, attempts, send_before, created_at, submitted_at,
    ended_at, changed_at)
  overriding system value
  select id, 'past' || lpad(id::text, 16, '0'), ${run}, ${signal}, user_id, account_id, instrument_id, 'paper', s, u,
    '${side}', ${QUANTITY}, ${PRICE_MINOR}, ${PRICE_MINOR}, 100, 'delivery', ${rate}, ${hold}, ${CHARGES_MINOR}, 'filled',
    'V' || id, ${QUANTITY}, ${value}, ${released}, 1, ${at} + interval '17 minutes', ${at}, ${at}, ${end}, ${end}
  from bench.asked;
insert into public.order_events (order_id, at, from_status, to_status, filled_quantity, filled_value_minor)
  select id, ${at}, step.before, step.after, step.quantity, step.quantity * ${PRICE_MINOR} from bench.asked,
    (values (null, 'queued', 0), ('queued', 'submitting', 0), ('submitting', 'filled', ${QUANTITY}))
    as step(before, after, quantity);
insert into public.fills (order_id, account_id, instrument_id, product, venue_fill_id, side, quantity, price_minor,
    freed_margin_minor, late, trade_date, filled_at)
  select id, account_id, instrument_id, 'delivery', 'past' || id, '${side}', ${QUANTITY}, ${PRICE_MINOR}, ${released}, false, ${date},
    ${end} from bench.asked;`;
}

function ledgerSql(at: string, buys: boolean): string {
  const value = QUANTITY * PRICE_MINOR;
  const hold = buys ? value + CHARGES_MINOR : CHARGES_MINOR;
  const cash = buys ? -value - CHARGES_MINOR : value - CHARGES_MINOR;
  return `
insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
  select account_id, id, entry.kind, entry.cash, entry.held, ${at} from bench.asked,
    (values ('hold', 0, ${hold}), ('post', ${cash}, ${-hold})) as entry(kind, cash, held);`;
}

/** What the days left: nothing held, the charges paid, and the numbers that were used up. */
function closing(days: number): string {
  return `
update public.accounts set cash_minor = cash_minor - ${days * SIGNALS * CHARGES_MINOR} where mode = 'paper';
insert into public.positions (account_id, instrument_id, product, quantity, cost_minor, margin_minor, last_filled_at)
  select account_id, instrument_id, 'delivery', 0, 0, 0, '2000-01-01' from bench.users, bench.symbols;
select setval(pg_get_serial_sequence('public.orders', 'id'), (select max(id) from public.orders));
`;
}
