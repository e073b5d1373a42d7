// The SQL that calls a database function, and what an error of the server means.
import { DatabaseError, type DatabaseErrorKind } from '../../ports/database.ts';

/** @throws TypeError for a name that is not lower-case letters and underscores (it goes into the SQL text) */
function checkName(name: string): void {
  if (!/^[a-z_]+$/.test(name)) throw new TypeError(`"${name}" can't be the name of a database function`);
}

/**
 * The statement that calls `public.NAME(args jsonb)`; its one row holds the answer under `answer`.
 * @throws TypeError for a name that can't be one
 */
export function callStatement(name: string): string {
  checkName(name);
  return `select public.${name}($1::jsonb) as answer`;
}

/**
 * The same with its arguments and a limit of its time, as one message of the simple protocol: that is one transaction and
 * one round trip, leaves nothing behind in the session, and so works behind a transaction pooler, too.
 * @param json what JSON.stringify gave: it never holds a NUL
 * @throws TypeError for a name that can't be one
 */
export function limitedCall(name: string, json: string, limitMs: number): string {
  checkName(name);
  // E'…' reads a backslash in one way only, whatever standard_conforming_strings says.
  const literal = `E'${json.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  return `set local statement_timeout = ${Math.trunc(limitMs)}; select public.${name}(${literal}::jsonb) as answer`;
}

/** What a database says of an error; the same fields in `pg` and PGlite, whose classes differ. */
interface ServerError extends Error {
  severity: string;
  code: string;
  detail?: string | undefined;
  hint?: string | undefined;
  where?: string | undefined;
  params?: unknown;
}

/** A Node socket error has a code too (EPIPE even looks like an SQLSTATE); only a server's error has a severity. */
function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/**
 * SQLSTATEs that prove the request (or the settings) to be at fault, by class: cardinality (21), data (22), integrity
 * (23), login (28), no such database (3D), syntax and access (42), program limit (54), feature not supported (0A),
 * PL/pgSQL (P0) and our own (PT). A list of what is lost could never be whole: poolers and forks have codes of their own
 * (a full Supabase pooler says XX000). https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const REFUSED = /^(21|22|23|28|3D|42|54|0A|P0|PT)...$/;
/** Rolled back for what it met: serialization, deadlock, a lock not to be had in time, the time limit of a statement. */
const BUSY = /^(40001|40P01|55P03|57014)$/;

function kindOf(code: string): DatabaseErrorKind {
  if (REFUSED.test(code)) return 'refused';
  return BUSY.test(code) ? 'busy' : 'lost';
}

/** Keeps the values of rows and arguments (phone numbers) out of an error that will be logged. */
function dropValues(error: ServerError): void {
  delete error.params;
  if (/^PT/.test(error.code)) return;
  delete error.detail;
  delete error.where;
}

/** The error a caller of function `name` sees for what `pg` or PGlite threw, which is kept as the cause. */
export function toDatabaseError(name: string, thrown: unknown): DatabaseError {
  if (!isServerError(thrown)) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    const reason = thrown instanceof Error && thrown.message !== '' ? thrown.message : code;
    return new DatabaseError(`The database did not answer ${name}: ${reason}`, { kind: 'lost', code, cause: thrown });
  }
  dropValues(thrown);
  const { code, detail, hint } = thrown;
  const facts = { code, answered: true, details: detail ?? null, hint: hint ?? null, cause: thrown };
  if (thrown.code === '42883' && thrown.message.includes(`public.${name}(`)) {
    const message = `The database has no function ${name}: its schema is missing or older than this code. Run npm run migrate.`;
    return new DatabaseError(message, { ...facts, kind: 'refused' });
  }
  return new DatabaseError(thrown.message, { ...facts, kind: kindOf(code) });
}
