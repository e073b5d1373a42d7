import { DatabaseError } from '../../ports/database.ts';

/**
 * The statement that calls `public.NAME(args jsonb)`; its one row holds the answer under `answer`.
 * @throws TypeError for a name that is not lower-case letters and underscores (it goes into the SQL text)
 */
export function callStatement(name: string): string {
  if (!/^[a-z_]+$/.test(name)) throw new TypeError(`"${name}" can't be the name of a database function`);
  return `select public.${name}($1::jsonb) as answer`;
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
 * SQLSTATEs after which nobody can tell what ran, or which a later call may not meet: connection (08), a deadlock or
 * a serialization failure that was rolled back (40P01, 40001), too many
 * connections or out of disk and memory (53), statement timeout (57014), and the server going away (57P01 to 57P05).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const LOST = /^(08...|40001|40P01|53...|57014|57P0[1-5])$/;

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
  const facts = { code: thrown.code, details: thrown.detail ?? null, hint: thrown.hint ?? null, cause: thrown };
  if (thrown.code === '42883' && thrown.message.includes(`public.${name}(`)) {
    const message = `The database has no function ${name}: its schema is missing or older than this code. Run npm run migrate.`;
    return new DatabaseError(message, { ...facts, kind: 'refused' });
  }
  return new DatabaseError(thrown.message, { ...facts, kind: LOST.test(thrown.code) ? 'lost' : 'refused' });
}
