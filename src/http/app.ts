import { Hono, type MiddlewareHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { routePath } from 'hono/route';
import { secureHeaders } from 'hono/secure-headers';
import { startTime, timing } from 'hono/timing';
import { cut } from '../domain/text/text.ts';
import type { World } from '../ports/world.ts';
import { sized } from './body.ts';
import { addressReader } from './callers/addresses.ts';
import { type HttpEnv, identified } from './callers/auth.ts';
import { keyLookup } from './callers/known-keys.ts';
import { counted, defaultRateLimits, type RateLimits } from './callers/limits.ts';
import { countUnknownCallers } from './callers/strangers.ts';
import type { HttpParts } from './deps.ts';
import { logRoutes } from './log.ts';
import { failed, nothingThere, problem } from './problem.ts';
import { cronRoutes } from './routes/cron.ts';
import { streamRoutes } from './routes/order-stream.ts';
import { orderRoutes } from './routes/orders.ts';
import { signalRoutes } from './routes/signals.ts';
import { watchRoutes } from './routes/status.ts';
import { venueRoutes } from './routes/venue-login.ts';
import { whatsappRoutes } from './routes/whatsapp.ts';
import { venuesElsewhere } from './venues-elsewhere.ts';

/** Joins the routes. Built once per process: it remembers good keys and how often each caller asked. */
export function makeApp(parts: HttpParts, limits: RateLimits = defaultRateLimits): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(requestId(), secureHeaders(), told(parts.world));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: wrongMethod }));
  app.use('/api/trading/*', timing({ total: false }), authTimed);
  const strangers = countUnknownCallers(addressReader(parts.trust), limits, parts.world.clock);
  const callerOfKey = keyLookup(parts);
  app.route('/', whatsappRoutes(parts, strangers));
  app.route('/', venueRoutes(parts, strangers));
  const known = [identified(parts, callerOfKey, strangers), counted(limits, strangers)] as const;
  app.use('/api/*', sized(limits.bodyBytes), ...known);
  app.use('/metrics', ...known);
  app.use('/api/cron/*', venuesElsewhere(parts));
  app.post('/api/trading/orders', venuesElsewhere(parts));
  app.route('/', cronRoutes(parts));
  app.route('/', signalRoutes(parts, { callerOfKey, strangers }));
  app.route('/api/trading/orders', orderRoutes(parts));
  app.route('/', streamRoutes(parts, limits));
  app.route('/', watchRoutes(parts));
  app.route('/', logRoutes(parts));
  app.onError(failed(parts.world.emit));
  app.notFound(nothingThere);
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
const authTimed: MiddlewareHandler = async (c, next) => {
  startTime(c, 'auth');
  await next();
};

/**
 * One line per request. The query is left out: nobody knows what a client puts there. So is a key in an address.
 */
function told({ clock, emit }: World): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startMs = clock.nowMs();
    await next();
    const asked = c.get('asked');
    emit({
      type: 'http',
      requestId: c.get('requestId'),
      method: c.req.method,
      path: cut(c.req.path.replace(/\bds_[\w-]+/g, 'ds_…'), 200),
      // The pattern it came to: of these there are few, so metrics are counted by it.
      route: routePath(c, -1),
      status: c.res.status,
      ms: clock.nowMs() - startMs,
      principal: asked?.kind === 'caller' ? asked.caller.principal : asked?.kind,
    });
  };
}
