// Fills a database with years of past orders.

import type { BenchDatabase } from './databases.ts';
import { tradeDate } from './day.ts';

const SIGNALS = 5;
/** What each order was. */
const [QUANTITY, PRICE_MINOR] = [10, 100_00];
/** What each costs, by the rates of charges in force since 2024-10-01 (rows 11 and 12 of charge_rates). */
type Charges = Record<'BUY' | 'SELL', number>;

/**
 * Days that are over, made by SQL and not by trading, for a database that has its users and signals of today: every user
 * bought every symbol one day and sold it the next, all filled, with decisions, events, fills, ledger and messages, as the
 * product would have left them. The books are right. Gives how many orders there are.
 */
export async function makePast({ session }: BenchDatabase, orders: number): Promise<number> {
  const [row] = await session.query('select count(*)::int as n from public.users');
  const users = Number(row?.['n']);
  const charges = await chargesOf(session);
  // An even number, so that all is sold in the end.
  const days = Math.max(2, 2 * Math.round(orders / users / SIGNALS / 2));
  await session.exec(`set synchronous_commit = off; set session_replication_role = replica; ${FRAME}`);
  for (let day = 1; day <= days; day++) await session.exec(daySql(day, day - days - 1, charges));
  await session.exec(closing(days, charges));
  await session.exec('reset session_replication_role; reset synchronous_commit; drop schema bench cascade');
  return users * SIGNALS * days;
}

async function chargesOf(session: BenchDatabase['session']): Promise<Charges> {
  const [found] = await session.query(`select
    (select core.charges_on(${QUANTITY * PRICE_MINOR}, r) from public.charge_rates r where r.id = 11)::int as buy,
    (select core.charges_on(${QUANTITY * PRICE_MINOR}, r) from public.charge_rates r where r.id = 12)::int as sell`);
  return { BUY: Number(found?.['buy']), SELL: Number(found?.['sell']) };
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
function daySql(day: number, offset: number, charges: Charges): string {
  const buys = day % 2 === 1;
  const side = buys ? 'BUY' : 'SELL';
  const date = `(date '${tradeDate}' + ${offset})`;
  const at = openOf(date);
  const run = `('XNSE:' || ${date} || ':open:paper')`;
  const signal = `('NSE:' || ${date} || ':' || strategy || ':' || symbol || ':${side}')`;
  return `
truncate bench.asked;
insert into bench.asked select u.*, s.*, ((${day} - 1) * (select count(*) from bench.users) + u.u - 1) * ${SIGNALS} + s.s
  from bench.users u, bench.symbols s;
${runSql(run, date, at, signal, side)}
${ordersSql(run, date, signal, side, charges[side])}
${ledgerSql(at, buys, charges[side])}
`;
}

function openOf(date: string): string {
  return `(${date} + time '09:20') at time zone 'Asia/Kolkata'`;
}

function runSql(run: string, date: string, at: string, signal: string, side: string): string {
  return `
insert into public.scan_runs (id, session_id, trade_date, mode, state, limits, cut_off_at, opened_at, recorded_at, decided_at, done_at, plan_hash)
  select ${run}, 'XNSE:' || ${date} || ':open', ${date}, 'paper', 'done', '{}', ${at}, ${at}, ${at}, ${at}, ${at}, 'past';
insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor, source)
  select ${signal}, ${date}, s, strategy, instrument_id, '${side}', ${PRICE_MINOR}, 'bench' from bench.symbols;
insert into public.run_signals (run_id, signal_id, position, send_before)
  select ${run}, ${signal}, s, ${at} from bench.symbols;
insert into public.run_prices (run_id, instrument_id, price_minor, priced_at)
  select ${run}, instrument_id, ${PRICE_MINOR}, ${at} from bench.symbols;
insert into public.run_users (run_id, queue_position, user_id, account_id, decided_at)
  select ${run}, u, user_id, account_id, ${at} from bench.users;
insert into public.messages (run_id, user_id, status, text, due_at, changed_at)
  select ${run}, user_id, 'sent', repeat('What was traded for you today. ', 8), ${at}, ${at} from bench.users;`;
}

function ordersSql(run: string, date: string, signal: string, side: string, chargesMinor: number): string {
  const at = openOf(date);
  const value = QUANTITY * PRICE_MINOR;
  const [rate, hold, released] = side === 'BUY' ? [11, value + chargesMinor, 0] : [12, chargesMinor, value];
  const end = `(${at} + interval '1 second')`;
  return `
insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome, quantity, price_minor, hold_minor)
  select ${run}, ${signal}, user_id, account_id, s, u, 'accepted', ${QUANTITY}, ${PRICE_MINOR}, ${hold} from bench.asked;
insert into public.orders (id, client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue, position, queue_position,
    side, quantity, decision_price_minor, limit_price_minor, leverage_centi, product, rate_id, hold_minor, charges_minor, status,
    venue_order_id, filled_quantity, filled_value_minor, released_minor, attempts, send_before, created_at, submitted_at,
    ended_at, changed_at)
  overriding system value
  select id, 'past' || lpad(id::text, 16, '0'), ${run}, ${signal}, user_id, account_id, instrument_id, 'paper', s, u,
    '${side}', ${QUANTITY}, ${PRICE_MINOR}, ${PRICE_MINOR}, 100, 'delivery', ${rate}, ${hold}, ${chargesMinor}, 'filled',
    'V' || id, ${QUANTITY}, ${value}, ${released}, 1, ${at} + interval '17 minutes', ${at}, ${at}, ${end}, ${end}
  from bench.asked;
insert into public.order_events (order_id, at, from_status, to_status, filled_quantity, filled_value_minor)
  select id, ${at}, step.before, step.after, step.quantity, step.quantity * ${PRICE_MINOR} from bench.asked,
    (values (null, 'queued', 0), ('queued', 'submitting', 0), ('submitting', 'filled', ${QUANTITY}))
    as step(before, after, quantity);
insert into public.fills (order_id, account_id, instrument_id, product, venue_fill_id, side, quantity, price_minor,
    value_minor, freed_margin_minor, late, trade_date, filled_at)
  select id, account_id, instrument_id, 'delivery', 'past' || id, '${side}', ${QUANTITY}, ${PRICE_MINOR},
    ${QUANTITY * PRICE_MINOR}, ${released}, false, ${date},
    ${end} from bench.asked;`;
}

function ledgerSql(at: string, buys: boolean, chargesMinor: number): string {
  const value = QUANTITY * PRICE_MINOR;
  const hold = buys ? value + chargesMinor : chargesMinor;
  const cash = buys ? -value - chargesMinor : value - chargesMinor;
  return `
insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
  select account_id, id, entry.kind, entry.cash, entry.held, entry.at from bench.asked,
    (values ('hold', 0, ${hold}, ${at}), ('post', ${cash}, ${-hold}, ${at} + interval '1 second')) as entry(kind, cash, held, at);`;
}

/** What the days left: nothing held, the charges paid, and the numbers that were used up. */
function closing(days: number, charges: Charges): string {
  return `
update public.accounts set cash_minor = cash_minor - ${(days / 2) * SIGNALS * (charges.BUY + charges.SELL)} where mode = 'paper';
insert into public.positions (account_id, instrument_id, product, quantity, cost_minor, margin_minor, last_filled_at)
  select account_id, instrument_id, 'delivery', 0, 0, 0, '2000-01-01' from bench.users, bench.symbols;
select setval(pg_get_serial_sequence('public.orders', 'id'), (select max(id) from public.orders));
`;
}
