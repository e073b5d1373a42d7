// A forwarder to the database that can go silent or refuse connections.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Something between us and the database that fails at times: a pooler, a firewall, a failover. */
export interface Forwarder {
  /** The same database by way of it. */
  url: string;
  /** Connections it has taken so far. */
  taken(): number;
  /** Forgets the connections it has: they stay open and carry nothing more, in either direction. */
  forget(): void;
  /** Ends all connections, and answers new ones with an error of this SQLSTATE; null: lets them pass again. */
  refuse(sqlState: string | null): void;
  close(): void;
}

export async function openForwarder(url: string): Promise<Forwarder> {
  const { hostname, port } = new URL(url);
  const pairs = new Set<[Socket, Socket]>();
  let taken = 0;
  let refusing: string | null = null;
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (refusing !== null) return refuseWith(near, refusing);
    taken += 1;
    const far = connect({ port: Number(port), host: hostname });
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    far.on('error', () => undefined);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const end = (): void => {
    for (const both of pairs) for (const one of both) one.destroy();
    pairs.clear();
  };
  return {
    url: through.href,
    taken: () => taken,
    forget() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.resume();
        far.resume();
      }
    },
    refuse(sqlState) {
      refusing = sqlState;
      if (sqlState !== null) end();
    },
    close() {
      server.close();
      end();
    },
  };
}

/** As a server or pooler answers a login it does not want: an ErrorResponse, and the end. */
function refuseWith(socket: Socket, sqlState: string): void {
  socket.once('data', () => {
    const fields = `SFATAL\0VFATAL\0C${sqlState}\0Mrefused as told\0\0`;
    const length = Buffer.alloc(4);
    length.writeInt32BE(4 + Buffer.byteLength(fields));
    socket.end(Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]));
  });
}
