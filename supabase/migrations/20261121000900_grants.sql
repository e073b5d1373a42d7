-- Nobody but the service may call or read anything. Written for Supabase's roles, harmless elsewhere.
do $$
declare
  thing record;
begin
  for thing in
    select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'core', 'paper_venue') and c.relkind in ('r', 'p')
  loop
    execute format('alter table %s enable row level security', thing.name);
    execute format('revoke all on table %s from public, anon, authenticated', thing.name);
  end loop;
  for thing in
    select p.oid::regprocedure as name, n.nspname as schema from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'core', 'paper_venue') and p.prokind = 'f'
  loop
    execute format('revoke execute on function %s from public, anon, authenticated', thing.name);
    if thing.schema = 'public' then
      execute format('grant execute on function %s to service_role', thing.name);
    end if;
  end loop;
end $$;

notify pgrst, 'reload schema';
