// Places single orders, and lists orders.
import { type Context, Hono } from 'hono';
import { endTime, setMetric, startTime } from 'hono/timing';
import { z } from 'zod';
import { istIso } from '../../domain/market/india-time.ts';
import { currencyOfExchange, currencyOfRun } from '../../domain/market/session.ts';
import { reasonSentence } from '../../domain/messages/texts/reasons-en.ts';
import { formatMinor } from '../../domain/money.ts';
import { orderStatuses } from '../../domain/order.ts';
import type { OrderView, OrderWithHistory } from '../../ports/store/single-orders.ts';
import type { OrderRequest } from '../../stages/accept/order-inputs.ts';
import { orderIntake, type Placed, type PlacedInSteps } from '../../stages/accept/single-orders.ts';
import { workOnce } from '../../stages/execute-and-notify.ts';
import { averagePrice } from '../../stages/report/report.ts';
import { emitFailure } from '../../stages/wrong-clock.ts';
import { type HttpEnv, readOnly, requireCaller } from '../callers/auth.ts';
import { type HttpDeps, untilDeadline } from '../deps.ts';
import { described, type Problem, problem } from '../problem.ts';
import { badBody, readRequest } from './order-request.ts';

const MAX_PAGE_SIZE = 200;

/** Text a database can hold. */
function printable(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^[^\p{C}]*$/u, 'must be printable');
}

const list = z.object({
  status: z.enum(orderStatuses).optional(),
  symbol: printable(40).optional(),
  runId: printable(100).optional(),
  userId: printable(200).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z
    .string()
    .regex(/^[0-9]{1,18}$/)
    .transform(Number)
    .optional(),
});

/**
 * `POST /api/trading/orders`, `GET` the list and one. An order is accepted (202) before any venue is called; a refusal
 * is 422 with its reason as code, and on record like any decision.
 */
export function orderRoutes(deps: HttpDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();
  const place = placer(deps);
  const sendSoon = sender(deps);
  routes.post('/', requireCaller, async (c) => {
    // Begun by the first middleware: it covers the limits on size and rate as well.
    endTime(c, 'auth');
    startTime(c, 'parse');
    const read = await readRequest(c, deps.world.store);
    endTime(c, 'parse');
    if ('problem' in read) return problem(c, read.problem);
    const { placed, steps } = await place(read.request);
    for (const [step, ms] of Object.entries(steps)) setMetric(c, step, ms);
    if (placed.kind === 'accepted' && placed.fresh) sendSoon();
    return answer(c, placed, read.request);
  });
  routes.get('/', requireCaller, async (c) => listed(c, deps));
  routes.get('/:id', requireCaller, async (c) => {
    const order = c.req.param('id');
    const userId = ownUserId(c);
    const row = /^\w{1,40}$/.test(order) ? await deps.world.store.call('read_order', { order, userId }) : null;
    return row ? c.json(withHistory(row)) : problem(c, noSuchOrder);
  });
  return routes;
}

const noSuchOrder: Problem = { status: 404, code: 'no_such_order', detail: 'There is no such order of yours.' };

/** null for an operator, who sees everybody's. */
function ownUserId(c: Context<HttpEnv>): string | null {
  return c.get('caller').userId;
}

/** Requests under one key never run beside one another: the second is answered that the first is in flight. */
function placer({
  world,
  settings,
}: HttpDeps): (request: OrderRequest) => Promise<{ placed: Placed; steps: Partial<PlacedInSteps['steps']> }> {
  const inFlight = new Set<string>();
  const intake = orderIntake(world, settings);
  return async (request) => {
    const name = `${request.principal} ${request.key}`;
    if (inFlight.has(name)) return { placed: { kind: 'in_flight' }, steps: {} };
    inFlight.add(name);
    try {
      return await intake(request);
    } finally {
      inFlight.delete(name);
    }
  };
}

/**
 * Wakes whoever sends: the worker of this process or another, or, where orders are sent inline, a round behind the
 * answer. One round at a time: what comes meanwhile is for the next.
 */
function sender(deps: HttpDeps): () => void {
  const { world, settings, later, wake } = deps;
  let sending: Promise<void> | null = null;
  let more = false;
  const send = async (): Promise<void> => {
    do {
      more = false;
      await workOnce(world, { concurrency: settings.concurrency, stop: untilDeadline(deps) });
    } while (more);
  };
  const failed = (error: unknown) => {
    emitFailure(world.emit, error, { type: 'sending_failed', alert: true, error: described(error) });
  };
  return () => {
    wake();
    more = true;
    if (!settings.inline || sending) return;
    sending = send()
      .catch(failed)
      .finally(() => {
        sending = null;
      });
    later(sending);
  };
}

function answer(c: Context<HttpEnv>, placed: Placed, { order }: OrderRequest): Response {
  if (placed.kind === 'locked') c.header('Retry-After', '5');
  if (placed.kind !== 'accepted') return problem(c, problemOf(placed, order));
  const { orderId, clientOrderId, fresh } = placed;
  if (!fresh) c.header('Idempotency-Replayed', 'true');
  c.header('Location', `/api/trading/orders/${orderId}`);
  return c.json({ orderId, clientOrderId, status: 'queued', executionScheduled: true }, 202);
}

function problemOf(placed: Exclude<Placed, { kind: 'accepted' }>, order: OrderRequest['order']): Problem {
  switch (placed.kind) {
    case 'refused': {
      const { limit, actual } = placed;
      const reason = placed.reason ?? 'refused';
      const of = order.limitPriceMinor === null ? 'signal' : 'limit order';
      const detail = `Not placed: ${reasonSentence(reason, limit, actual, currencyOfExchange(order.exchange), of)}.`;
      return { status: 422, code: reason, detail, more: { limit, actual } };
    }
    case 'not_trading': {
      const detail = 'Not placed: the exchange is not trading now.';
      return { status: 422, code: placed.reason, detail, more: { nextSession: placed.nextSession } };
    }
    case 'invalid': {
      const errors = [{ field: placed.field, message: placed.message }];
      return { status: 400, code: 'invalid_body', detail: `${placed.field} ${placed.message}`, more: { errors } };
    }
    case 'no_such_user':
      return { status: 422, code: 'no_such_user', detail: 'There is no user with this userId.' };
    case 'over_quota':
      return overQuota(placed);
    case 'key_refused':
      return keyProblem(placed.why);
    case 'in_flight':
      return {
        status: 409,
        code: 'in_flight',
        detail: 'A request with this key is being worked on: ask again in a moment.',
      };
    case 'locked':
      return {
        status: 503,
        code: 'account_busy',
        detail: 'Not placed: the account is being changed elsewhere. Ask again with the same key.',
      };
    case 'other_body':
      return {
        status: 422,
        code: 'idempotency_key_reused',
        detail: 'This key was used for another request: a new order needs a new key.',
      };
  }
}

function overQuota({ of, limit, reason }: Extract<Placed, { kind: 'over_quota' }>): Problem {
  const many =
    of === 'refused'
      ? `${limit} orders asked for with this key or login were refused today, and no more refusals are kept`
      : `${limit} single orders were placed for this user today, and no more to buy are taken`;
  return { status: 429, code: 'daily_quota', detail: `Not placed: ${many}.`, more: { limit, reason } };
}

/** What the database itself says of the key, which this process may have remembered for some seconds. */
function keyProblem(why: Extract<Placed, { kind: 'key_refused' }>['why']): Problem {
  if (why === 'read_only') return readOnly;
  if (why === 'other_user') return { status: 403, code: 'forbidden', detail: 'This key is for another user.' };
  const detail = `Not placed: this key is ${why === 'unknown' ? 'not known' : why} (asked again by the database).`;
  return { status: 401, code: 'unauthenticated', detail };
}

async function listed(c: Context<HttpEnv>, { world }: HttpDeps): Promise<Response> {
  const parsed = list.safeParse(c.req.query());
  if (!parsed.success) return problem(c, { ...badBody(parsed.error), code: 'invalid_query' });
  const { status = null, symbol = null, runId = null, limit, cursor = null } = parsed.data;
  const userId = ownUserId(c) ?? parsed.data.userId ?? null;
  // One more than asked for: it tells whether there is a next page.
  const query = { userId, status, symbol, runId, beforeId: cursor, limit: limit + 1 };
  const rows = await world.store.call('read_orders', query);
  const page = rows.slice(0, limit);
  const nextCursor = rows.length > limit ? String(page.at(-1)?.orderId) : null;
  return c.json({ orders: page.map(orderJson), nextCursor });
}

function orderJson(order: OrderView) {
  const { limitPriceMinor, filledValueMinor, chargesMinor, createdAtMs, changedAtMs, ...same } = order;
  const currency = currencyOfRun(order.runId);
  return {
    ...same,
    currency: currency.code,
    limitPrice: formatMinor(limitPriceMinor, currency),
    averagePrice: averagePrice(filledValueMinor, order.filledQuantity, currency),
    charges: formatMinor(chargesMinor, currency),
    createdAt: istIso(createdAtMs),
    changedAt: istIso(changedAtMs),
  };
}

function withHistory({ events, fills, stopLossMinor, targetMinor, ...order }: OrderWithHistory) {
  const currency = currencyOfRun(order.runId);
  return {
    ...orderJson(order),
    stopLoss: stopLossMinor === null ? null : formatMinor(stopLossMinor, currency),
    target: targetMinor === null ? null : formatMinor(targetMinor, currency),
    events: events.map(({ atMs, ...event }) => ({ ...event, at: istIso(atMs) })),
    fills: fills.map(({ priceMinor, atMs, ...fill }) => ({
      ...fill,
      price: formatMinor(priceMinor, currency),
      at: istIso(atMs),
    })),
  };
}
