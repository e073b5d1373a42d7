// The venue adapter and the bare loop that speak to the bench's venue server.
import pLimit from 'p-limit';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { LookupOutcome, OrderToSend, Venue } from '../../../src/ports/venue.ts';
import { type Part, startPart } from '../child-process.ts';

const report = z.object({
  venueOrderId: z.string(),
  status: z.literal('filled'),
  fills: z.array(z.object({ venueFillId: z.string(), quantity: z.int(), priceMinor: z.int(), atMs: z.int() })),
  message: z.null(),
});

type Sent = Pick<OrderToSend, 'clientOrderId' | 'userId' | 'symbol' | 'side' | 'quantity' | 'limitPriceMinor'>;

/** One HTTP call of the venue: the same for the product's orders and for the bare loop. */
async function send(agent: Agent, address: string, order: Sent): Promise<z.infer<typeof report>> {
  const { clientOrderId, userId, symbol, side, quantity, limitPriceMinor } = order;
  const { body, statusCode } = await request(`${address}/orders`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ clientOrderId, userId, symbol, side, quantity, limitPriceMinor }),
  });
  if (statusCode !== 200) throw new Error(`the venue answered ${statusCode}`);
  return report.parse(await body.json());
}

export interface Loopback {
  /** Sets the latency and forgets what has arrived. */
  begin(latencyMs: number): Promise<void>;
  /** How many orders arrived since, and from the first to the last of them. */
  arrived(): Promise<{ orders: number; spreadMs: number }>;
  /** The venue as the product sees it; `close` ends its connections. */
  venue(connections: number): { venue: Venue; close: () => Promise<void> };
  /** Nothing but the HTTP calls: so many orders, at most `concurrency` at once. */
  bareLoop(orders: number, concurrency: number): Promise<void>;
  stop(): Promise<void>;
}

/** For the bench only: a venue over HTTP, in a process of its own on this machine. */
export async function startLoopback(): Promise<Loopback> {
  const part: Part = startPart('loopback', {});
  const { address } = z.object({ address: z.string() }).parse(await part.nextMessage());
  return {
    async begin(latencyMs) {
      part.emit({ latencyMs });
      await part.nextMessage();
    },
    async arrived() {
      part.emit({ spread: true });
      return z.object({ orders: z.int(), spreadMs: z.number() }).parse(await part.nextMessage());
    },
    venue(connections) {
      const agent = agentOf(connections);
      return { venue: venueAt(agent, address), close: () => agent.close() };
    },
    async bareLoop(orders, concurrency) {
      const agent = agentOf(concurrency);
      const limit = pLimit(concurrency);
      const numbers = Array.from({ length: orders }, (_, n) => n);
      await Promise.all(numbers.map((n) => limit(() => send(agent, address, bareOrder(n)))));
      await agent.close();
    },
    stop: () => part.stop(),
  };
}

function agentOf(connections: number): Agent {
  return new Agent({ connections, headersTimeout: 60_000, bodyTimeout: 60_000 });
}

function venueAt(agent: Agent, address: string): Venue {
  return {
    name: 'paper',
    capabilities: { refusesDuplicates: true, missIsProof: true },
    submit: async (order) => ({ kind: 'acknowledged', report: await send(agent, address, order) }),
    lookup: async (): Promise<LookupOutcome> => ({ kind: 'missing' }),
  };
}

function bareOrder(n: number): Sent {
  const clientOrderId = `bare${String(n).padStart(16, '0')}`;
  return { clientOrderId, userId: `user-${n}`, symbol: 'S1', side: 'BUY', quantity: 10_000, limitPriceMinor: 100_50 };
}
