// What is different in a database of tests: its rows may be deleted, and where they are few, the check of the books is planned once.

/**
 * Lets the tables that refuse any deletion be emptied where `tests.emptying` is on. Keeping their triggers out of the way
 * by `session_replication_role` would make the session forget all its plans, and making them anew takes most of a test's
 * time.
 */
export const EMPTIED_BY_TESTS_SQL = `do $do$ declare
  refusal regprocedure;
begin
  for refusal in select oid from pg_proc where pronamespace = 'core'::regnamespace and proname ~ '^refuse_' loop
    continue when pg_get_functiondef(refusal) ~ 'tests\\.emptying';
    if pg_get_functiondef(refusal) !~ '\\mbegin\\M' then raise exception '% is not what it was', refusal; end if;
    execute regexp_replace(pg_get_functiondef(refusal), '\\mbegin\\M',
      $$begin if current_setting('tests.emptying', true) = 'on' then return old; end if;$$);
  end loop;
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
