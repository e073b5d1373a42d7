// Keeps slow or idle connections from using up the server.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Emit } from '../ports/events/events.ts';
import { type RawRefusal, refuseRaw } from './raw-refusal.ts';

/** How many connections there may be, and how long each may take for what. */
export interface ConnectionLimits {
  maxConnections: number;
  /** Requests whose body is on its way: each may hold as many bytes as a body may have. */
  maxUnfinished: number;
  /** From the first byte of a request to its last header; also for the first byte of a new connection. */
  headersMs: number;
  /** From the first byte of a request to the last of its body. */
  requestMs: number;
  /** How long a connection is kept for the next request: longer than a load balancer keeps its own end (60 s). */
  keepAliveMs: number;
  /** How long an answer that is ready may lie unread. */
  unreadMs: number;
  /** How often the first two are checked. */
  checkEveryMs: number;
}

export function connectionLimits(maxConnections: number): ConnectionLimits {
  return {
    maxConnections,
    maxUnfinished: Math.min(256, Math.ceil(maxConnections / 4)),
    headersMs: 10_000,
    requestMs: 20_000,
    keepAliveMs: 75_000,
    unreadMs: 30_000,
    checkEveryMs: 2_000,
  };
}

/** What a process has open beside its connections: the database, venues, files. */
const OTHER_FILES = 200;

/**
 * How many connections this process can have, of those it may: past its open files the system lets nobody in, and says
 * nothing. `limits` is what Linux says of them (/proc/self/limits); null where nobody says.
 */
export function affordable(maxConnections: number, limits: string | null): number {
  const files = /^Max open files +(\d+)/m.exec(limits ?? '')?.[1];
  return files === undefined ? maxConnections : Math.min(maxConnections, Math.max(Number(files) - OTHER_FILES, 50));
}

/** Connections closed at once to make room: not one for each new one, nor so many that it would be felt. */
const CLOSE_BATCH_SIZE = 16;

const tooSlow: RawRefusal = {
  status: 408,
  code: 'request_timeout',
  detail: 'The request took too long to arrive: send it again, in one go.',
};
const headersTooLarge: RawRefusal = {
  status: 431,
  code: 'headers_too_large',
  detail: 'The headers of a request may have 16 KB together: send fewer or shorter ones.',
};
const chunksTooLarge: RawRefusal = {
  status: 413,
  code: 'chunk_extensions_too_large',
  detail: 'The extensions of chunks may have 16 KB together: leave them out.',
};
const unreadable: RawRefusal = {
  status: 400,
  code: 'bad_request',
  detail: 'This is no HTTP/1.1 request that can be read.',
};
const full: RawRefusal = {
  status: 503,
  code: 'too_many_connections',
  detail: 'All connections are taken: try again in a second, and keep connections for the next request.',
};
const madeRoom: RawRefusal = {
  status: 503,
  code: 'made_room',
  detail: 'The request arrived so slowly that its connection was given to others: send it again, in one go.',
};

/**
 * `new`: no request yet. `receiving`: a request whose body is not all here. `idle`: kept for the next request. `busy`: a
 * request is being answered, or a stream is open.
 */
type State = 'new' | 'receiving' | 'idle' | 'busy';

interface Connection {
  socket: Socket;
  peer: string;
  state: State;
  underWay: number;
  request: IncomingMessage | null;
  response: ServerResponse | null;
  /** Closed by us, which was emitted already. */
  refused: boolean;
}

/**
 * Keeps a server's connections from being used up by those who ask nothing. When there is no room for a new one, the
 * oldest of those that wait for a request, or for the rest of one, are closed to make it: first those of the peer that
 * has the most. So whoever sends whole requests gets in and is answered, however many connections stand idle. Only where
 * every connection is being answered is a new one refused. Half requests are bounded alike, by their own number.
 */
export function guardConnections(server: Server, limits: ConnectionLimits, emit: Emit): void {
  const book = new ConnectionBook(emit);
  server.on('connection', (socket) => {
    const connection = book.open(socket);
    if (book.size > limits.maxConnections) book.makeRoom(['new', 'receiving', 'idle'], connection);
    if (book.size > limits.maxConnections) book.refuse(connection, full);
  });
  server.on('request', (request, response) => {
    const connection = book.of(request.socket);
    if (!connection) return;
    Object.assign(connection, { request, response, underWay: connection.underWay + 1 });
    request.socket.setTimeout(0);
    book.become(connection, hasBody(request) ? 'receiving' : 'busy');
    request.once('end', () => book.become(connection, 'busy'));
    response.once('prefinish', () => request.socket.setTimeout(limits.unreadMs));
    response.once('close', () => {
      connection.underWay -= 1;
      if (connection.underWay === 0) book.become(connection, 'idle');
    });
    if (book.receiving > limits.maxUnfinished) book.makeRoom(['receiving'], connection);
  });
  server.prependListener('upgrade', (request: IncomingMessage) => {
    const connection = book.of(request.socket);
    if (connection) book.become(connection, 'busy');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const connection = stream instanceof Socket ? book.of(stream) : undefined;
    const refusal = refusalOf(error);
    if (!connection || !refusal || !stream.writable || connection.response?.headersSent) stream.destroy();
    else book.refuse(connection, refusal);
  });
}

/** The connections there are, in the order in which they came into their state: the first has waited longest. */
class ConnectionBook {
  readonly #emit: Emit;
  readonly #connections = new Map<Socket, Connection>();
  /** How many of them are in the middle of a request. */
  receiving = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  get size(): number {
    return this.#connections.size;
  }

  of(socket: Socket): Connection | undefined {
    return this.#connections.get(socket);
  }

  open(socket: Socket): Connection {
    const nothing = { underWay: 0, request: null, response: null, refused: false };
    const connection: Connection = { socket, peer: socket.remoteAddress ?? '', state: 'new', ...nothing };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#forget(connection);
      if (isBrokenOff(connection)) this.#emit({ type: 'upload_aborted' });
    });
    return connection;
  }

  become(connection: Connection, state: State): void {
    if (!this.#connections.has(connection.socket)) return;
    this.#forget(connection);
    connection.state = state;
    if (state === 'receiving') this.receiving += 1;
    this.#connections.set(connection.socket, connection);
  }

  /** Ends a connection. Who has sent nothing that could be answered gets no answer. */
  refuse(connection: Connection, refusal: RawRefusal): void {
    const hasAnswer = refusal !== madeRoom || connection.state === 'receiving';
    connection.refused = true;
    this.#forget(connection);
    this.#emit({ type: 'connection_refused', why: refusal.code });
    if (hasAnswer) refuseRaw(connection.socket, refusal);
    else connection.socket.destroy();
  }

  /** Closes some of those that wait in one of these states, unless they wait for nothing any more. */
  makeRoom(states: readonly State[], except: Connection): void {
    const waiting = [...this.#connections.values()].filter((one) => one !== except && states.includes(one.state));
    const unfinished = waiting.filter(({ state, request }) => state !== 'idle' && request?.complete !== true);
    const candidates = unfinished.length > 0 ? unfinished : waiting.filter(({ state }) => state === 'idle');
    const heaviest = mostFrequent(candidates.map(({ peer }) => peer));
    for (const one of candidates.filter(({ peer }) => peer === heaviest).slice(0, CLOSE_BATCH_SIZE))
      this.refuse(one, madeRoom);
  }

  #forget(connection: Connection): void {
    if (connection.state === 'receiving') this.receiving -= 1;
    connection.state = 'busy';
    this.#connections.delete(connection.socket);
  }
}

/** null: the connection is gone, and nobody is there to be answered. */
function refusalOf({ code = '' }: NodeJS.ErrnoException): RawRefusal | null {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooSlow;
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return chunksTooLarge;
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? unreadable : null;
}

function hasBody({ headers, complete }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The other end left before its request was all here, and before it was answered. */
function isBrokenOff({ request, response, refused }: Connection): boolean {
  return !refused && request !== null && !request.complete && response?.headersSent === false;
}

function mostFrequent(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].reduce<[string, number] | undefined>(
    (most, one) => (most && most[1] >= one[1] ? most : one),
    undefined,
  )?.[0];
}
