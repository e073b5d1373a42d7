// Writes down what a migrated database is: the state that all migrations together leave.
import { z } from 'zod';
import type { SqlSession } from '../../src/ports/database.ts';
import { type Notes, notesOf } from './notes.ts';
import { tableTexts } from './tables.ts';
import { commented, SCHEMAS } from './text.ts';

const HEAD = `-- The schema as the migrations leave it, written by \`npm run schema\` and compared by a test. For reading: nothing
-- runs it. Comments are those of the migrations; \`-- for\` names the roles that may execute a function.
-- Every table has row level security, and nobody but its owner may touch one: users read what has a policy.
`;

const piece = z.object({ kind: z.string(), name: z.string(), text: z.string() });

/** Types, sequences and views. A table's row type and an identity's sequence belong to their table. */
const OTHERS_SQL = `
select kind, name, text from (
  select 1 as n, 'type' as kind, format('%I.%I', s.nspname, c.relname) as name, format('create type %I.%I as (%s);', s.nspname,
    c.relname, (select string_agg(format(E'\\n  %I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ',' order by a.attnum)
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) || E'\\n') as text
  from pg_class c join pg_namespace s on s.oid = c.relnamespace where c.relkind = 'c' and s.nspname = any($1)
  union all
  select 0, 'domain', t.oid::regtype::text, format('create domain %s as %s%s;', t.oid::regtype,
    format_type(t.typbasetype, t.typtypmod), (select string_agg(format(E'\\n  constraint %I %s', k.conname,
      pg_get_constraintdef(k.oid)), '') from pg_constraint k where k.contypid = t.oid))
  from pg_type t join pg_namespace s on s.oid = t.typnamespace where t.typtype = 'd' and s.nspname = any($1)
  union all
  select 2, 'sequence', format('%I.%I', s.nspname, c.relname), format('create sequence %I.%I;', s.nspname, c.relname)
  from pg_class c join pg_namespace s on s.oid = c.relnamespace
  where c.relkind = 'S' and s.nspname = any($1)
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('i', 'a'))
  union all
  select 3, 'view', format('%I.%I', s.nspname, c.relname),
    format(E'create view %I.%I as\\n%s', s.nspname, c.relname, pg_get_viewdef(c.oid, true))
  from pg_class c join pg_namespace s on s.oid = c.relnamespace where c.relkind in ('v', 'm') and s.nspname = any($1)
) piece order by n, name`;

/** Functions with their settings, by schema and name; whoever but the owner may execute one. */
const FUNCTIONS_SQL = `
select case p.prokind when 'a' then 'aggregate' else 'function' end as kind, format('%I.%I', s.nspname, p.proname) as name,
  concat_ws(E'\\n', (select '-- for ' || string_agg(r.rolname, ', ' order by r.rolname)
      from aclexplode(p.proacl) acl join pg_roles r on r.oid = acl.grantee
      where acl.privilege_type = 'EXECUTE' and acl.grantee <> p.proowner),
    case when exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl where acl.grantee = 0)
      then '-- for EVERYBODY' end,
    case p.prokind when 'a' then (select format('create aggregate %s (sfunc = %s, stype = %s, initcond = %L);',
        format('%I.%I(%s)', s.nspname, p.proname, pg_get_function_arguments(p.oid)), a.aggtransfn,
        format_type(a.aggtranstype, null), a.agginitval) from pg_aggregate a where a.aggfnoid = p.oid)
      else rtrim(pg_get_functiondef(p.oid), E'\\n') || ';' end) as text
from pg_proc p join pg_namespace s on s.oid = p.pronamespace
where s.nspname = any($1) and p.prokind in ('f', 'a', 'p')
order by array_position($1, s.nspname::text), p.proname, pg_get_function_identity_arguments(p.oid)`;

async function piecesOf(session: SqlSession, sql: string, notes: Notes): Promise<string[]> {
  const pieces = z.array(piece).parse(await session.query(sql, [SCHEMAS]));
  return pieces.map(({ kind, name, text }) => commented(notes.get(`${kind} ${name}`), text, ''));
}

/** The text of supabase/schema.sql: the same for every database that has just these migrations. */
export async function schemaText(session: SqlSession, migrations: readonly { sql: string }[]): Promise<string> {
  const notes = notesOf(migrations);
  // Names stand in full, whatever the session's path is.
  await session.exec("set search_path = ''");
  const sections = {
    'Types, sequences and views': await piecesOf(session, OTHERS_SQL, notes),
    Tables: await tableTexts(session, notes),
    Functions: await piecesOf(session, FUNCTIONS_SQL, notes),
  };
  const texts = Object.entries(sections).map(([title, pieces]) => [`-- # ${title}`, ...pieces].join('\n\n'));
  return `${[HEAD.trimEnd(), ...texts].join('\n\n').replaceAll(/timestamp with time zone/g, 'timestamptz')}\n`;
}
