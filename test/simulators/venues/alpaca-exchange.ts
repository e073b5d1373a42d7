import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readUpdate } from '../../../src/adapters/venues/alpaca/order-updates.ts';
import { type AlpacaVenueOptions, alpacaVenue } from '../../../src/adapters/venues/alpaca/venue.ts';
import type { AccountAtVenue } from '../../../src/ports/venue.ts';
import type { Clock } from '../../../src/ports/world.ts';
import { AlpacaBook, type AlpacaPosted, type AlpacaRow, nanosOf, quantityText } from './alpaca-book.ts';
import { openStream, type StreamServer } from './alpaca-stream.ts';
import { answerWithinMs, type Booked, type Exchange, type FaultName, type FaultPlan } from './exchange.ts';

/** What the server saw of one request; the secrets are the test's own. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface AlpacaExchange extends Exchange {
  options: AlpacaVenueOptions;
  streamUrl: string;
  stream: StreamServer;
  requests: ReceivedRequest[];
  /** Answers given once each, in turn, to whatever comes with good keys next; an order is not taken. */
  answerNext(status: number, body: string): void;
  /** What the account's credentials are; changed, the next request goes with the new ones. */
  credentials: (account: AccountAtVenue) => unknown;
  /** The answers of the account's other pages: fixed, or a function of query and key. */
  pages: Record<string, unknown>;
}

type Answer = { status: number; body: string; html?: true };
const html = (status: number, text: string): Answer => ({
  status,
  body: `<html><body>${text}</body></html>`,
  html: true,
});
const good = (data: unknown): Answer => ({ status: 200, body: JSON.stringify(data) });
const bad = (status: number, code: number | null, message: string): Answer => ({
  status,
  body: JSON.stringify(code === null ? { message } : { code, message }),
});
const keysRefused = bad(401, 40110000, 'request is not authorized');
const tooMany = bad(429, 42910000, 'rate limit exceeded');
const noFunds = bad(403, 40310000, 'insufficient buying power');

/** The keys of an account: a pair of its own each. */
const keysOf = ({ accountId }: AccountAtVenue) => ({ keyId: `PKTEST${accountId}`, secretKey: `secret${accountId}` });
const keysGood = (keyId: string, secretKey: string) => keyId.replace('PKTEST', 'secret') === secretKey;

/** Alpaca Trading API v2 on 127.0.0.1: strict about what it is told, with a book of its own for each account. */
export async function openAlpacaExchange(clock: Clock, change: Partial<AlpacaVenueOptions> = {}) {
  const alpaca = new AlpacaServer(clock);
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => alpaca.serve(request, response, body));
  });
  const stream = openStream(server, keysGood);
  alpaca.onMessage = stream.say;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options: AlpacaVenueOptions = {
    baseUrl: `http://${at}`,
    dataUrl: `http://${at}/data`,
    clock,
    credentials: async (account) => exchange.credentials(account),
    fetchFor: () => fetch,
    timeoutMs: answerWithinMs,
    ...change,
  };
  const exchange: AlpacaExchange = {
    name: 'alpaca',
    options,
    streamUrl: `ws://${at}/stream`,
    stream,
    requests: alpaca.requests,
    pages: alpaca.pages,
    credentials: keysOf,
    venue: alpacaVenue(options),
    book: () => alpaca.book.rows.map((row) => booked(alpaca.book, row)),
    next: (fault) => void alpaca.faults.push(fault),
    injectFaults: (plan) => {
      alpaca.faultPlan = plan;
    },
    answerNext: (status, body) => void alpaca.answers.push({ status, body }),
    unsupported: { wrong_checksum: 'the stream is signed in to, its messages are not signed' },
    push: { take: () => alpaca.pushes.splice(0), hear: readUpdate },
    close: () => {
      stream.drop();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return exchange;
}

function booked(book: AlpacaBook, row: AlpacaRow): Booked {
  const filledQuantity = Number(quantityText(book.filledOf(row)));
  const quantity = Number(row.qty);
  const status = row.canceledFilled !== null ? 'canceled' : filledQuantity === quantity ? 'filled' : 'open';
  const { client_order_id: clientOrderId, id: venueOrderId, symbol } = row;
  const side = row.side === 'sell' ? 'SELL' : 'BUY';
  const money = { account: row.keyId, price: Number(row.limit_price), product: 'delivery' } as const;
  return { ...money, clientOrderId, venueOrderId, symbol, side, quantity, filledQuantity, status };
}

class AlpacaServer {
  readonly clock: Clock;
  readonly book: AlpacaBook;
  readonly requests: ReceivedRequest[] = [];
  readonly faults: (FaultName | null)[] = [];
  readonly answers: Answer[] = [];
  readonly pushes: string[] = [];
  readonly pages: Record<string, unknown> = {};
  onMessage: (raw: string) => void = () => undefined;
  faultPlan: FaultPlan | null = null;
  #calls = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.clock = clock;
    this.book = new AlpacaBook(clock);
  }

  serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, path: url, headers, body });
    const answer = this.#answer(method, new URL(url, 'http://alpaca'), headers, body);
    if (answer === 'silence') return;
    if (answer === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': answer.html ? 'text/html' : 'application/json' });
    response.end(answer.body);
  }

  #answer(method: string, url: URL, headers: IncomingMessage['headers'], body: string): Answer | 'silence' | 'reset' {
    const keyId = String(headers['apca-api-key-id']);
    if (!keysGood(keyId, String(headers['apca-api-secret-key']))) return keysRefused;
    const nowMs = this.clock.nowMs();
    const recent = (this.#calls.get(keyId) ?? []).filter((ms) => ms > nowMs - 60_000);
    this.#calls.set(keyId, [...recent, nowMs]);
    if (recent.length >= 200) return tooMany;
    const answer = this.answers.shift();
    if (answer) return answer;
    const { pathname, searchParams } = url;
    const upset = method === 'GET' && this.faultPlan?.read(keyId, pathname);
    if (upset) return notTaken(upset) ?? answerLost(upset) ?? keysRefused;
    const id = /^\/v2\/orders\/(.+)$/.exec(pathname)?.[1];
    if (method === 'POST' && pathname === '/v2/orders') return this.#order(keyId, headers, body);
    if (method === 'DELETE' && id) return this.#cancel(keyId, id);
    if (pathname === '/v2/orders:by_client_order_id') return this.#byOwnId(keyId, searchParams);
    if (pathname === '/v2/orders') return this.#orders(keyId, searchParams);
    if (pathname === '/v2/account/activities/FILL') return good(this.book.fills(keyId, searchParams));
    const page = this.pages[`${method} ${pathname}`];
    if (typeof page === 'function') return good(page(searchParams, keyId));
    return page === undefined ? bad(404, null, 'endpoint not found.') : good(page);
  }

  #byOwnId(keyId: string, query: URLSearchParams): Answer {
    const id = query.get('client_order_id');
    const row = this.book.shown(keyId).find((one) => one.client_order_id === id);
    return row ? good(this.book.asOrder(row)) : bad(404, 40410000, `order not found for ${id}`);
  }

  #orders(keyId: string, query: URLSearchParams): Answer {
    const afterMs = Date.parse(query.get('after') ?? '1970-01-01');
    const rows = this.book.shown(keyId).filter(({ takenMs }) => takenMs > afterMs && query.get('status') === 'all');
    return good(rows.slice(-Number(query.get('limit') ?? 50)).map((row) => this.book.asOrder(row)));
  }

  #order(keyId: string, headers: IncomingMessage['headers'], body: string): Answer | 'silence' | 'reset' {
    const posted: AlpacaPosted = headers['content-type'] === 'application/json' ? JSON.parse(body) : {};
    const queued = this.faults.shift();
    const fault = queued === undefined ? (this.faultPlan?.order(posted.client_order_id) ?? null) : queued;
    const turnedAway = notTaken(fault) ?? faultOf({ ...posted });
    if (turnedAway) return turnedAway;
    if (this.book.takenBy(keyId, posted.client_order_id)) {
      return bad(422, 40010001, 'client_order_id must be unique');
    }
    const row = this.book.take(keyId, posted, {
      halfFirst: fault === 'partial_fill',
      shownFromMs: this.clock.nowMs() + (fault === 'surfaces_late' ? 90_000 : 0),
    });
    this.#push(row, fault);
    // As it is taken: it fills a moment later.
    const taken = { ...this.book.asOrder(row), status: 'pending_new', filled_qty: '0', filled_avg_price: null };
    return answerLost(fault) ?? good(taken);
  }

  #push(row: AlpacaRow, fault: FaultName | null): void {
    const event = fault === 'partial_fill' ? 'partial_fill' : 'fill';
    const data = { event, qty: row.qty, price: row.limit_price, order: this.book.asOrder(row) };
    const raw = JSON.stringify({ stream: 'trade_updates', data });
    const messages = fault === 'duplicate_postback' ? [raw, raw] : [raw];
    this.pushes.push(...messages);
    for (const message of messages) this.onMessage(message);
  }

  #cancel(keyId: string, id: string): Answer {
    const row = this.book.shown(keyId).find((one) => one.id === id);
    if (!row) return bad(404, 40410000, `order not found for ${id}`);
    if (row.canceledFilled !== null || this.book.filledOf(row) === nanosOf(row.qty)) {
      return bad(422, 42210000, 'order is already in "filled" state');
    }
    this.book.cancel(row);
    return { status: 204, body: '' };
  }
}

function notTaken(fault: FaultName | null): Answer | 'silence' | null {
  if (fault === 'silence_before_accept') return 'silence';
  if (fault === 'rate_limited') return tooMany;
  if (fault === 'unavailable') return bad(503, null, 'service unavailable');
  if (fault === 'token_expired') return keysRefused;
  return fault === 'refused' ? noFunds : null;
}

/** What comes in place of the answer to what was taken; null: the answer. */
function answerLost(fault: FaultName | null): Answer | 'silence' | 'reset' | null {
  if (fault === 'silence_after_accept' || fault === 'surfaces_late') return 'silence';
  if (fault === 'reset') return 'reset';
  if (fault === 'html_200') return html(200, 'We will be back soon');
  if (fault === 'empty_200') return { status: 200, body: '' };
  if (fault === 'bad_gateway') return html(502, 'Bad Gateway');
  if (fault === 'says_timed_out') return bad(400, 40010000, 'request timed out, check the order book');
  return null;
}

/** Shares it does not divide. */
const wholeOnly = ['BRK.A'];

/** What a strict Alpaca finds wrong with an order; null: nothing. */
function faultOf(posted: Record<string, unknown>): Answer | null {
  const wrong = (message: string) => bad(422, 40010001, message);
  const is = (field: string, pattern: RegExp) => typeof posted[field] === 'string' && pattern.test(posted[field]);
  if (!is('symbol', /^[A-Z.&]+$/)) return wrong('symbol is required');
  if (!is('qty', /^(?=.*[1-9])(0|[1-9]\d*)(\.\d{1,9})?$/)) return wrong('qty must be a positive number');
  const isFraction = is('qty', /\./);
  if (!is('side', /^(buy|sell)$/)) return wrong('side must be "buy" or "sell"');
  if (!is('type', /^limit$/)) return wrong('invalid order type');
  if (!is('time_in_force', /^day$/)) {
    return wrong(isFraction ? 'fractional orders must be DAY orders' : 'invalid time_in_force');
  }
  if (isFraction && wholeOnly.includes(String(posted['symbol']))) {
    return bad(403, 40310000, `asset "${posted['symbol']}" is not fractionable`);
  }
  if (!is('limit_price', /^(0|[1-9]\d*)\.\d\d$|^0\.\d{3,4}$/)) {
    return wrong(
      `invalid limit_price ${posted['limit_price']}. sub-penny increment does not fulfill minimum pricing criteria`,
    );
  }
  if (!is('client_order_id', /^[\x21-\x7e]{1,128}$/)) return wrong('invalid client_order_id');
  return null;
}
