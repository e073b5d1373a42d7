// The pickup case's worker, as a process of its own.
import { z } from 'zod';
import { listenForWork } from '../../../src/adapters/store/listener.ts';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { work } from '../../../src/work.ts';
import { listen, say } from '../child-process.ts';
import { benchWorld, plainConfig } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';

/** A worker as a process of its own that says when each order arrives at its venue. */
export async function pickupPart(input: unknown): Promise<void> {
  const { url } = z.object({ url: z.string() }).parse(input);
  listen(() => undefined);
  const store = makeStore(openPostgres({ url, max: 10 }), { virtual: true });
  const venue = instantVenue({
    onSubmit: ({ userId }) => say({ userId, atNs: process.hrtime.bigint().toString() }),
  });
  const listener = await listenForWork(url);
  const world = await benchWorld({ url, store, venue });
  say({ ready: true });
  const stop = new AbortController().signal;
  await work(world, { concurrency: plainConfig().concurrency, stop, woken: () => listener.next() });
}
