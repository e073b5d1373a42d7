-- Who may call what. The programs of the service log in as a role that may execute its functions and nothing
-- else: whoever takes such a host reads no table, and changes nothing but through them. A login is a member
-- of one of the two groups below (npm run migrate -- --login …).

-- The groups belong to the whole server, so two databases may create them at once: both are fine. A managed
-- server that refuses roles gets the schema all the same; npm run doctor then says what is missing.
do $$
declare
  who text;
begin
  foreach who in array array['daily_scan_service', 'daily_scan_http'] loop
    if to_regrole(who) is null then
      begin
        execute format('create role %I nologin noinherit', who);
      exception
        when duplicate_object or unique_violation then null;
        when insufficient_privilege then
          raise warning 'role % could not be created: have an administrator run "create role % nologin", '
            'then npm run migrate', who, who;
      end;
    end if;
  end loop;
end $$;

-- A function is for nobody until lock_down() has said for whom, also where a later migration forgets to call
-- it.
alter default privileges revoke execute on functions from public;

-- What a process that only serves HTTP calls: it lets in, reads, receives, plans and places. It sends and
-- settles nothing, changes no settings or books, and reads no credentials: that is for daily_scan_service
-- alone.
create function core.http_functions() returns text[]
language sql immutable set search_path = '' as $$
  select array[
    'accept_page',
    'decide_run',
    'find_api_keys',
    'find_auth_user',
    'find_source_keys',
    'finish_run',
    'note_key_uses',
    'open_run',
    'paper_venue_prepare',
    'place_orders',
    'queue_notices',
    'read_accounts',
    'read_actions',
    'read_calendar_days',
    'read_gauges',
    'read_inputs',
    'read_listings',
    'read_lock_holders',
    'read_order',
    'read_order_events',
    'read_order_inputs',
    'read_orders',
    'read_prices',
    'read_progress',
    'read_readiness',
    'read_report',
    'read_request_outcomes',
    'read_run',
    'read_signal_sources',
    'receive_signals',
    'record_delivery',
    'record_inbound_message',
    'reprice_run',
    'stop_messages'
  ];
$$;

-- What goes over a whole run, file or year; isLong in ports/store/ says the same.
create function core.long_functions() returns text[]
language sql immutable set search_path = '' as $$
  select array[
    'adjust_books',
    'check_books',
    'close_books',
    'decide_run',
    'erase_user',
    'export_user',
    'finish_run',
    'finish_runs',
    'forget_old',
    'import_calendar',
    'import_corporate_actions',
    'import_holdings',
    'import_instruments',
    'import_prices',
    'import_restrictions',
    'import_signals',
    'import_users',
    'mark_removed',
    'open_run',
    'preview_users',
    'queue_corrections',
    'read_all_credentials',
    'read_books',
    'read_condition',
    'read_facts',
    'read_gauges',
    'read_inputs',
    'read_live_accounts',
    'read_messages',
    'read_plan_lines',
    'read_removable',
    'read_report',
    'read_report_decisions',
    'read_report_messages',
    'read_run',
    'read_run_timings',
    'remove_page',
    'reprice_run',
    'trip_breakers',
    'verify_actions',
    'why'
  ];
$$;

-- The schemas of this program.
create function core.schemas() returns text[]
language sql immutable set search_path = '' as $$ select array['public', 'core', 'paper_venue']; $$;

-- Every role that could have been granted something of ours, but those the server lacks.
create function core.callers() returns text[]
language sql stable set search_path = '' as $$
  select array_agg(who) from unnest(array['anon', 'authenticated', 'service_role', 'daily_scan_service',
    'daily_scan_http']) as who where to_regrole(who) is not null;
$$;

-- Takes tables and sequences from everybody, and turns row security on. What has a policy for users they may
-- read: all of it, or the columns that the policy's comment names ("columns: id, name").
create function core.lock_down_tables() returns void
language plpgsql set search_path = '' as $$
declare
  thing record;
  callers text := 'public, ' || array_to_string(core.callers(), ', ');
begin
  for thing in
    select format('%I.%I', n.nspname, c.relname) as name, c.relkind = 'S' as is_sequence,
      not c.relrowsecurity as is_open, (select coalesce(
          ' (' || substring(obj_description(p.oid, 'pg_policy') from '^columns: (.*)$') || ')', '')
        from pg_policy p where p.polrelid = c.oid and p.polcmd = 'r'
          and p.polroles @> array[to_regrole('authenticated')::oid] limit 1) as read_columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any (core.schemas()) and c.relkind in ('r', 'p', 'S')
      and pg_has_role(c.relowner, 'usage')
  loop
    execute format('revoke all on %s %s from %s',
      case when thing.is_sequence then 'sequence' else 'table' end, thing.name, callers);
    if thing.is_open and not thing.is_sequence then
      execute format('alter table %s enable row level security', thing.name);
    end if;
    if thing.read_columns is not null then
      execute format('grant select%s on table %s to authenticated', thing.read_columns, thing.name);
    end if;
  end loop;
end $$;

-- Takes every function of ours from everybody, and gives those of schema public to the service, with their
-- limits of time. Ours there are those with the one argument args jsonb: what other programs keep in schema
-- public is left alone.
create function core.lock_down_functions() returns void
language plpgsql set search_path = '' as $$
declare
  thing record;
  who text;
  callers text := 'public, ' || array_to_string(core.callers(), ', ');
begin
  for thing in
    select p.oid::regprocedure as name, p.proname, n.nspname = 'public' as is_called
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = any (core.schemas()) and p.prokind in ('f', 'a') and pg_has_role(p.proowner, 'usage')
      and (n.nspname <> 'public'
        or p.proargtypes::text = 'jsonb'::regtype::oid::text and p.proargnames = array['args'])
  loop
    execute format('revoke execute on function %s from %s', thing.name, callers);
    continue when not thing.is_called;
    -- Nobody waits for ever: a lock that is not to be had in time ends the call (55P03), and so does a call
    -- that takes too long (57014). PostgREST sets the latter for the whole request; over `pg` the caller
    -- does.
    execute format('alter function %s set lock_timeout = ''1500ms'' set statement_timeout = %L', thing.name,
      case when thing.proname = any (core.long_functions()) then '60s' else '5s' end);
    foreach who in array core.callers() loop
      if who in ('service_role', 'daily_scan_service')
        or who = 'daily_scan_http' and thing.proname = any (core.http_functions()) then
        execute format('grant execute on function %s to %I', thing.name, who);
      end if;
    end loop;
  end loop;
  grant execute on function core.current_user_id() to authenticated;
end $$;

-- Gives everybody exactly what they are meant to have, however it was before: what somebody granted by hand
-- is taken back. Every migration file ends with it, and npm run migrate -- --login calls it.
create function core.lock_down() returns void
language plpgsql set search_path = '' as $$
declare
  who text;
begin
  perform core.lock_down_tables();
  perform core.lock_down_functions();
  foreach who in array core.callers() loop
    execute format('revoke all on schema core, paper_venue from public, %I', who);
    if not has_schema_privilege(who, 'public', 'usage') then
      execute format('grant usage on schema public to %I', who);
    end if;
  end loop;
  notify pgrst, 'reload schema';
end $$;

-- What its caller reaches beside the functions: for npm run doctor. In here current_user is the owner; who
-- called is the role that was set, else the one that logged in. Lists hold 20 at most.
create function public.read_privileges(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with caller as (
    select to_regrole(quote_ident(coalesce(nullif(current_setting('role'), 'none'), session_user))) as who
  ), reached as (
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, caller
    where n.nspname = any (core.schemas()) and c.relkind in ('r', 'p')
      and (has_any_column_privilege(who, c.oid, 'select, insert, update')
        or has_table_privilege(who, c.oid, 'delete, truncate'))
  )
  select jsonb_build_object('role', r.rolname, 'superuser', r.rolsuper,
    'owner', pg_has_role(r.oid, (select nspowner from pg_namespace where nspname = 'core'), 'usage'),
    'tables', (select coalesce(jsonb_agg(name), '[]')
      from (select name from reached order by name limit 20) t),
    'missingRoles', (select coalesce(jsonb_agg(who), '[]')
      from unnest(array['daily_scan_service', 'daily_scan_http']) who where to_regrole(who) is null))
  from pg_roles r where r.oid = (select who from caller);
$$;
