// Bench case: writes the query plans of the hot functions to scripts/bench/plans.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { placeOrders } from '../../../test/support/place-orders.ts';
import { type Bench, type BenchCase, figure, type Row, recorded, scaled } from '../bench-case.ts';
import type { BenchDatabase } from './databases.ts';
import { benchRequest, benchWorld, importDay, plainConfig, planned } from './day.ts';
import { type Explained, explainingDatabase } from './explaining-database.ts';
import { instantVenue } from './instant-venue.ts';
import { makePast } from './past.ts';

const SIGNALS = 5;
const ORDER_BATCH_SIZE = 50;

/** Which call of each function is explained: one in the middle, when tables have grown and plans are cached. */
const middle = {
  read_accounts: 3,
  accept_page: 3,
  take_orders: 8,
  settle_orders: 8,
  place_orders: 6,
} as const;

/** The first call, where there are too few for a middle. */
function callsOf({ scale }: Bench): Record<string, number> {
  return Object.fromEntries(Object.entries(middle).map(([name, nth]) => [name, scale < 1 ? 1 : nth]));
}

export const plans: BenchCase = {
  name: 'plans',
  what: 'explain (analyze, buffers) of the hot functions, as text files in scripts/bench/plans',
  async measure(bench) {
    const users = scaled(bench, 5_000, 4);
    const prepared = await bench.server.prepared(async (database) => {
      await importDay(database.store, users, SIGNALS);
      await makePast(database, scaled(bench, bench.pastOrders / 10, 40));
    });
    const database = await bench.server.fresh(prepared);
    try {
      return written(bench, await explainedOn(bench, database, users));
    } finally {
      await database.close();
      await prepared.drop();
    }
  },
};

async function explainedOn(bench: Bench, { url }: BenchDatabase, users: number): Promise<Explained[]> {
  const database = await explainingDatabase(url, callsOf(bench));
  const store = makeStore(database, { virtual: true });
  try {
    const world = await benchWorld({ url, store, venue: instantVenue() });
    await planned(world, benchRequest(bench.concurrency));
    await execute(world, bench.concurrency);
    const { mode, limits } = plainConfig();
    for (let batch = 0; batch < middle.place_orders; batch++) {
      const requests = Array.from({ length: Math.min(ORDER_BATCH_SIZE, users) }, (_, index) => {
        const n = batch * ORDER_BATCH_SIZE + index;
        // A sale: everybody holds every symbol by now.
        const sale = { userId: `user-${1 + (n % users)}`, exchange: 'NSE', symbol: 'S1', side: 'SELL' } as const;
        const order = { ...sale, quantity: 1, limitPriceMinor: null };
        return { principal: 'bench', key: `k${n}`, bodyHash: `b${n}`, order, by: null };
      });
      await placeOrders(world, { mode, limits }, requests);
    }
    return database.explained();
  } finally {
    await store.close();
  }
}

function written(bench: Bench, all: Explained[]): Row[] {
  mkdirSync(bench.plansDirectory, { recursive: true });
  return Object.entries(callsOf(bench)).map(([name, nth]) => {
    const found = all.find((one) => one.name === name);
    if (!found) return recorded(name, `there was no call ${nth} at this scale`);
    writeFileSync(join(bench.plansDirectory, `${name}.txt`), found.text);
    return recorded(name, `${found.statements} statements of call ${nth}, ${figure(found.ms)} ms with explaining`);
  });
}
