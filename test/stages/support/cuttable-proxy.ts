// A proxy to the database whose connections a test can cut and mend.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy whose connections can be cut: what flows breaks off in the middle, and no new one gets through. */
export interface CuttableProxy {
  /** The same database by way of the proxy. */
  url: string;
  /** Whether it is cut now. */
  isCut(): boolean;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  mend(): Promise<void>;
  close(): void;
}

export async function openCuttableProxy(url: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(url);
  const ends = new Set<Socket>();
  const join = (near: Socket): void => {
    const far = connect({ port: Number(port), host: hostname, noDelay: true });
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      end.on('error', () => undefined);
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
  };
  const opened = async (at: number): Promise<Server> => {
    const server = createServer({ noDelay: true }, join);
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server: Server | null = await opened(0);
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    server?.close();
    server = null;
    for (const end of ends) end.destroy();
  };
  return {
    url: through.href,
    isCut: () => server === null,
    cut,
    close: cut,
    async mend() {
      server = await opened(Number(through.port));
    },
  };
}
