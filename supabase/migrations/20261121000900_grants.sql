-- Nobody but the service may call or change anything, and it only through functions; a user who is logged in may read
-- his own rows. Written for Supabase's roles, harmless elsewhere. The revokes name every role because Supabase projects
-- from before 2026-10 grant everything new in `public` to all three.

-- Who is asking, by the JWT that PostgREST has checked: it leaves the claims in this setting, on any Postgres. Policies
-- need no usage of schema core, so this function is reached through them alone.
create function core.current_user_id() returns text
language sql stable security definer set search_path = '' as $$
  select id from public.users
  where auth_user_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
$$;

do $$
declare
  thing record;
  -- What goes over a whole run, file or year; longFunctions in ports/call-limits.ts says the same.
  long constant text[] := array['adjust_books', 'check_books', 'decide_run', 'finish_run', 'finish_runs', 'forget_old',
    'import_holdings', 'import_instruments', 'import_prices', 'import_signals', 'import_users', 'open_run',
    'queue_corrections', 'read_all_credentials', 'read_books', 'read_condition', 'read_gauges', 'read_inputs',
    'read_live_accounts', 'read_messages', 'read_plan_lines', 'read_report', 'read_report_decisions',
    'read_report_messages', 'read_run', 'read_run_timings', 'reprice_run', 'trip_breakers', 'why'];
begin
  for thing in
    select c.oid::regclass as name, c.relkind = 'S' as is_sequence
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'core', 'paper_venue') and c.relkind in ('r', 'p', 'S')
  loop
    execute format('revoke all on %s %s from public, anon, authenticated, service_role',
      case when thing.is_sequence then 'sequence' else 'table' end, thing.name);
    if not thing.is_sequence then
      execute format('alter table %s enable row level security', thing.name);
    end if;
  end loop;
  for thing in
    select p.oid::regprocedure as name, n.nspname as schema, p.proname::text as called from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'core', 'paper_venue') and p.prokind = 'f'
  loop
    execute format('revoke execute on function %s from public, anon, authenticated, service_role', thing.name);
    if thing.schema = 'public' then
      execute format('grant execute on function %s to service_role', thing.name);
      -- Nobody waits for ever: a lock that is not to be had in time ends the call (55P03), and so does a call that takes
      -- too long (57014). PostgREST sets the latter for the whole request; over `pg` the caller does.
      execute format('alter function %s set lock_timeout = ''1500ms'' set statement_timeout = %L', thing.name,
        case when thing.called = any(long) then '60s' else '5s' end);
    end if;
  end loop;
end $$;

-- `(select …)` is asked once per statement, not per row.
create policy a_user_reads_his_own_accounts on public.accounts for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_decisions on public.decisions for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_orders on public.orders for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_messages on public.messages for select to authenticated
  using (user_id = (select core.current_user_id()));
-- What belongs to an account is theirs whose account it is. As an array: with it the rows are found by index, while
-- `in (select …)` is asked of each row of the table.
create policy a_user_reads_his_own_positions on public.positions for select to authenticated
  using (account_id = any(array(select id from public.accounts where user_id = (select core.current_user_id()))));
create policy a_user_reads_his_own_fills on public.fills for select to authenticated
  using (account_id = any(array(select id from public.accounts where user_id = (select core.current_user_id()))));
create policy a_user_reads_his_own_ledger on public.ledger_entries for select to authenticated
  using (account_id = any(array(select id from public.accounts where user_id = (select core.current_user_id()))));
-- What every exchange publishes of its listings. An instrument known from a signal alone is shown only to those who hold
-- or ordered it: others would read in it what is going to be bought. (Each subquery sees the reader's own rows only.)
create policy a_user_reads_what_is_listed_and_what_they_trade on public.instruments for select to authenticated
  using (not assumed or id in (select instrument_id from public.positions)
    or id in (select instrument_id from public.orders));

grant select (id, exchange, symbol, isin, name) on public.instruments to authenticated;
grant select on public.accounts, public.decisions, public.orders, public.messages, public.positions, public.fills,
  public.ledger_entries to authenticated;
grant execute on function core.current_user_id() to authenticated;

notify pgrst, 'reload schema';
