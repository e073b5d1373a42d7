// An HTTP proxy that tunnels, for tests of outgoing connections.
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A proxy on 127.0.0.1 that tunnels (CONNECT) and does nothing else. */
export interface ConnectProxy {
  /** `http://127.0.0.1:1234` */
  url: string;
  /** Each tunnel that was asked for: to where, and with which login. */
  tunnels: { to: string; login: string | undefined }[];
  /** Done in place of a tunnel. */
  instead: ((socket: Socket) => void) | null;
  /** Connections of clients that stand. */
  open(): number;
  close(): Promise<void>;
}

export async function openConnectProxy(): Promise<ConnectProxy> {
  const sockets = new Set<Socket>();
  const server = createServer().on('connect', tunnel);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: ConnectProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels: [],
    instead: null,
    open: () => sockets.size,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;

  function tunnel(request: IncomingMessage, socket: Socket): void {
    socket.on('error', () => undefined);
    // A server's sockets stay half open.
    socket.on('end', () => socket.destroy());
    const { url: to = '', headers } = request;
    proxy.tunnels.push({ to, login: headers['proxy-authorization'] });
    if (proxy.instead) {
      proxy.instead(socket);
      return;
    }
    const [host, port] = to.split(':');
    const there = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('close', () => there.destroy());
    there.on('close', () => socket.destroy());
  }
}
