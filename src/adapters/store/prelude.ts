// What a plain Postgres lacks beside Supabase: its roles and its schema of extensions.
/**
 * What Supabase has and a plain Postgres lacks: its three API roles and the `extensions` schema, so that the same
 * migrations run on both. It is not a migration because the Supabase CLI must never run it. Roles belong to the whole
 * server, so two databases may create them at once, and a managed server may refuse `bypassrls`: both are fine.
 */
export const PRELUDE_SQL = `
do $$ declare r text; begin
  foreach r in array array['anon', 'authenticated', 'service_role'] loop
    begin execute format('create role %I nologin noinherit', r);
    exception when duplicate_object or unique_violation then null; end;
  end loop;
  begin alter role service_role bypassrls; exception when insufficient_privilege then null; end;
end $$;
create schema if not exists extensions;
grant usage on schema public, extensions to anon, authenticated, service_role;
`;

/**
 * True where the prelude has to run. The schema is asked for too: the second database of a server has the roles already,
 * but neither the schema nor the grants.
 */
export const PRELUDE_NEEDED_SQL = `
select to_regrole('service_role') is null or to_regnamespace('extensions') is null as needed`;
