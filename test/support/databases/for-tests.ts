// What is different in a database of tests: its rows may be deleted, and where they are few, the check of the books is planned once.

/**
 * Lets the tables that refuse any deletion be emptied where `tests.emptying` is on, and makes the function that does it.
 * Keeping their triggers out of the way by `session_replication_role` would make the session forget all its plans, and
 * making them anew takes most of a test's time; planning the deletions takes ten times as long as deleting few rows. One
 * statement deletes from all tables: no order of theirs is needed.
 */
export const EMPTIED_BY_TESTS_SQL = `do $do$ declare
  refusal regprocedure;
  deletes text;
begin
  for refusal in select oid from pg_proc where pronamespace = 'core'::regnamespace and proname ~ '^refuse_' loop
    continue when pg_get_functiondef(refusal) ~ 'tests\\.emptying';
    if pg_get_functiondef(refusal) !~ '\\mbegin\\M' then raise exception '% is not what it was', refusal; end if;
    execute regexp_replace(pg_get_functiondef(refusal), '\\mbegin\\M',
      $$begin if current_setting('tests.emptying', true) = 'on' then return old; end if;$$);
  end loop;
  select string_agg(format('%I as (delete from %I.%I)', schemaname || '.' || tablename, schemaname, tablename), ', ')
    into deletes from pg_tables where schemaname in ('public', 'core', 'paper_venue')
      and tablename not in ('charge_rates', 'currencies', 'order_transitions');
  create schema if not exists tests;
  execute format($$create or replace function tests.empty() returns void language plpgsql
    set plan_cache_mode = force_generic_plan set tests.emptying = 'on' as 'begin with %s delete from core.takes where false; end'$$,
    replace(deletes, '''', ''''''));
end $do$`;

/**
 * Of a few rows the check of the books takes 6 ms, and its plan 45: it is planned once, not for every call. Only where all
 * tests have few rows: what is planned for emptied tables is no plan for a day of many users.
 */
export const PLANNED_ONCE_SQL = `do $do$ declare
  source constant text := pg_get_functiondef('public.check_books'::regproc);
begin
  if source !~ 'SET search_path TO '''' *\\n' then raise exception 'check_books is not what it was'; end if;
  execute regexp_replace(source, 'SET search_path TO ''''', '\\& SET plan_cache_mode TO ''force_generic_plan''');
end $do$`;
