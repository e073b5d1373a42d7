/** Calls one SQL function `public.NAME(args jsonb) returns jsonb` and gives its JSON back, unparsed by any schema. */
export interface Database {
  /**
   * @param name lower-case letters and underscores only
   * @param args anything JSON can say
   * @throws DatabaseError
   */
  call(name: string, args: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** Plain SQL on one connection: what the migrator and the tests need beside `Database`. */
export interface SqlSession {
  /** Runs one or more statements, without parameters. */
  exec(sql: string): Promise<void>;
  /** Runs one statement with `$1` parameters. */
  query(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
}

export interface DatabaseErrorFacts {
  /** 'refused': the database answered no, nothing was written. 'lost': the outcome is unknown (connection, timeout). */
  kind: 'refused' | 'lost';
  /** SQLSTATE, a `PTxyz` of our own functions, or the code of the connection error; '' where there is none. */
  code: string;
  details?: string | null;
  hint?: string | null;
  cause?: unknown;
}

/** The one error every transport throws. A lost call may still have run: repeat it, every function allows that. */
export class DatabaseError extends Error {
  readonly kind: 'refused' | 'lost';
  readonly code: string;
  readonly details: string | null;
  readonly hint: string | null;

  constructor(message: string, facts: DatabaseErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'DatabaseError';
    this.kind = facts.kind;
    this.code = facts.code;
    this.details = facts.details ?? null;
    this.hint = facts.hint ?? null;
  }
}

/** A database that does not answer does so for every call; anything else may be the fault of this one. */
export function hasAnswered(error: unknown): boolean {
  return !(error instanceof DatabaseError && error.kind === 'lost');
}
