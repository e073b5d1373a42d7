// Answers errors as problem JSON (RFC 9457), and says nothing of what is inside.
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { DatabaseError } from '../ports/database.ts';
import type { Emit } from '../ports/events/events.ts';
import { emitFailure } from '../stages/wrong-clock.ts';
import { isBrokenOff } from './body.ts';
import { servedElsewhere } from './venues-elsewhere.ts';

/** The phrases of RFC 9110 for every status this service answers with something wrong. */
const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

type ProblemStatus = keyof typeof titles;

/** What is wrong, for people (`detail`) and for programs (`code`), as RFC 9457 has it; `more` are its extension members. */
export interface Problem {
  status: ProblemStatus;
  code: string;
  detail: string;
  more?: Readonly<Record<string, unknown>>;
}

/**
 * An answer that says no: `application/problem+json` with type, title, status, detail, code and the request's id. The
 * type is `about:blank`: the status says the kind, `code` the reason.
 */
export function problem(c: Context, { status, code, detail, more = {} }: Problem): Response {
  const requestId: unknown = c.get('requestId');
  const body = { type: 'about:blank', title: titles[status], status, detail, code, requestId, ...more };
  // Headers set so far go with it; a token that is not good is always met with the way to show a good one.
  if (status === 401) c.header('WWW-Authenticate', 'Bearer realm="daily-scan"');
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}

/** For `app.notFound`. */
export function notFound(c: Context): Response {
  return problem(c, { status: 404, code: 'not_found', detail: 'There is nothing at this address.' });
}

/**
 * For `app.onError`: what nobody foresaw. Outside it is 500 (503 where the database is busy or lost: the same call may
 * be made again) without a word of the error; inside it is emitted with its cause and the request's id.
 */
export function onError(emit: Emit): (error: Error, c: Context) => Response {
  return (error, c) => {
    // A parser of the framework that refused the request, not a failure of ours.
    if (error instanceof HTTPException && error.status === 400) {
      return problem(c, { status: 400, code: 'bad_request', detail: 'The request could not be read.' });
    }
    if (isBrokenOff(c, error)) {
      const detail = 'The request broke off before its end, so nothing was done: send it again, in one go.';
      return problem(c, { status: 400, code: 'request_broken_off', detail });
    }
    const about = { requestId: c.get('requestId'), error: described(error) };
    if (emitFailure(emit, error, { type: 'request_failed', alert: true, ...about })) {
      c.header('Retry-After', '60');
      const detail =
        'The clock of this service is wrong, so nothing was done. Ask again with the same request when it is set.';
      return problem(c, { status: 503, code: 'clock_wrong', detail });
    }
    if (error instanceof DatabaseError && error.kind !== 'refused') {
      c.header('Retry-After', '5');
      const detail = 'The database did not answer. Nothing is lost: ask again with the same request.';
      return problem(c, { status: 503, code: 'database_lost', detail });
    }
    // The role this process runs as may not call that function (supabase/migrations, core.http_functions).
    if (error instanceof DatabaseError && error.code === '42501') return problem(c, servedElsewhere);
    const detail = 'Something went wrong here. It is on record under the request id.';
    return problem(c, { status: 500, code: 'internal_error', detail });
  };
}

/** The error's stack, with those of its causes: for the log, never for an answer. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nbecause: ${described(error.cause)}`;
}
