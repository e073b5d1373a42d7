// A venue server as a process of its own that fills every order after a set latency.
import { createServer } from 'node:http';
import { z } from 'zod';
import { listen, say } from '../child-process.ts';

const messageSchema = z.union([z.object({ latencyMs: z.number() }), z.object({ spread: z.literal(true) })]);
const order = z.object({ clientOrderId: z.string(), quantity: z.int(), limitPriceMinor: z.int() });

/**
 * A venue as a process of its own that fills every order whole after a latency. It is told the latency, which also makes
 * it forget what has arrived, and asked for the spread: how many orders came, and from the first to the last of them.
 */
export async function loopbackPart(): Promise<void> {
  let latencyMs = 0;
  let arrivedMs: number[] = [];
  listen((message) => {
    const request = messageSchema.parse(message);
    if ('latencyMs' in request) {
      latencyMs = request.latencyMs;
      arrivedMs = [];
      say({ ready: true });
    } else {
      say({ orders: arrivedMs.length, spreadMs: (arrivedMs.at(-1) ?? 0) - (arrivedMs[0] ?? 0) });
    }
  });
  const server = createServer((request, response) => {
    arrivedMs.push(performance.now());
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => setTimeout(() => response.end(answerTo(text)), latencyMs));
  });
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, () => {
    const address = server.address();
    say({ address: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` });
  });
}

function answerTo(text: string): string {
  const { clientOrderId, quantity, limitPriceMinor } = order.parse(JSON.parse(text));
  const fill = { venueFillId: `F${clientOrderId}`, quantity, priceMinor: limitPriceMinor, atMs: Date.now() };
  return JSON.stringify({ venueOrderId: `V${clientOrderId}`, status: 'filled', fills: [fill], message: null });
}
