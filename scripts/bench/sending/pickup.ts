// Bench case: how soon a sleeping worker has an order at the venue.

import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { OrderRequest } from '../../../src/stages/accept/order-inputs.ts';
import { placeOrders } from '../../../test/support/place-orders.ts';
import { type Bench, type BenchCase, figure, judged, quantile, type Row, scaled, times } from '../bench-case.ts';
import { type Part, startPart } from '../child-process.ts';
import type { BenchDatabase } from '../core/databases.ts';
import { benchWorld, importPrices, importUsers, plainConfig } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';

const P99_MS = 25;

/** How soon a worker that sleeps has an order at the venue: it is woken by the database. */
export const pickup: BenchCase = {
  name: 'pickup',
  what: 'from accepted to the venue, a worker process that sleeps until the database wakes it',
  async measure(bench) {
    const database = await bench.server.fresh();
    const worker = startPart('pickup', { url: database.url });
    try {
      await worker.nextMessage();
      return [rowOf(bench, await waits(database, worker, scaled(bench, 200, 3)))];
    } finally {
      await worker.stop();
      await database.close();
    }
  },
};

/** Milliseconds from an order's acceptance (its answer was there) and from its request to its arrival at the venue. */
interface Waits {
  accepted: number[];
  requested: number[];
}

const arrival = z.object({ userId: z.string(), atNs: z.string() });

async function waits({ url, store }: BenchDatabase, worker: Part, orders: number): Promise<Waits> {
  await importUsers(store, orders);
  const [symbol = ''] = await importPrices(store, 1);
  const world = await benchWorld({ url, store, venue: instantVenue() });
  const { mode, limits } = plainConfig();
  const waited: Waits = { accepted: [], requested: [] };
  for (let n = 1; n <= orders; n++) {
    await pause(20 + Math.random() * 100);
    const requestedNs = process.hrtime.bigint();
    const { placed } = await placeOrders(world, { mode, limits }, [requestFor(n, symbol)]);
    const acceptedNs = process.hrtime.bigint();
    if (placed[0]?.kind !== 'accepted') throw new Error(`order ${n} was not accepted: ${JSON.stringify(placed)}`);
    const { userId, atNs } = arrival.parse(await worker.nextMessage());
    if (userId !== `user-${n}`) throw new Error(`the venue heard of ${userId}, not of user-${n}`);
    // The clock is the machine's: two processes read the same.
    const ms = (fromNs: bigint) => Number(BigInt(atNs) - fromNs) / 1e6;
    waited.accepted.push(Math.max(0, ms(acceptedNs)));
    waited.requested.push(ms(requestedNs));
  }
  return waited;
}

function requestFor(n: number, symbol: string): OrderRequest {
  const order = {
    userId: `user-${n}`,
    exchange: 'NSE',
    symbol,
    side: 'BUY',
    quantity: 1,
    limitPriceMinor: null,
  } as const;
  return { principal: 'bench', key: `k${n}`, bodyHash: `b${n}`, order, by: null };
}

function rowOf(bench: Bench, { accepted, requested }: Waits): Row {
  const p99 = quantile(accepted, 0.99);
  const [p50, requestedP99] = [quantile(accepted, 0.5), quantile(requested, 0.99)];
  return judged(bench, {
    what: `${accepted.length} orders, one at a time, random pauses`,
    goal: `p99 ≤ ${P99_MS} ms`,
    result: `p50 ${figure(p50)}, p99 ${figure(p99)} ms (p99 ${figure(requestedP99)} ms from the request)`,
    ratio: times(p99 / P99_MS),
    met: p99 <= P99_MS,
  });
}
