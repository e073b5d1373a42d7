// Streams an order’s status changes, as server-sent events or over WebSocket.
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { WSContext } from 'hono/ws';
import type { Currency } from '../../domain/currency.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { isTerminal, type OrderStatus } from '../../domain/order.ts';
import type { OrderEvent, OrderWithHistory } from '../../ports/store/single-orders.ts';
import type { World } from '../../ports/world.ts';
import { averagePrice } from '../../stages/report/report.ts';
import { type HttpEnv, requireCaller } from '../callers/auth.ts';
import type { RateLimits } from '../callers/limits.ts';
import type { HttpDeps } from '../deps.ts';
import { problem } from '../problem.ts';
import { type Mailbox, mailbox } from '../streams/mailbox.ts';
import { countStreams } from '../streams/open-streams.ts';
import { type OrderHub, orderHub } from '../streams/order-hub.ts';

/** Proxies close what is silent, most of them after 30 or 60 seconds. */
const HEARTBEAT_MS = 15_000;
/** How long a browser waits before it comes back to a stream that broke off. */
const RETRY_MS = 1_000;
/** Unsent bytes after which a WebSocket client counts as one that does not read. */
const MAX_UNSENT_BYTES = 64 * 1024;

type Line =
  | { event: 'status'; id: number; data: ReturnType<typeof statusData> }
  | { event: 'heartbeat' }
  | { event: 'end'; data: { status: OrderStatus } };

/**
 * `GET /api/trading/orders/:id/stream`: the order's status changes so far (after `Last-Event-ID`, or `?after=ID` where
 * a client can't set headers), then live, then `end`. Server-sent events; the same as JSON messages for who asks to
 * upgrade to WebSocket.
 */
export function streamRoutes(deps: HttpDeps, limits: RateLimits): Hono<HttpEnv> {
  const hub = orderHub(deps.world, deps.changes);
  const open = countStreams(limits);
  return new Hono<HttpEnv>().get('/api/trading/orders/:id/stream', requireCaller, async (c) => {
    const after = lastEventId(c);
    if (after === null) {
      const detail = 'Last-Event-ID (or ?after=) is the id of an event: a whole number.';
      return problem(c, { status: 400, code: 'bad_event_id', detail });
    }
    const caller = c.get('caller');
    const { userId } = caller;
    const tooMany = open.refusal(caller);
    if (tooMany) {
      c.header('Retry-After', '60');
      return problem(c, tooMany);
    }
    const order = await deps.world.store.call('read_order', { order: c.req.param('id'), userId });
    if (!order) {
      return problem(c, { status: 404, code: 'no_such_order', detail: 'There is no such order, or it is not yours.' });
    }
    const upgrade = c.req.header('Upgrade')?.toLowerCase() === 'websocket' ? deps.upgradeWebSocket : null;
    const take = () => open.take(caller);
    if (upgrade) return upgrade(c, webSocketEvents(deps, hub, { order, after, take }));
    // A browser that comes back after `end` has it all: 204 is how a browser learns not to come again.
    const hasAll = after > 0 && isTerminal(order.status) && order.events.every(({ eventId }) => eventId <= after);
    return hasAll ? c.body(null, 204) : serverSentEvents(c, deps, hub, { order, after, take });
  });
}

/** 0 where none is given; null where it can't be one. */
function lastEventId(c: Context): number | null {
  const text = c.req.header('Last-Event-ID') ?? c.req.query('after') ?? '0';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** One stream: of which order, from where on, and what counts it. */
interface StreamRequest {
  order: OrderWithHistory;
  after: number;
  /** Gives what ends the count. */
  take: () => () => void;
}

function serverSentEvents(c: Context, deps: HttpDeps, hub: OrderHub, { order, after, take }: StreamRequest): Response {
  // nginx and its kin hold answers back to fill a buffer unless told not to.
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async (stream) => {
    const box = mailbox<Line>(() => stream.abort());
    stream.onAbort(() => box.end());
    const end = take();
    const stop = follow(deps, hub, { order, after, box });
    try {
      await stream.write(`retry: ${RETRY_MS}\n\n`);
      // Each write waits until the client has taken the one before.
      for (let line = await box.next(); line !== null; line = await box.next()) await stream.write(sseText(line));
    } finally {
      stop();
      end();
    }
  });
}

function sseText(line: Line): string {
  if (line.event === 'heartbeat') return ': heartbeat\n\n';
  const id = line.event === 'status' ? `id: ${line.id}\n` : '';
  return `${id}event: ${line.event}\ndata: ${JSON.stringify(line.data)}\n\n`;
}

function webSocketEvents(deps: HttpDeps, hub: OrderHub, { order, after, take }: StreamRequest) {
  let leave = (): void => undefined;
  return {
    onOpen(_event: Event, ws: WSContext): void {
      const box = mailbox<Line>(() => ws.close(1013, 'too slow: come back with ?after='));
      const end = take();
      const stop = follow(deps, hub, { order, after, box });
      leave = () => {
        end();
        stop();
        box.end();
      };
      void sendAll(deps.world, ws, box).finally(stop);
    },
    onClose: () => leave(),
    onError: () => leave(),
  };
}

async function sendAll({ emit }: World, ws: WSContext, box: Mailbox<Line>): Promise<void> {
  try {
    for (let line = await box.next(); line !== null; line = await box.next()) {
      if (unsentBytes(ws.raw) > MAX_UNSENT_BYTES) return ws.close(1013, 'too slow: come back with ?after=');
      ws.send(JSON.stringify(line));
    }
    ws.close(1000, 'end');
  } catch (error) {
    emit({ type: 'stream_failed', error });
  }
}

function unsentBytes(socket: unknown): number {
  const hasCount = typeof socket === 'object' && socket !== null && 'bufferedAmount' in socket;
  return hasCount && typeof socket.bufferedAmount === 'number' ? socket.bufferedAmount : 0;
}

/** Puts an order's lines into a mailbox until it has ended, or the returned function is called. */
function follow(
  { world, maxStreamMs }: HttpDeps,
  hub: OrderHub,
  { order, after, box }: { order: OrderWithHistory; after: number; box: Mailbox<Line> },
): () => void {
  const currency = currencyOfRun(order.runId);
  const stops: (() => void)[] = [];
  const stop = (): void => {
    for (const one of stops.splice(0)) one();
  };
  const take = (event: OrderEvent): void => {
    box.put({ event: 'status', id: event.eventId, data: statusData(event, currency) });
    if (isTerminal(event.status)) finish(event.status);
  };
  const finish = (status: OrderStatus): void => {
    box.put({ event: 'end', data: { status } });
    box.end();
    stop();
  };

  const missed = order.events.filter(({ eventId }) => eventId > after);
  for (const { to, ...event } of missed) take({ ...order, ...event, status: to });
  if (isTerminal(order.status)) {
    if (missed.length === 0) finish(order.status);
    return stop;
  }
  stops.push(world.clock.every(HEARTBEAT_MS, () => box.beat({ event: 'heartbeat' })));
  // Where the platform ends every request after a while, better here, between two lines: the client comes back.
  if (maxStreamMs !== null) stops.push(world.clock.every(maxStreamMs, () => box.end()));
  stops.push(hub.watch(order.orderId, Math.max(after, missed.at(-1)?.eventId ?? 0), take));
  return stop;
}

/** `filledQuantity` and `averagePrice` are as they were when the event happened. */
function statusData(event: OrderEvent, currency: Currency) {
  const { orderId, clientOrderId, status, from, reason, filledQuantity, filledValueMinor, atMs } = event;
  const price = averagePrice(filledValueMinor, filledQuantity, currency);
  return { orderId, clientOrderId, status, from, reason, filledQuantity, averagePrice: price, at: istIso(atMs) };
}
