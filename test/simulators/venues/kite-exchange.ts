import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { kiteTokenUntilMs, verifyPostback } from '../../../src/adapters/venues/kite/session.ts';
import { kiteVenue } from '../../../src/adapters/venues/kite/venue.ts';
import type { AccountAtVenue } from '../../../src/ports/venue.ts';
import type { Clock } from '../../../src/ports/world.ts';
import { answerWithinMs, type Booked, type Exchange, type FaultName, type FaultPlan } from './exchange.ts';
import { KiteBook, type KiteRow, kiteStamp } from './kite-book.ts';

export const apiKey = 'kitetestkey';
export const apiSecret = 'kitetestsecret';

/** What the server saw of one request; the secrets are the test's own. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface KiteExchange extends Exchange {
  baseUrl: string;
  requests: ReceivedRequest[];
  /** Answers given once each, in turn, to whatever comes from a session next; an order is not taken. */
  answerNext(status: number, body: string): void;
  /** What the account's credentials are; changed, the next request goes with the new ones. */
  credentials: (account: AccountAtVenue) => unknown;
  /** The answers of the account's other pages: fixed, or a function of query, body and token. */
  pages: Record<string, unknown>;
}

type Answer = { status: number; body: string; html?: true };
const html = (status: number, text: string): Answer => ({
  status,
  body: `<html><body>${text}</body></html>`,
  html: true,
});
const good = (data: unknown): Answer => ({ status: 200, body: JSON.stringify({ status: 'success', data }) });
const bad = (status: number, error_type: string, message: string): Answer => ({
  status,
  body: JSON.stringify({ status: 'error', message, error_type, data: null }),
});
const tokenDead = bad(403, 'TokenException', 'Incorrect `api_key` or `access_token`.');
const tooMany = bad(429, 'NetworkException', 'Too many requests');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Kite Connect v3 on 127.0.0.1: strict about what it is told, with a book of its own for each account. */
export async function openKiteExchange(clock: Clock, algoId: string | null = null): Promise<KiteExchange> {
  const kite = new KiteServer(clock);
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => kite.serve(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const exchange: KiteExchange = {
    name: 'kite',
    baseUrl,
    requests: kite.requests,
    pages: kite.pages,
    credentials: ({ accountId }) => ({ apiKey, apiSecret, accessToken: `token${accountId}` }),
    venue: kiteVenue({
      baseUrl,
      clock,
      algoId,
      credentials: async (account) => exchange.credentials(account),
      fetchFor: () => fetch,
      timeoutMs: answerWithinMs,
    }),
    book: () => kite.book.rows.map(booked),
    next: (fault) => void kite.faults.push(fault),
    injectFaults: (plan) => {
      kite.faultPlan = plan;
    },
    answerNext: (status, body) => void kite.answers.push({ status, body }),
    unsupported: {},
    push: { take: () => kite.pushes.splice(0), hear: (raw) => verifyPostback(raw, apiSecret) },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return exchange;

  function booked(row: KiteRow): Booked {
    const filled = kite.book.filledOf(row);
    const status = row.canceled ? 'canceled' : filled === row.quantity ? 'filled' : 'open';
    const { token: account, tag, order_id, tradingsymbol: symbol, side, quantity, price } = row;
    const product = row.product === 'MTF' ? 'mtf' : 'delivery';
    const order = {
      account,
      clientOrderId: tag,
      venueOrderId: order_id,
      symbol,
      side,
      quantity,
      price,
      product,
    } as const;
    return { ...order, filledQuantity: filled, status };
  }
}

class KiteServer {
  readonly clock: Clock;
  readonly book: KiteBook;
  readonly requests: ReceivedRequest[] = [];
  readonly faults: (FaultName | null)[] = [];
  readonly answers: Answer[] = [];
  readonly pushes: string[] = [];
  readonly pages: Record<string, unknown> = {};
  readonly diesMs: number;
  faultPlan: FaultPlan | null = null;
  #orderTimes = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.clock = clock;
    this.book = new KiteBook(clock);
    this.diesMs = kiteTokenUntilMs(clock.nowMs());
  }

  serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, path: url, headers, body });
    const answer = this.#answer(method, new URL(url, 'http://kite'), headers, body);
    if (answer === 'silence') return;
    if (answer === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': answer.html ? 'text/html' : 'application/json' });
    response.end(answer.body);
  }

  #answer(
    method: string,
    { pathname, searchParams }: URL,
    headers: IncomingMessage['headers'],
    body: string,
  ): Answer | 'silence' | 'reset' {
    if (headers['x-kite-version'] !== '3') return bad(400, 'InputException', 'Missing X-Kite-Version.');
    if (pathname === '/session/token') return this.#login(headers, new URLSearchParams(body));
    const [, token] = /^token kitetestkey:(token\d+)$/.exec(headers.authorization ?? '') ?? [];
    if (token === undefined || this.clock.nowMs() >= this.diesMs) return tokenDead;
    const answer = this.answers.shift();
    if (answer) return answer;
    if (method === 'POST' && pathname === '/orders/regular') return this.#order(token, headers, body);
    if (method === 'DELETE') return this.#cancel(token, pathname);
    const upset = method === 'GET' && this.faultPlan?.read(token, pathname);
    if (upset) return this.#turnedAway(upset) ?? answerLost(upset) ?? tokenDead;
    if (pathname === '/orders') return good(this.book.orders(token));
    if (pathname === '/trades') return good(this.book.trades(token));
    const page = this.pages[`${method} ${pathname}`];
    if (typeof page === 'function') return good(page(searchParams, body, token));
    return page === undefined ? bad(404, 'GeneralException', 'Route not found') : good(page);
  }

  #login(headers: IncomingMessage['headers'], form: URLSearchParams): Answer {
    const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
    if (!isForm || form.get('api_key') !== apiKey) return bad(400, 'InputException', 'Invalid `api_key`.');
    if (form.get('checksum') !== sha256(`${apiKey}${form.get('request_token')}${apiSecret}`)) {
      return bad(403, 'TokenException', 'Invalid `checksum`.');
    }
    if (form.get('request_token') !== 'fresh') return bad(403, 'TokenException', 'Token is invalid or has expired.');
    return good({
      user_id: 'AB1234',
      api_key: apiKey,
      access_token: 'token1',
      login_time: kiteStamp(this.clock.nowMs()),
    });
  }

  #order(token: string, headers: IncomingMessage['headers'], body: string): Answer | 'silence' | 'reset' {
    const nowMs = this.clock.nowMs();
    const recent = (this.#orderTimes.get(token) ?? []).filter((ms) => ms > nowMs - 1000);
    this.#orderTimes.set(token, [...recent, nowMs]);
    if (recent.length >= 10) return tooMany;
    const form = new URLSearchParams(body);
    const queued = this.faults.shift();
    const fault = queued === undefined ? (this.faultPlan?.order(form.get('tag') ?? '') ?? null) : queued;
    const notTaken = this.#turnedAway(fault) ?? faultOf(headers, form);
    if (notTaken) return notTaken;
    const row = this.book.take(token, form, {
      halfFirst: fault === 'partial_fill',
      shownFromMs: fault === 'surfaces_late' ? nowMs + 90_000 : nowMs,
    });
    this.#push(row, fault);
    return answerLost(fault) ?? good({ order_id: row.order_id });
  }

  #turnedAway(fault: FaultName | null): Answer | 'silence' | null {
    if (fault === 'silence_before_accept') return 'silence';
    if (fault === 'rate_limited') return tooMany;
    if (fault === 'unavailable') return bad(503, 'NetworkException', 'Service unavailable');
    if (fault === 'token_expired') return tokenDead;
    if (fault === 'refused') {
      return bad(
        400,
        'MarginException',
        'Insufficient funds. Required margin is 1005.00 but available margin is 5.00.',
      );
    }
    return null;
  }

  /** Kite posts a row when an order has ended. Its checksum covers the order's id and time only. */
  #push(row: KiteRow, fault: FaultName | null): void {
    const postback = { ...this.book.asOrder(row), unfilled_quantity: 0, app_id: 1234, user_id: 'AB1234' };
    const signed = (secret: string) =>
      JSON.stringify({ ...postback, checksum: sha256(`${row.order_id}${postback.order_timestamp}${secret}`) });
    if (fault === 'wrong_checksum') this.pushes.push(signed('somebody else'));
    else if (postback.status === 'COMPLETE') this.pushes.push(signed(apiSecret));
    if (fault === 'duplicate_postback') this.pushes.push(signed(apiSecret));
  }

  #cancel(token: string, pathname: string): Answer {
    const row = this.book.rows.find((one) => one.token === token && pathname === `/orders/regular/${one.order_id}`);
    if (!row) return bad(400, 'OrderException', 'Order does not exist.');
    if (row.canceled || this.book.filledOf(row) === row.quantity) {
      return bad(400, 'OrderException', 'Order cannot be cancelled as it is being processed. Try later.');
    }
    this.book.cancel(row);
    return good({ order_id: row.order_id });
  }
}

/** What comes in place of the answer to what was taken; null: the answer. */
function answerLost(fault: FaultName | null): Answer | 'silence' | 'reset' | null {
  switch (fault) {
    case 'silence_after_accept':
    case 'surfaces_late':
      return 'silence';
    case 'reset':
      return 'reset';
    case 'html_200':
      return html(200, 'Kite will be back soon');
    case 'empty_200':
      return { status: 200, body: '' };
    case 'bad_gateway':
      return html(502, 'Bad Gateway');
    case 'says_timed_out':
      return bad(
        400,
        'OrderException',
        'Order request timed out. Please check the order book and confirm before placing again.',
      );
    default:
      return null;
  }
}

/** What a strict Kite finds wrong with an order; null: nothing. */
function faultOf(headers: IncomingMessage['headers'], form: URLSearchParams): Answer | null {
  const isOneOf = (field: string, ...values: string[]) => values.includes(form.get(field) ?? '');
  const input = (message: string) => bad(400, 'InputException', message);
  if (headers['content-type'] !== 'application/x-www-form-urlencoded') return input('Missing or empty field');
  if (form.get('order_type') === 'MARKET' && !Number(form.get('market_protection'))) {
    return bad(400, 'OrderException', 'Market orders without market protection are not allowed via API.');
  }
  if (!isOneOf('exchange', 'NSE', 'BSE')) return input('Invalid `exchange`.');
  if (!isOneOf('transaction_type', 'BUY', 'SELL')) return input('Invalid `transaction_type`.');
  if (!isOneOf('product', 'CNC', 'MTF', 'MIS', 'NRML')) return input('Invalid `product`.');
  if (!isOneOf('validity', 'DAY', 'IOC', 'TTL')) return input('Invalid `validity`.');
  if (!/^[1-9]\d*$/.test(form.get('quantity') ?? '')) return input('Invalid `quantity`.');
  if (!/^\d+(\.\d\d?)?$/.test(form.get('price') ?? '')) return input('Invalid `price`.');
  if (!/^[A-Za-z0-9]{1,20}$/.test(form.get('tag') ?? '')) return input('Invalid `tag`.');
  return null;
}
