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
    select p.oid::regprocedure as name, n.nspname as schema from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'core', 'paper_venue') and p.prokind = 'f'
  loop
    execute format('revoke execute on function %s from public, anon, authenticated, service_role', thing.name);
    if thing.schema = 'public' then
      execute format('grant execute on function %s to service_role', thing.name);
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
-- What belongs to an account is his whose account it is.
create policy a_user_reads_his_own_positions on public.positions for select to authenticated
  using (account_id in (select id from public.accounts where user_id = (select core.current_user_id())));
create policy a_user_reads_his_own_fills on public.fills for select to authenticated
  using (account_id in (select id from public.accounts where user_id = (select core.current_user_id())));
create policy a_user_reads_his_own_ledger on public.ledger_entries for select to authenticated
  using (account_id in (select id from public.accounts where user_id = (select core.current_user_id())));

grant select on public.accounts, public.decisions, public.orders, public.messages, public.positions, public.fills,
  public.ledger_entries to authenticated;
grant execute on function core.current_user_id() to authenticated;

notify pgrst, 'reload schema';
