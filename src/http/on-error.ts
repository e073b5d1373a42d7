// The answer to what nobody foresaw: a problem without a word of the error, which is an event with its cause.
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { DatabaseError } from '../ports/database.ts';
import type { Emit } from '../ports/events/events.ts';
import { emitFailure } from '../stages/wrong-clock.ts';
import { isBrokenOff } from './body.ts';
import { described, problem } from './problem.ts';
import { servedElsewhere } from './venues-elsewhere.ts';

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
