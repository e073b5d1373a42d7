// A connection pooler in transaction mode, as PgBouncer or Supavisor run.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A pooler in transaction mode, as PgBouncer's `pool_mode = transaction` is, small enough to read: many clients, few
 * server connections, and one of them is a client's only from its first message until the server says that no
 * transaction is open. What a session would keep (SET, LISTEN, prepared statements, advisory locks) is then another's.
 * Clients get in without a password. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export interface TransactionPooler {
  /** The same database by way of the pooler. */
  url: string;
  /** How often a server connection was lent. */
  lent(): number;
  /** The most server connections there ever were at once. */
  peak(): number;
  /** Notifications that came while no client had the connection: nobody hears them. */
  unheard(): number;
  close(): Promise<void>;
}

interface Server {
  socket: Socket;
  client: Client | null;
}

interface Client {
  socket: Socket;
  server: Server | null;
  /** Messages that wait for a server connection. */
  waiting: Buffer[];
  /** ReadyForQuery messages that are still to come. */
  owed: number;
  /** Whether messages went out that no Sync has ended yet. */
  unsynced: boolean;
}

/** What PgBouncer takes as startup parameters; any other is refused (its `ignore_startup_parameters` is empty). */
const STARTUP_PARAMETERS = new Set([
  ...['user', 'database', 'application_name', 'client_encoding'],
  ...['datestyle', 'timezone', 'standard_conforming_strings'],
]);
const PROTOCOL_3 = 196_608;
const SSL_REQUEST = 80_877_103;
const READY = message('Z', Buffer.from('I'));
const AUTHENTICATED = message('R', int32(0));

/** A pooler before the database of `url` with at most `most` server connections. */
export async function openTransactionPooler(url: string, maxServers: number): Promise<TransactionPooler> {
  const live = new Set<Server>();
  const clients = new Set<Client>();
  const idle: Server[] = [];
  const queue: Client[] = [];
  const count = { opening: 0, lent: 0, peak: 0, unheard: 0 };

  const lend = (client: Client, server: Server): void => {
    count.lent += 1;
    server.client = client;
    client.server = server;
    for (const one of client.waiting.splice(0)) pass(client, server, one);
  };
  const free = (server: Server): void => {
    if (server.client) server.client.server = null;
    server.client = null;
    const next = queue.shift();
    if (next) lend(next, server);
    else idle.push(server);
  };
  const drop = (server: Server): void => {
    live.delete(server);
    if (idle.includes(server)) idle.splice(idle.indexOf(server), 1);
    server.client?.socket.destroy();
    server.socket.destroy();
    more();
  };
  /** Opens new connections before old ones are lent again, so that a client rarely meets the same one twice. */
  const more = (): void => {
    if (queue.length === 0 || live.size + count.opening >= maxServers) return;
    count.opening += 1;
    logIn(url).then(
      (socket) => {
        const server: Server = { socket, client: null };
        count.opening -= 1;
        live.add(server);
        count.peak = Math.max(count.peak, live.size);
        socket.on('close', () => drop(server));
        socket.on('data', messages(forwardToClient(server, free, count)));
        free(server);
      },
      (error: Error) => {
        count.opening -= 1;
        queue.shift()?.socket.end(failure('08006', error.message));
      },
    );
  };
  const ask = (client: Client): void => {
    queue.push(client);
    if (live.size + count.opening < maxServers) more();
    else if (idle.length > 0) {
      const [server, first] = [idle.shift(), queue.shift()];
      if (server && first) lend(first, server);
    }
  };

  const listener = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    const client: Client = { socket, server: null, waiting: [], owed: 0, unsynced: false };
    clients.add(client);
    socket.on('close', () => {
      clients.delete(client);
      if (queue.includes(client)) queue.splice(queue.indexOf(client), 1);
      // In the middle of a transaction, which nobody else may be given.
      if (client.server) drop(client.server);
    });
    const onData = messages((type, whole) => {
      if (type === 'X') return void socket.end();
      if (client.server) return pass(client, client.server, whole);
      client.waiting.push(whole);
      if (!queue.includes(client)) ask(client);
    });
    greet(socket, url, onData);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const through = new URL(url);
  through.port = String((listener.address() as AddressInfo).port);
  return {
    url: through.href,
    lent: () => count.lent,
    peak: () => count.peak,
    unheard: () => count.unheard,
    async close() {
      listener.close();
      for (const { socket } of clients) socket.destroy();
      const ended = [...live].map(({ socket }) => once(socket, 'close'));
      for (const { socket } of live) socket.end(message('X', Buffer.alloc(0)));
      await Promise.all(ended);
    },
  };
}

function pass(client: Client, server: Server, whole: Buffer): void {
  // Query, Sync and FunctionCall are answered with one ReadyForQuery each.
  const isAsking = 'QSF'.includes(typeOf(whole));
  if (isAsking) client.owed += 1;
  client.unsynced = !isAsking;
  server.socket.write(whole);
}

/** What the server says goes to whoever has the connection, and gives it free when nothing of theirs is left open. */
function forwardToClient(server: Server, free: (server: Server) => void, count: { unheard: number }) {
  return (type: string, whole: Buffer): void => {
    const { client } = server;
    if (!client) {
      if (type === 'A') count.unheard += 1;
      return;
    }
    client.socket.write(whole);
    if (type !== 'Z') return;
    client.owed -= 1;
    if (whole.toString('latin1', 5) === 'I' && client.owed === 0 && !client.unsynced) free(server);
  };
}

/** The pooler's own login at the server, by the password of the url in clear, which is what the test server asks for. */
async function logIn(url: string): Promise<Socket> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const onData = messages((type, whole) => {
    const method = type === 'R' ? whole.readInt32BE(5) : 0;
    if (method === 3) socket.write(message('p', text(decodeURIComponent(password))));
    else if (method !== 0)
      reject(new Error(`the server asks for a login of kind ${method}: only a password in clear is known`));
    else if (type === 'E') reject(new Error(whole.toString('utf8', 5)));
    else if (type === 'Z') resolve(socket);
  });
  socket.on('data', onData);
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed the connection')));
  const parameters = { user: username, database: pathname.slice(1), application_name: 'transaction-pooler' };
  const pairs = Object.entries(parameters).flatMap((pair) => pair.map(text));
  socket.write(withLength(Buffer.concat([int32(PROTOCOL_3), ...pairs, Buffer.alloc(1)])));
  try {
    return await promise;
  } finally {
    socket.off('data', onData);
  }
}

/** The client's first message, which has no type, and the answer: come in, or what is wrong with it. */
function greet(socket: Socket, url: string, then: (chunk: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length < 8 || bytes.length < bytes.readInt32BE(0)) return;
    const first = bytes.subarray(0, bytes.readInt32BE(0));
    bytes = bytes.subarray(first.length);
    if (first.readInt32BE(4) === SSL_REQUEST) return void socket.write('N');
    const fields = first.toString('utf8', 8).split('\0');
    const parameters = new Map(
      fields.flatMap((field, index) => (index % 2 === 0 ? [[field, fields[index + 1]]] : [])) as [string, string][],
    );
    const strange = [...parameters.keys()].find((name) => name !== '' && !STARTUP_PARAMETERS.has(name.toLowerCase()));
    if (first.readInt32BE(4) !== PROTOCOL_3) return void socket.destroy();
    if (strange !== undefined) return void socket.end(failure('08P01', `unsupported startup parameter: ${strange}`));
    if (`/${parameters.get('database')}` !== new URL(url).pathname)
      return void socket.end(failure('3D000', 'no such database'));
    socket.off('data', read);
    socket.on('data', then);
    socket.write(Buffer.concat([AUTHENTICATED, message('K', Buffer.alloc(8)), READY]));
  };
  socket.on('data', read);
}

/** Cuts what arrives into whole messages: a type character, four bytes of length that count themselves, the content. */
function messages(take: (type: string, whole: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const whole = rest.subarray(0, 1 + rest.readInt32BE(1));
      rest = rest.subarray(whole.length);
      take(typeOf(whole), whole);
    }
  };
}

function typeOf(whole: Buffer): string {
  return whole.toString('latin1', 0, 1);
}

function message(type: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), withLength(content)]);
}

function withLength(content: Buffer): Buffer {
  return Buffer.concat([int32(content.length + 4), content]);
}

function failure(sqlState: string, words: string): Buffer {
  const fields = Object.entries({ S: 'FATAL', V: 'FATAL', C: sqlState, M: words });
  return message('E', Buffer.concat([...fields.map(([code, value]) => text(code + value)), Buffer.alloc(1)]));
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
