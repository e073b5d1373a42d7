// Answers errors as problem JSON (RFC 9457), and says nothing of what is inside.
import type { Context } from 'hono';

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

/** The error's stack, with those of its causes: for the log, never for an answer. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nbecause: ${described(error.cause)}`;
}
