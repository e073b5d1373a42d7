// The venue and messenger of a torture as a child process that misbehaves.
import { randomInt } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { Book, chosen, orderShape } from './book.ts';
import { exitWithParent } from './exit-with-parent.ts';
import { fastClock, fastDay } from './fast-day.ts';

/** The last five tell nothing about whether the order was placed; the word after `_` says whether it was. */
const calm = {
  none: 76,
  slow: 5,
  not_placed_429: 5,
  silence_placed: 3,
  silence_lost: 2,
  reset_placed: 2,
  reset_lost: 1,
  error_placed: 2,
  error_lost: 1,
  garbage_placed: 3,
};
/** A symbol in a storm: most goes wrong, so that the breaker has something to do. */
const storm: typeof calm = {
  ...calm,
  none: 25,
  not_placed_429: 20,
  silence_placed: 12,
  error_placed: 12,
  error_lost: 6,
};
const lookupFaults = { none: 76, slow: 4, missing: 6, twice: 5, error: 4, garbage: 3, reset: 2 };
const messageFaults = { none: 90, silence: 5, error: 3, reset: 2 };

const toVenue = z.object({ databaseUrl: z.string() });
const dayToVenue = z.object({ day: fastDay, stormy: z.array(z.string()) });
const messageToVenue = z.object({ messageId: z.int() });

/**
 * A venue and a messenger on the loopback, with everything in memory: it is never killed. It tells its port to its
 * parent. `/day` and `/book` are for the director and never fail.
 */
export async function venuePart(input: unknown): Promise<void> {
  exitWithParent();
  const { databaseUrl } = toVenue.parse(input);
  const statusOf = await statusesIn(databaseUrl);
  const book = new Book();
  const faults: Record<string, number> = {};
  const messages: Record<string, number> = {};
  const unmarked: string[] = [];
  let today: z.infer<typeof dayToVenue> | null = null;

  const nowMs = (): number => {
    if (!today) throw new Error('the venue does not know its day yet');
    return fastClock(today.day).nowMs();
  };
  const suffered = <Fault extends string>(kind: string, fault: Fault): Fault => {
    if (fault !== 'none') faults[`${kind}_${fault}`] = (faults[`${kind}_${fault}`] ?? 0) + 1;
    return fault;
  };

  const submit = async (body: unknown, response: ServerResponse): Promise<void> => {
    const order = orderShape.parse(body);
    const fault = suffered('submit', chosen(today?.stormy.includes(order.symbol) ? storm : calm));
    book.hear(order, fault !== 'not_placed_429');
    const status = await statusOf(order.clientOrderId);
    if (status !== 'submitting' && status !== 'unknown') unmarked.push(`${order.clientOrderId} (${status})`);
    if (fault === 'slow') await pause(randomInt(50, 600));
    const report = fault.endsWith('_lost') || fault === 'not_placed_429' ? null : book.place(order, nowMs());
    if (fault === 'none' || fault === 'slow') answer(response, 200, report);
    else if (fault === 'not_placed_429') answer(response, 429, {});
    else if (fault === 'garbage_placed') response.end('<html>we will be right back</html>');
    else if (fault.startsWith('error')) answer(response, 503, {});
    else if (fault.startsWith('reset')) response.destroy();
  };

  const lookup = async (clientOrderId: string, response: ServerResponse): Promise<void> => {
    const fault = suffered('lookup', chosen(lookupFaults));
    if (fault === 'slow') await pause(randomInt(50, 600));
    const found = book.find(clientOrderId, nowMs());
    if (fault === 'reset') response.destroy();
    else if (fault === 'error') answer(response, 503, {});
    else if (fault === 'garbage') response.end('{"venueOrderId":');
    else if (!found || fault === 'missing') answer(response, 404, {});
    else answer(response, 200, fault === 'twice' ? { ...found, fills: [...found.fills, ...found.fills] } : found);
  };

  const message = async (body: unknown, response: ServerResponse): Promise<void> => {
    const { messageId } = messageToVenue.parse(body);
    messages[messageId] = (messages[messageId] ?? 0) + 1;
    const fault = suffered('message', chosen(messageFaults));
    if (fault === 'none') answer(response, 200, {});
    else if (fault === 'error') answer(response, 503, {});
    else if (fault === 'reset') response.destroy();
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, what, id = ''] = (request.url ?? '').split('/');
    const body = request.method === 'POST' ? await bodyOf(request) : null;
    if (what === 'orders' && request.method === 'POST') await submit(body, response);
    else if (what === 'orders') await lookup(id, response);
    else if (what === 'messages') await message(body, response);
    else if (what === 'day') {
      today = dayToVenue.parse(body);
      answer(response, 200, {});
    } else answer(response, 200, { orders: book.all(nowMs()), unmarked, messages, faults });
  };
  listen((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A client that was killed while it spoke is no error of the venue's; anything else is.
      if (request.complete) throw error;
    });
  });
}

/** What our table says of an order this very moment; one question at a time. */
async function statusesIn(databaseUrl: string): Promise<(clientOrderId: string) => Promise<string>> {
  const session = await openPostgresSession(databaseUrl);
  let last: Promise<unknown> = Promise.resolve();
  return (clientOrderId) => {
    const status = last.then(async () => {
      const sql = 'select status from public.orders where client_order_id = $1';
      const [row] = await session.query(sql, [clientOrderId]);
      return String(row?.['status'] ?? 'not in the table');
    });
    last = status;
    return status;
  };
}

/** One request per connection: a connection that is kept may break at a moment that proves nothing. */
function listen(serve: (request: IncomingMessage, response: ServerResponse) => void): void {
  const server = createServer({ keepAlive: false }, (request, response) => {
    response.setHeader('connection', 'close');
    serve(request, response);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
