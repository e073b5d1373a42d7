// Queries that find what must hold at every commit and does not.
import type { SqlSession } from '../../src/ports/database.ts';
import { plannedOnce } from './databases/planned-once.ts';

/** What must hold at every commit, as queries that find what breaks it: one row with a sentence in `what` each. */
const checks: readonly string[] = [
  // Money: an account is the sum of its ledger, and what is held is what its open orders hold.
  `select format('account %s: cash %s, but its ledger sums to %s', a.id, a.cash_minor, l.cash) as what
   from removed, public.accounts a cross join lateral (select coalesce(sum(cash_delta_minor), 0) as cash
     from (select account_id, cash_delta_minor from public.ledger_entries where order_id > upto is not false union all
       select account_id, cash_minor from public.removed_cash) made where account_id = a.id) l where a.cash_minor <> l.cash`,
  `select format('account %s: held %s, but its ledger sums to %s', a.id, a.held_minor, l.held) as what
   from public.accounts a cross join lateral (select coalesce(sum(held_delta_minor), 0) as held
     from public.ledger_entries where account_id = a.id) l where a.held_minor <> l.held`,
  `select format('account %s: held %s, but its open orders hold %s', a.id, a.held_minor, o.hold) as what
   from public.accounts a cross join lateral (select coalesce(sum(hold_minor), 0) as hold from public.orders o
     where o.account_id = a.id and not exists (select from public.ledger_entries l
       where l.order_id = o.id and l.kind in ('post', 'void'))) o where a.held_minor <> o.hold`,
  `select format('account %s: available %s and not blocked', id, cash_minor - held_minor) as what
   from public.accounts where cash_minor < held_minor and not_ready is null`,
  // Not a paisa comes or goes: what was put in and earned is cash, or bound in positions, or on its way in a sale.
  // Shares that came or went past our orders put in what they cost, and took out what was bound in them.
  // Of an account whose older records were removed: what it had by then, and what was put in and earned since.
  `select format('account %s: %s in cash, positions and open sales, but %s were put in and earned', a.id, has.minor,
     earned.minor) as what
   from removed, public.accounts a
   cross join lateral (select a.cash_minor
     + coalesce((select sum(margin_minor) from public.positions p where p.account_id = a.id), 0)
     + coalesce((select sum(released_minor - case side when 'BUY'
         then ceil(filled_value_minor * 100.0 / leverage_centi)::bigint else 0 end)
       from public.orders o where o.account_id = a.id and o.ended_at is null), 0)
     as minor) has
   left join begun b on b.account_id = a.id
   cross join lateral (select
     coalesce(b.cash_minor, 0) + coalesce((select sum(margin_minor) from held_then h where h.account_id = a.id), 0)
     + coalesce((select sum(cash_delta_minor) from public.ledger_entries l
       where l.account_id = a.id and l.id > coalesce(b.last_entry_id, 0)
         and l.kind in ('deposit', 'withdrawal', 'adjustment')), 0)
     + coalesce((select sum(case when f.source = 'venue' then f.realised_minor
         when f.side = 'BUY' then f.value_minor - f.freed_margin_minor else -f.freed_margin_minor end)
       from since_then f where f.account_id = a.id), 0)
     - coalesce((select sum(charges_minor) from public.orders o
       where o.account_id = a.id and o.id > upto and o.ended_at is not null and o.filled_quantity > 0), 0) as minor) earned
   where has.minor <> earned.minor`,
  // Decisions and orders.
  `select format('accepted %s for %s in run %s has %s orders like it', d.signal_id, d.user_id, d.run_id, n) as what
   from public.decisions d cross join lateral (select count(*) as n from public.orders o
     where (o.run_id, o.signal_id, o.user_id, o.account_id, o.quantity, o.hold_minor)
       = (d.run_id, d.signal_id, d.user_id, d.account_id, d.quantity, d.hold_minor)) o
   where d.outcome = 'accepted' and n <> 1 and d.run_id not in (select run from removed_runs)`,
  `select format('order %s has no accepted decision', o.id) as what from public.orders o
   where o.signal_id is not null and not exists (select from public.decisions d where d.outcome = 'accepted'
     and (d.run_id, d.signal_id, d.user_id) = (o.run_id, o.signal_id, o.user_id))`,
  `select format('%s of run %s is decided with %s decisions for %s signals', ru.user_id, ru.run_id, d.n, s.n) as what
   from public.run_users ru join public.scan_runs run on run.id = ru.run_id and run.takes_orders_until is null
   cross join lateral (select count(*) as n from public.decisions d
     where (d.run_id, d.user_id) = (ru.run_id, ru.user_id)) d
   cross join lateral (select count(*) as n from public.run_signals s where s.run_id = ru.run_id) s
   where d.n <> case when ru.decided_at is null then 0 else s.n end and ru.run_id not in (select run from removed_runs)`,
  `select format('%s of run %s (%s) has %s summaries', ru.user_id, run.id, run.state, m.n) as what
   from public.scan_runs run join public.run_users ru on ru.run_id = run.id
   cross join lateral (select count(*) as n from public.messages m
     where (m.run_id, m.user_id, m.kind) = (run.id, ru.user_id, 'summary')) m
   where m.n <> case when run.state = 'planning' or run.takes_orders_until is not null then 0 else 1 end
     and run.id not in (select run from removed_runs)`,
  // Orders, their fills and their closing.
  `select format('order %s: filled %s worth %s, but its fills are %s worth %s', o.id, o.filled_quantity,
     o.filled_value_minor, f.quantity, f.value) as what
   from public.orders o cross join lateral (select coalesce(sum(quantity), 0) as quantity,
     coalesce(sum(value_minor), 0) as value from core.effective_fills where order_id = o.id) f
   where (o.filled_quantity, o.filled_value_minor) <> (f.quantity, f.value)`,
  `select format('order %s (%s) has %s holds and %s posts or voids', o.id, o.status, l.holds, l.ends) as what
   from public.orders o cross join lateral (select count(*) filter (where kind = 'hold') as holds,
     count(*) filter (where kind in ('post', 'void')) as ends from public.ledger_entries where order_id = o.id) l
   where l.holds <> 1 or l.ends <> case when o.ended_at is null then 0 else 1 end`,
  `select format('order %s: %s moves held by %s for a hold of %s', o.id, l.kind, l.held_delta_minor, o.hold_minor) as what
   from public.orders o join public.ledger_entries l on l.order_id = o.id
   where l.held_delta_minor <> case l.kind when 'hold' then o.hold_minor when 'late_post' then 0 when 'correction' then 0 else -o.hold_minor end`,
  `select format('order %s is %s with %s of %s filled', id, status, filled_quantity, quantity) as what
   from public.orders o where (status = 'filled' and filled_quantity < quantity
       and not exists (select from public.fills f where f.order_id = o.id and f.corrects is not null))
     or (status = 'partially_filled' and filled_quantity = 0)
     or (status in ('rejected', 'submitting', 'working') and filled_quantity > 0 and not late_fill)`,
  `select format('fill %s (late: %s) has %s late posts', f.id, f.late, l.n) as what from public.fills f
   cross join lateral (select count(*) as n from public.ledger_entries where fill_id = f.id) l
   where l.n <> case when f.late or f.corrects is not null then 1 else 0 end`,
  `select format('order %s is %s, but its events end with %s', o.id, o.status, e.to_status) as what
   from public.orders o left join lateral (select to_status from public.order_events
     where order_id = o.id order by id desc limit 1) e on true where e.to_status is distinct from o.status`,
  `select format('order %s of %s is charged by a rate in %s', o.id, i.currency, r.currency) as what from public.orders o
   join public.instruments i on i.id = o.instrument_id join public.charge_rates r on r.id = o.rate_id
   where r.currency <> i.currency`,
  // Positions.
  `select format('account %s, instrument %s: holds %s, but its fills leave %s', account_id, instrument_id,
     coalesce(p.quantity, 0), coalesce(f.quantity, 0)) as what
   from public.positions p full join (select account_id, instrument_id, product,
     sum(quantity) as quantity from (
       select account_id, instrument_id, product, case side when 'BUY' then quantity else -quantity end as quantity
       from core.effective_fills where id in (select id from since_then)
       union all select account_id, instrument_id, product, quantity from held_then) moved group by 1, 2, 3) f
   using (account_id, instrument_id, product) where coalesce(p.quantity, 0) <> coalesce(f.quantity, 0)`,
  `select format('account %s, instrument %s: cost %s, but its fills leave %s', account_id, instrument_id,
     coalesce(p.cost_minor, 0), coalesce(f.cost, 0)) as what
   from public.positions p full join (select account_id, instrument_id, product, sum(case side when 'BUY'
     then worth else -worth end + realised) as cost
     from (select h.account_id, h.instrument_id, h.product, 'BUY' as side, h.cost_minor as worth, 0 as realised
       from held_then h union all select f.account_id, f.instrument_id, f.product, f.side,
         f.value_minor - coalesce((select was.value_minor from public.fills was
           where was.id < f.id and (was.id = f.corrects or was.corrects = f.corrects) order by was.id desc limit 1), 0) as worth,
         f.realised_minor as realised from since_then f) counted group by 1, 2, 3) f
   using (account_id, instrument_id, product) where coalesce(p.cost_minor, 0) <> coalesce(f.cost, 0)`,
  `select format('account %s, instrument %s: nothing held, but %s margin is bound', account_id, instrument_id,
     margin_minor) as what from public.positions where quantity = 0 and margin_minor <> 0`,
];

/** What accounts had when their older records were removed, and their fills since: of most, nothing and all. */
const SINCE_SQL = `with removed as (
    select coalesce(max(last_order_id), 0) as upto from public.removed_periods
  ), removed_runs as (
    select id as run from public.scan_runs where core.day_of(recorded_at) <= core.removed_through()
  ), begun as (
    select b.account_id, b.cash_minor, c.* from public.closed_balances b join public.closings c using (through)
    where b.through = core.removed_through()
  ), held_then as (
    select distinct on (p.account_id, p.instrument_id, p.product) p.* from public.closed_positions p
    join begun on begun.account_id = p.account_id and p.through <= begun.through
    order by p.account_id, p.instrument_id, p.product, p.through desc
  ), since_then as (
    select f.* from public.fills f left join begun on begun.account_id = f.account_id
    where case when f.order_id is null then f.id > coalesce(begun.last_fill_id, 0)
      else f.order_id > coalesce(begun.last_order_id, 0) end
  )`;

const everyCheck = checks.map((check) => `(${check})`).join('\nunion all\n');

/** Everything in the database that breaks a promise about money, orders or positions, as sentences; none is right. */
export async function violations(session: SqlSession): Promise<string[]> {
  const rows = await plannedOnce(session).query(`${SINCE_SQL} ${everyCheck}`);
  return rows.map(({ what }) => String(what));
}
