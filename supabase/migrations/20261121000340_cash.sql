-- Money a person moves into or out of a paper account. A live account's money is what its venue says.

-- The last deposits and withdrawals of an account, the newest first.
create function core.recent_cash_moves(of_account bigint, most integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('entryId', id, 'kind', kind,
    'amountMinor', abs(cash_delta_minor), 'reference', reference, 'source', source, 'atMs', core.ms(at))
    order by id desc), '[]')
  from (select * from public.ledger_entries e
    where e.account_id = of_account and e.kind in ('deposit', 'withdrawal')
    order by e.id desc limit most) newest;
$$;

-- The zone in which a currency is traded.
create function core.zone_of_currency(code text) returns text
language sql immutable as $$
  select core.zone_of(case code when 'USD' then 'XNYS' when 'INR' then 'XNSE' else 'SOLANA' end);
$$;

-- What is deposited and withdrawn on a day (of the currency's zone) in the accounts of a mode and currency.
create function core.cash_moves_on(of_mode text, paid_in text, day date) returns jsonb
language sql stable as $$
  select jsonb_build_object('depositedMinor',
    core.clamp_to_safe(coalesce(sum(cash_delta_minor) filter (where kind = 'deposit'), 0)),
    'withdrawnMinor',
    core.clamp_to_safe(coalesce(-sum(cash_delta_minor) filter (where kind = 'withdrawal'), 0)))
  from public.ledger_entries e join public.accounts a on a.id = e.account_id and a.mode = of_mode
    and a.currency = paid_in
  where e.kind in ('deposit', 'withdrawal')
    and (e.at at time zone core.zone_of_currency(paid_in))::date = day;
$$;

-- {userId, venue, currency (null: the only one), kind: deposit|withdrawal, amountMinor, reference, isNamed,
-- by, nowMs}: one entry of the ledger, at most what is available where it goes out. A reference counts once
-- within its account, so asking again after a lost answer books nothing. Where no person named it
-- (`isNamed`), the same amount within ten minutes is taken for a key that was pressed twice, and refused. A
-- block stays until who has seen it acknowledges it.
create function public.move_cash(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  amount constant bigint := (args ->> 'amountMinor')::bigint;
  delta constant bigint := case args ->> 'kind' when 'withdrawal' then -amount else amount end;
  meant constant public.accounts[] := array(select a from public.accounts a
    where a.user_id = args ->> 'userId' and a.mode = 'paper'
      and a.venue = coalesce(args ->> 'venue', a.venue)
      and a.currency = coalesce(args ->> 'currency', a.currency) order by a.venue, a.currency);
  a public.accounts;
  earlier public.ledger_entries;
  entry bigint;
  money jsonb;
begin
  if cardinality(meant) <> 1 then
    return jsonb_build_object('kind', case cardinality(meant) when 0 then 'no_account'
      else 'several_accounts' end,
      'accounts', (select coalesce(jsonb_agg(jsonb_build_object('venue', one.venue,
        'currency', one.currency)), '[]') from unnest(meant) one),
      'liveToo', exists (select from public.accounts where user_id = args ->> 'userId' and mode = 'live'));
  end if;
  select * into a from public.accounts where id = (meant[1]).id for no key update;
  money := jsonb_build_object('venue', a.venue, 'currency', a.currency, 'cashBeforeMinor', a.cash_minor,
    'cashMinor', a.cash_minor,
    'heldMinor', a.held_minor, 'notReady', a.not_ready);

  select * into earlier from public.ledger_entries
  where account_id = a.id and reference = args ->> 'reference';
  if found then
    return money || jsonb_build_object('entryId', earlier.id, 'atMs', core.ms(earlier.at), 'kind',
      case when earlier.cash_delta_minor = delta then 'counted_before' else 'reference_used' end,
      'amountMinor', abs(earlier.cash_delta_minor), 'moved', earlier.kind);
  end if;
  select * into earlier from public.ledger_entries e where e.account_id = a.id and e.cash_delta_minor = delta
    and e.kind = args ->> 'kind' and e.reference is not null and e.at > now_at - interval '10 minutes'
      order by id desc limit 1;
  if found and not (args ->> 'isNamed')::boolean then
    return money || jsonb_build_object('kind', 'moved_just_now', 'entryId', earlier.id,
      'atMs', core.ms(earlier.at));
  end if;
  if delta < 0 and a.cash_minor - a.held_minor + delta < 0 then
    return money || jsonb_build_object('kind', 'not_enough');
  end if;
  -- 2^53: beyond it nobody who reads JSON has the same number.
  if a.cash_minor + delta > 9007199254740991 then
    return money || jsonb_build_object('kind', 'too_much');
  end if;

  insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source,
    reference, at)
  values (a.id, args ->> 'kind', delta, 0, 'operator', args ->> 'reference', now_at) returning id into entry;
  update public.accounts set cash_minor = cash_minor + delta where id = a.id;
  perform core.record_action(args -> 'by', 'move_cash',
    core.account_target(a), jsonb_build_object('cashMinor', a.cash_minor),
    jsonb_build_object('cashMinor', a.cash_minor + delta,
      'moved', args -> 'kind', 'amountMinor', amount, 'entryId', entry), of_user => a.user_id);
  return money || jsonb_build_object('kind', 'moved', 'entryId', entry, 'cashMinor', a.cash_minor + delta);
end $$;
