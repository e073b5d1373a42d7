// The port to the database: named functions that take and give JSON, and the one error they throw.
/** How long a call may take that nothing else is said of. */
export const DEFAULT_LIMIT_MS = 5_000;

/** Calls one SQL function `public.NAME(args jsonb) returns jsonb` and gives its JSON back, unparsed by any schema. */
export interface Database {
  /**
   * @param name lower-case letters and underscores only
   * @param args anything JSON can say
   * @param limitMs what takes longer is ended; default DEFAULT_LIMIT_MS
   * @throws DatabaseError
   */
  call(name: string, args: unknown, limitMs?: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Plain SQL on one connection: what the migrator and the tests need beside `Database`. */
export interface SqlSession {
  /** Runs one or more statements, without parameters. */
  exec(sql: string): Promise<void>;
  /** Runs one statement with `$1` parameters. */
  query(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
}

/**
 * What an error proves. `refused`: the request itself is at fault (or the settings), nothing was
 * written, and again would be the same. `busy`: nothing was written either, but for what the call met (a lock, a time
 * limit, a deadlock), so a smaller call or a later one may succeed. `lost`: nothing is proven, it may have run.
 */
export type DatabaseErrorKind = 'refused' | 'busy' | 'lost';

export interface DatabaseErrorFacts {
  kind: DatabaseErrorKind;
  /** SQLSTATE, a `PTxyz` of our own functions, or the code of the connection error; '' where there is none. */
  code: string;
  /** Whether the database itself said so; false: nobody did, or something on the way to it. */
  answered?: boolean;
  details?: string | null;
  hint?: string | null;
  cause?: unknown;
}

/** The one error every transport throws. What was not refused may be made again: every function allows that. */
export class DatabaseError extends Error {
  readonly kind: DatabaseErrorKind;
  readonly code: string;
  readonly answered: boolean;
  readonly details: string | null;
  readonly hint: string | null;

  constructor(message: string, facts: DatabaseErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'DatabaseError';
    this.kind = facts.kind;
    this.code = facts.code;
    this.answered = facts.answered ?? facts.kind !== 'lost';
    this.details = facts.details ?? null;
    this.hint = facts.hint ?? null;
  }
}

/** A database that does not answer does so for every call; anything else may be the fault of this one. */
export function hasAnswered(error: unknown): boolean {
  return !(error instanceof DatabaseError && error.kind === 'lost');
}

/** A login, database or key that is not accepted: a person has to correct the settings. */
export function isMisconfigured(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(28...|3D...|PGRST30[1-3]|HTTP_40[13])$/.test(error.code);
}

/** The database refused this process's clock: it is minutes off, and nothing was done. */
export function isClockWrong(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === 'PT425';
}

/** How far the database lets a process's clock be from its own. */
export const MAX_CLOCK_SKEW_MS = 120_000;
