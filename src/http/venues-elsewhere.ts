// Turns away what needs a venue’s session where this process has none.
import type { MiddlewareHandler } from 'hono';
import type { HttpEnv } from './callers/auth.ts';
import type { HttpDeps } from './deps.ts';
import { type Problem, problem } from './problem.ts';

/** For what another process of the service has to do: this one may not, or has no sessions at venues. */
export const servedElsewhere: Problem = {
  status: 503,
  code: 'not_served_here',
  detail:
    'This process only serves HTTP and may not do this: send the request to one that runs all parts, or --only logins.',
};

/**
 * Refuses, before anything is done, what needs a session at a venue where this process opens none (live trading,
 * `--only http`): a price of the venue, a send, a read of accounts.
 */
export function venuesElsewhere({ world, settings }: HttpDeps): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (settings.mode === 'live' && world.venues.size === 0) return problem(c, servedElsewhere);
    return next();
  };
}
