import { createPublicKey, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lemonnDialect } from '../../../src/adapters/venues/lemonn/dialect.ts';
import { type LemonnVenueOptions, lemonnVenue } from '../../../src/adapters/venues/lemonn/venue.ts';
import { istIso } from '../../../src/domain/market/india-time.ts';
import type { AccountAtVenue } from '../../../src/ports/venue.ts';
import type { Clock } from '../../../src/ports/world.ts';
import { answerWithinMs, type Booked, type Exchange, type FaultName, type FaultPlan } from './exchange.ts';
import { LemonnBook, type LemonnRow, lemonnOrder } from './lemonn-book.ts';

/** The first test vector of RFC 8032, 7.1: known to everybody, and good for nothing else. */
export const privateKey = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
export const apiKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
/** The partner's id that this Lemonn has on its list. */
export const requestId = 'partner-1';

/** What the server saw of one request; the secrets are the test's own. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface LemonnExchange extends Exchange {
  baseUrl: string;
  requests: ReceivedRequest[];
  /** Answers given once each, in turn, to whatever comes from a session next; an order is not taken. */
  answerNext(status: number, body: string): void;
  /** What the account's credentials are; changed, the next request goes with the new ones. */
  credentials: (account: AccountAtVenue) => unknown;
  /** The `data` of the account's other pages: fixed, or a function of the body (null: none) and the client. */
  pages: Record<string, unknown>;
  /** Its book stops showing tags. */
  hideTags(): void;
  /** A good login in the browser is answered with this, in place of the session of `C1`. */
  answerLogin(data: object): void;
}

type Answer = { status: number; body: string; html?: true };
type NoAnswer = 'silence' | 'reset';
const html = (status: number): Answer => ({ status, body: '<html><body>Lemonn</body></html>', html: true });
const good = (data: unknown): Answer => ({ status: 200, body: JSON.stringify({ status: 'success', msg: 'OK', data }) });
const bad = (status: number, error_code: string | undefined, msg: string): Answer => ({
  status,
  body: JSON.stringify({ status: 'error', msg, error_code }),
});
const tokenDead = bad(401, 'INVALID_ACCESS_TOKEN', 'Access token validation failed');

/** Lemonn's API on 127.0.0.1: strict about what it is told, with a book of its own for each client. */
export async function openLemonnExchange(
  clock: Clock,
  change: Partial<LemonnVenueOptions> = {},
): Promise<LemonnExchange> {
  const lemonn = new LemonnServer(clock);
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => lemonn.serve(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const noPostbacks = 'Lemonn has no postbacks that anybody knows of';
  const exchange: LemonnExchange = {
    name: 'lemonn',
    baseUrl,
    requests: lemonn.requests,
    pages: lemonn.pages,
    credentials: ({ accountId }) => ({
      ...{ clientId: `C${accountId}`, apiKey, privateKey, flow: 'session', accessToken: `token-C${accountId}` },
    }),
    venue: lemonnVenue({
      ...{ baseUrl, requestId, clock, dialect: lemonnDialect.parse({}), timeoutMs: answerWithinMs },
      ...{ credentials: async (account) => exchange.credentials(account), fetchFor: () => fetch },
      afterMarketOrders: false,
      ...change,
    }),
    book: () => lemonn.book.rows.map((row) => booked(row, lemonn.book.filledOf(row))),
    next: (fault) => void lemonn.faults.push(fault),
    injectFaults: (plan) => {
      lemonn.faultPlan = plan;
    },
    answerNext: (status, body) => void lemonn.answers.push({ status, body }),
    hideTags: () => {
      lemonn.book.showsTags = false;
    },
    answerLogin: (data) => {
      lemonn.loginAnswer = data;
    },
    unsupported: {
      rate_limited: 'whether a 429 of Lemonn’s was turned away is not known: unknown, until the dialect says so',
      duplicate_postback: noPostbacks,
      wrong_checksum: noPostbacks,
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return exchange;
}

function booked({ clientId, request, number, quantity, canceled }: LemonnRow, filledQuantity: number): Booked {
  const { tag: clientOrderId, symbol, transactionType: side } = request;
  const status = canceled ? 'canceled' : filledQuantity === quantity ? 'filled' : 'open';
  const product = request.productType === 'MTF' ? 'mtf' : 'delivery';
  const money = { account: clientId, price: Number(request.price), product } as const;
  return { ...money, clientOrderId, venueOrderId: number, symbol, side, quantity, filledQuantity, status };
}

class LemonnServer {
  readonly clock: Clock;
  readonly book: LemonnBook;
  readonly requests: ReceivedRequest[] = [];
  readonly faults: (FaultName | null)[] = [];
  readonly answers: Answer[] = [];
  readonly pages: Record<string, unknown> = {};
  faultPlan: FaultPlan | null = null;
  loginAnswer: object | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
    this.book = new LemonnBook(clock);
  }

  serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, path: url, headers, body });
    const answer = this.#answer(method, new URL(url, 'http://lemonn'), headers, body);
    if (answer === 'silence') return;
    if (answer === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': answer.html ? 'text/html' : 'application/json' });
    response.end(answer.body);
  }

  #answer(method: string, url: URL, headers: IncomingHttpHeaders, body: string): Answer | NoAnswer {
    if (headers['x-api-key'] !== apiKey) return bad(401, 'AUTHENTICATION_ERROR', 'Invalid api key');
    if (method === 'POST' && body !== '' && headers['content-type'] !== 'application/json') return html(415);
    if (url.pathname.startsWith('/api-trading/api/v1/')) return this.#login(url.pathname, headers, body);
    const clientId = String(headers['x-client-id']);
    const session = headers['x-auth-key'] === `token-${clientId}`;
    if (!session && headers['x-auth-key'] !== `access-${clientId}`) return tokenDead;
    if (session && headers['x-request-id'] !== requestId) return bad(401, undefined, 'Invalid access token format');
    const answer = this.answers.shift();
    if (answer) return answer;
    return this.#page(clientId, `${method} ${url.pathname.replace('/api-trading/api/v2', '')}`, url.searchParams, body);
  }

  #page(clientId: string, route: string, query: URLSearchParams, body: string): Answer | NoAnswer {
    if (route === 'POST /orders') return this.#order(clientId, body);
    if (route === 'POST /orders/cancel') return this.#cancel(clientId, body);
    const upset = route.startsWith('GET ') && this.faultPlan?.read(clientId, route.slice(4));
    if (upset) return notTaken(upset) ?? answerLost(upset) ?? tokenDead;
    if (route === 'GET /orderbook') return good({ orders: this.book.orders(clientId) });
    if (route === 'GET /tradebook') {
      return good({ trades: this.book.trades(clientId, query.get('orderId'), Number(query.get('offset'))) });
    }
    const page = this.pages[route];
    if (typeof page === 'function') return good(page(body === '' ? null : JSON.parse(body), clientId));
    return page === undefined ? bad(404, 'VALIDATION_FAILED', 'Not found') : good(page);
  }

  #login(path: string, headers: IncomingHttpHeaders, body: string): Answer {
    const access = path.endsWith('/generate_access_token');
    const { client_id: clientId } = access ? JSON.parse(body) : { client_id: 'C1' };
    const epoch = String(headers['x-epoch-time']);
    const late = access && Math.abs(Number(epoch) - this.clock.nowMs()) > 60_000;
    const signed = access ? `${clientId}${epoch}` : `${headers['x-request-token']}${apiKey}`;
    const stale = !access && headers['x-request-token'] !== 'fresh';
    if (!access && headers['x-request-id'] !== requestId) return bad(401, undefined, 'Invalid access token format');
    if (late || stale || !hasSigned(signed, String(headers['x-signature']))) {
      return bad(401, 'AUTHENTICATION_ERROR', `Signature of ${apiKey} is not valid`);
    }
    const expires_at = istIso(this.clock.nowMs() + 86_400_000);
    if (access) return good({ access_token: `access-${clientId}`, expires_at });
    return good(this.loginAnswer ?? { access_token: `token-${clientId}`, expires_at, client_id: clientId });
  }

  #order(clientId: string, body: string): Answer | NoAnswer {
    const queued = this.faults.shift();
    const fault = queued === undefined ? (this.faultPlan?.order(String(JSON.parse(body).tag)) ?? null) : queued;
    const turnedAway = notTaken(fault);
    if (turnedAway) return turnedAway;
    const parsed = lemonnOrder.safeParse(JSON.parse(body));
    if (!parsed.success || parsed.data.clientId !== clientId) return bad(400, 'VALIDATION_FAILED', 'Invalid order');
    const nowMs = this.clock.nowMs();
    const shownFromMs = fault === 'surfaces_late' ? nowMs + 90_000 : nowMs;
    const { number } = this.book.take(parsed.data, { halfFirst: fault === 'partial_fill', shownFromMs });
    return answerLost(fault) ?? good({ orderId: number, orderStatus: 'PLACED' });
  }

  #cancel(clientId: string, body: string): Answer {
    const { orderId } = JSON.parse(body);
    const row = this.book.rows.find((one) => one.clientId === clientId && one.number === orderId);
    if (!row) return bad(400, 'VALIDATION_FAILED', 'No such order');
    if (row.canceled || this.book.filledOf(row) === row.quantity) {
      return bad(400, 'ORDER_NOT_CANCELLABLE', 'Order cannot be cancelled');
    }
    this.book.cancel(row);
    return good({ orderId, orderStatus: 'CANCELLED' });
  }
}

function notTaken(fault: FaultName | null): Answer | NoAnswer | null {
  if (fault === 'silence_before_accept') return 'silence';
  if (fault === 'unavailable') return bad(503, 'INTERNAL_ERROR', 'Service unavailable');
  if (fault === 'token_expired') return tokenDead;
  if (fault === 'rate_limited') return bad(429, 'RATE_LIMIT_EXCEEDED', 'Too many requests');
  return fault === 'refused' ? bad(200, 'INSUFFICIENT_FUNDS', 'Insufficient funds') : null;
}

/** What comes in place of the answer to what was taken; null: the answer. */
function answerLost(fault: FaultName | null): Answer | NoAnswer | null {
  switch (fault) {
    case 'silence_after_accept':
    case 'surfaces_late':
      return 'silence';
    case 'reset':
      return 'reset';
    case 'html_200':
      return html(200);
    case 'empty_200':
      return { status: 200, body: '' };
    case 'bad_gateway':
      return html(502);
    case 'says_timed_out':
      return bad(400, 'TIMEOUT_ERROR', 'Request timed out, please check the order book');
    default:
      return null;
  }
}

/** Whether the public key's owner has signed a text. */
function hasSigned(text: string, signature: string): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(apiKey, 'hex')]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return /^[0-9a-f]{128}$/.test(signature) && verify(null, Buffer.from(text), key, Buffer.from(signature, 'hex'));
}
