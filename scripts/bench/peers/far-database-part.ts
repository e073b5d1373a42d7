// A proxy as a process of its own that makes a database on this machine as slow to reach as one some distance away.
import { connect, createServer } from 'node:net';
import { z } from 'zod';
import { listen, say } from '../child-process.ts';

/** Passes connections on to a port of the loopback; what comes back from there arrives `delayMs` later, in order. */
export async function farDatabasePart(input: unknown): Promise<void> {
  const { port, delayMs } = z.object({ port: z.int(), delayMs: z.number() }).parse(input);
  listen(() => undefined);
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    near.pipe(far);
    far.on('data', (data) => setTimeout(() => near.writable && near.write(data), delayMs));
    // What is still on its way arrives before the end does.
    far.on('close', () => setTimeout(() => near.destroy(), delayMs + 1));
    near.on('close', () => far.destroy());
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  });
  server.listen({ port: 0, host: '127.0.0.1' }, () => {
    const address = server.address();
    say({ port: typeof address === 'object' ? address?.port : 0 });
  });
}
