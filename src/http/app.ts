// Builds the HTTP application: middleware first, then the routes of each topic.
import { Hono, type MiddlewareHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { routePath } from 'hono/route';
import { secureHeaders } from 'hono/secure-headers';
import { startTime, timing } from 'hono/timing';
import { cut } from '../domain/text/text.ts';
import type { World } from '../ports/world.ts';
import { bodyLimit } from './body.ts';
import { addressReader } from './callers/addresses.ts';
import { authenticate, type HttpEnv } from './callers/auth.ts';
import { keyLookup } from './callers/key-lookup.ts';
import { defaultRateLimits, type RateLimits, rateLimit } from './callers/limits.ts';
import { countUnknownCallers } from './callers/unknown-callers.ts';
import type { HttpDeps } from './deps.ts';
import { logRoutes } from './log.ts';
import { onError } from './on-error.ts';
import { notFound, problem } from './problem.ts';
import { cronRoutes } from './routes/cron.ts';
import { streamRoutes } from './routes/order-stream.ts';
import { orderRoutes } from './routes/orders.ts';
import { signalRoutes } from './routes/signals.ts';
import { watchRoutes } from './routes/status.ts';
import { venueRoutes } from './routes/venue-login.ts';
import { whatsappRoutes } from './routes/whatsapp.ts';
import { venuesElsewhere } from './venues-elsewhere.ts';

/** Joins the routes. Built once per process: it remembers good keys and how often each caller asked. */
export function makeApp(deps: HttpDeps, limits: RateLimits = defaultRateLimits): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(requestId(), secureHeaders(), logRequests(deps.world));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: wrongMethod }));
  app.use('/api/trading/*', timing({ total: false }), timeAuth);
  const unknownCallers = countUnknownCallers(addressReader(deps.trust), limits, deps.world.clock);
  const callerOfKey = keyLookup(deps);
  app.route('/', whatsappRoutes(deps, unknownCallers));
  app.route('/', venueRoutes(deps, unknownCallers));
  const authentication = [authenticate(deps, callerOfKey, unknownCallers), rateLimit(limits, unknownCallers)] as const;
  app.use('/api/*', bodyLimit(limits.bodyBytes), ...authentication);
  app.use('/metrics', ...authentication);
  app.use('/api/cron/*', venuesElsewhere(deps));
  app.post('/api/trading/orders', venuesElsewhere(deps));
  app.route('/', cronRoutes(deps));
  app.route('/', signalRoutes(deps, { callerOfKey, unknownCallers }));
  app.route('/api/trading/orders', orderRoutes(deps));
  app.route('/', streamRoutes(deps, limits));
  app.route('/', watchRoutes(deps));
  app.route('/', logRoutes(deps));
  app.onError(onError(deps.world.emit));
  app.notFound(notFound);
  return app;
}

const wrongMethod: NonNullable<Parameters<typeof methodNotAllowed<HttpEnv>>[0]['onMethodNotAllowed']> = (
  c,
  methods,
) => {
  c.header('Allow', methods.join(', '));
  const detail = `This address takes ${methods.join(', ')}.`;
  return problem(c, { status: 405, code: 'method_not_allowed', detail });
};

/** Begins the step `auth` of Server-Timing; the route ends it. */
const timeAuth: MiddlewareHandler = async (c, next) => {
  startTime(c, 'auth');
  await next();
};

/**
 * One line per request. The query is left out: nobody knows what a client puts there. So is a key in an address.
 */
function logRequests({ clock, emit }: World): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startMs = clock.nowMs();
    await next();
    const identity = c.get('identity');
    emit({
      type: 'http',
      requestId: c.get('requestId'),
      method: c.req.method,
      path: cut(c.req.path.replace(/\bds_[\w-]+/g, 'ds_…'), 200),
      // The pattern it came to: of these there are few, so metrics are counted by it.
      route: routePath(c, -1),
      status: c.res.status,
      ms: clock.nowMs() - startMs,
      principal: identity?.kind === 'caller' ? identity.caller.principal : identity?.kind,
    });
  };
}
