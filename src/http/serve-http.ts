// The HTTP and WebSocket server, bounded in everything a client decides.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  createAdaptorServer,
  getRequestListener,
  type Http2Bindings,
  type HttpBindings,
  type WebSocketServerLike,
} from '@hono/node-server';
import { WebSocketServer } from 'ws';
import type { Emit } from '../ports/events/events.ts';
import { answerRaw, type RawRefusal, refusalBody, refuseRaw } from './raw-refusal.ts';
import { type ConnectionLimits, guardConnections } from './sockets.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;

/** The routes, as the library calls them. */
export type Routes = (request: Request, env: HttpBindings | Http2Bindings) => Promise<Response>;

export interface HttpServer {
  server: Server;
  sockets: WebSocketServer;
}

const tooManyHeaders: RawRefusal = {
  status: 431,
  code: 'too_many_headers',
  detail: `A request may have fewer than ${MAX_HEADERS} headers: send fewer.`,
};
const badRequest: RawRefusal = {
  status: 400,
  code: 'bad_request',
  detail: 'The address or the Host of this request can not be read.',
};
const otherUpgrade: RawRefusal = {
  status: 400,
  code: 'unknown_upgrade',
  detail: 'Only an upgrade to websocket is known here: ask without Upgrade.',
};

/**
 * The server of the routes, not listening yet: HTTP/1.1 and WebSocket, bounded in everything a client decides. What does
 * not reach the routes is refused with problem JSON too.
 */
export function makeServer(routes: Routes, limits: ConnectionLimits, emit: Emit): HttpServer {
  // Clients have nothing to say: what they send is read and thrown away.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 });
  const refusedUpgrades = new WeakMap<object, Response>();
  const answer: Routes = async (request, env) => {
    // Node leaves out the ones beyond the most there may be: what is missing may be what a proxy wrote.
    if (env.incoming.rawHeaders.length >= 2 * MAX_HEADERS) return refusalResponse(tooManyHeaders);
    return routes(request, env);
  };
  const server = createAdaptorServer({
    async fetch(request, env) {
      const response = await answer(request, env);
      refusedUpgrades.set(env.incoming, response);
      return response;
    },
    serverOptions: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkEveryMs,
    },
    // The library is made for this server; its own type of it leaves out overloads that @types/ws has.
    websocket: { server: sockets as unknown as WebSocketServerLike },
  }) as Server;
  // The library's own listener answers what it can't read without a word.
  server.removeAllListeners('request');
  server.on('request', getRequestListener(answer, { errorHandler: () => refusalResponse(badRequest) }));
  server.maxHeadersCount = MAX_HEADERS;
  refuseUpgrades(server, sockets, refusedUpgrades);
  guardConnections(server, limits, emit);
  return { server, sockets };
}

function refusalResponse(refusal: RawRefusal): Response {
  const headers = { 'Content-Type': 'application/problem+json' };
  return new Response(refusalBody(refusal), { status: refusal.status, headers });
}

/**
 * Node hands over every upgrade there is. The library refuses handshakes without a word, unless somebody else listens
 * too: so we do, and give the routes' own answer.
 */
function refuseUpgrades(server: Server, sockets: WebSocketServer, refused: WeakMap<object, Response>): void {
  const [upgrade] = server.listeners('upgrade');
  if (typeof upgrade !== 'function') throw new Error('the HTTP library listens to no upgrades any more');
  server.removeAllListeners('upgrade');
  const open = new WeakSet<IncomingMessage>();
  sockets.on('connection', (_socket, request) => open.add(request));
  const handle = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    await upgrade.call(server, request, socket, head);
    if (open.has(request) || socket.destroyed || !socket.writable) return;
    const response = refused.get(request);
    if (!response) return refuseRaw(socket, badRequest);
    answerRaw(socket, response.status, Object.fromEntries(response.headers), await response.text());
  };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') refuseRaw(socket, otherUpgrade);
    else void handle(request, socket, head).catch(() => socket.destroy());
  });
}
