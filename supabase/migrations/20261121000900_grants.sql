-- Nobody but the service may call or change anything, and it only through functions; a user who is logged in
-- may read his own rows. Written for Supabase's roles, harmless elsewhere. Every role is named in the
-- revokes because Supabase projects from before 2026-10 grant everything new in `public` to all three.
--
-- Every later migration file ends as this one does: select core.lock_down();

-- Who is asking, by the JWT that PostgREST has checked: it leaves the claims in this setting, on any
-- Postgres. Policies need no usage of schema core, so this function is reached through them alone.
create function core.current_user_id() returns text
language sql stable security definer set search_path = '' as $$
  select id from public.users
  where auth_user_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
$$;

-- `(select …)` is asked once per statement, not per row.
create policy a_user_reads_his_own_accounts on public.accounts for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_decisions on public.decisions for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_orders on public.orders for select to authenticated
  using (user_id = (select core.current_user_id()));
create policy a_user_reads_his_own_messages on public.messages for select to authenticated
  using (user_id = (select core.current_user_id()));
-- What belongs to an account is theirs whose account it is. As an array: with it the rows are found by
-- index, while `in (select …)` is asked of each row of the table.
create policy a_user_reads_his_own_positions on public.positions for select to authenticated
  using (account_id = any(array(select id from public.accounts
    where user_id = (select core.current_user_id()))));
create policy a_user_reads_his_own_fills on public.fills for select to authenticated
  using (account_id = any(array(select id from public.accounts
    where user_id = (select core.current_user_id()))));
create policy a_user_reads_his_own_ledger on public.ledger_entries for select to authenticated
  using (account_id = any(array(select id from public.accounts
    where user_id = (select core.current_user_id()))));
-- What every exchange publishes of its listings. An instrument known from a signal alone is shown only to
-- those who hold or ordered it: others would read in it what is going to be bought. (Each subquery sees the
-- reader's own rows only.)
create policy a_user_reads_what_is_listed_and_what_they_trade
  on public.instruments for select to authenticated
  using (not assumed or id in (select instrument_id from public.positions)
    or id in (select instrument_id from public.orders));

comment on policy a_user_reads_what_is_listed_and_what_they_trade on public.instruments
  is 'columns: id, exchange, symbol, isin, name';

-- Users read what has a policy for them; everything else is for the service's roles.
select core.lock_down();
