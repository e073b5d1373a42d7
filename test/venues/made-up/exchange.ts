// The made-up venue itself, on the loopback: what it is asked, and the orders it took.
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import type { Clock } from '../../../src/ports/world.ts';

const orderRequest = z.object({
  tag: z.string(),
  market: z.string(),
  symbol: z.string(),
  side: z.string(),
  quantity: z.int(),
  limit: z.string(),
});
type Taken = z.infer<typeof orderRequest> & { id: string; lookups: number };

export interface MadeUpExchange {
  url: string;
  orders: Taken[];
  /** What it says of every order, instead of taking it. */
  refusal: string | null;
  close(): Promise<void>;
}

/** Takes every order of whoever has logged in, and fills it whole by the second look at it. */
export async function openMadeUpExchange(clock: Clock, apiKey: string, priceMinor: number): Promise<MadeUpExchange> {
  const app = new Hono();
  const token = 'token-of-the-day';
  const exchange: MadeUpExchange = { url: '', orders: [], refusal: null, close: async () => undefined };
  app.post('/session', (c) =>
    c.req.header('x-made-up') === apiKey
      ? c.json({ token, untilMs: clock.nowMs() + 12 * 3_600_000 })
      : c.json({ error: 'no such key' }, 401),
  );
  app.use(async (c, next) => {
    if (c.req.header('x-made-up') !== token) return c.json({ error: 'no session' }, 401);
    return next();
  });
  app.get('/money', (c) => c.json({ cashMinor: 10_000_000 }));
  app.get('/prices', (c) => c.json([{ exchange: 'NSE', symbol: 'TITAN', priceMinor, atMs: clock.nowMs() }]));
  app.post('/orders', async (c) => {
    const order = orderRequest.parse(await c.req.json());
    if (exchange.refusal !== null) return c.json({ error: `${exchange.refusal} (${c.req.header('x-made-up')})` }, 422);
    if (exchange.orders.some(({ tag }) => tag === order.tag)) return c.json({ error: 'this tag was used' }, 409);
    const id = `M${exchange.orders.length + 1}`;
    exchange.orders.push({ ...order, id, lookups: 0 });
    return c.json({ id }, 201);
  });
  app.get('/orders/:tag', (c) => {
    const order = exchange.orders.find(({ tag }) => tag === c.req.param('tag'));
    if (!order) return c.json({ error: 'no such order' }, 404);
    const fills =
      order.lookups++ === 0 ? [] : [{ id: 'f1', quantity: order.quantity, priceMinor, atMs: clock.nowMs() }];
    return c.json({ id: order.id, tag: order.tag, state: fills.length > 0 ? 'done' : 'open', fills });
  });
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const listening = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }: AddressInfo) => {
      exchange.url = `http://127.0.0.1:${port}`;
      resolve(listening);
    });
  });
  exchange.close = () => new Promise((resolve) => server.close(() => resolve()));
  return exchange;
}
