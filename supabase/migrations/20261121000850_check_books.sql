-- The books checked against themselves: every broken promise as a line, none when all is well. Reads only;
-- one statement, so it sees one moment. Meant for operators and tests, not for the trading path.

-- What to do where no command settles what is wrong.
create function core.stop_trading(of_user text) returns text
language sql immutable as $$
  select format('npm run halt -- %s--why books, then find out what wrote it (npm run log)',
    case when of_user is not null then format('--user %s ', of_user) else '' end);
$$;

-- {sinceDate (null, left out: all days)}: decisions, orders' histories and messages only of runs since that
-- day (they are facts, so whoever looks every evening has seen the older ones); money, fills and positions
-- always all of them. Gives {rule, subject, userId, ours, should, settle, leftToAPerson, more}, at most 20
-- of a rule; the 20th says in `more` how many others there are. What settles it is a command; where none is
-- known, trading is to be stopped first.
create function public.check_books(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with found as (
    select * from core.money_findings()
    union all select * from core.entry_findings()
    union all select * from core.single_entry_findings()
    union all select * from core.fill_findings()
    union all select * from core.beyond_order_findings()
    union all select * from core.unacknowledged_findings()
    union all select * from core.position_findings()
    union all select * from core.filled_findings()
    union all select * from core.reference_findings()
    union all select * from core.order_findings((args ->> 'sinceDate')::date)
    union all select * from core.order_signal_findings((args ->> 'sinceDate')::date)
    union all select * from core.history_findings((args ->> 'sinceDate')::date)
    union all select * from core.run_findings((args ->> 'sinceDate')::date)
    union all select * from core.decision_findings((args ->> 'sinceDate')::date)
    union all select * from core.cap_findings((args ->> 'sinceDate')::date)
    union all select * from core.message_findings((args ->> 'sinceDate')::date)
    union all select * from core.overdue_findings()
    union all select * from core.unready_findings()
    union all select * from core.ahead_findings()
  ), counted as (
    select found.*, row_number() over (partition by rule order by subject) as n,
      count(*) over (partition by rule) as of_rule
    from found
  )
  select coalesce(jsonb_agg(jsonb_build_object('rule', rule, 'subject', subject, 'userId', user_id,
    'ours', coalesce(ours, 'nothing'), 'should', coalesce(should, 'nothing'),
    'settle', coalesce(settle, core.stop_trading(user_id)), 'leftToAPerson', left_to_a_person,
    'more', case n when 20 then of_rule - 20 else 0 end) order by left_to_a_person, rule, n), '[]')
  from counted where n <= 20;
$$;
