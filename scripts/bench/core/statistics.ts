// Bench case: whether statistics that arrive in the middle of a run slow down its orders.
import {
  type Bench,
  type BenchCase,
  figure,
  howOften,
  judged,
  median,
  recorded,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import type { BenchDatabase, Prepared } from './databases.ts';
import { importDay } from './day.ts';
import { throughOnce } from './orders-through.ts';

const SIGNALS = 5;
const RATIO = 1.05;

/** Whether autovacuum's statistics, whenever they arrive, change a plan for the worse. */
export const statistics: BenchCase = {
  name: 'statistics',
  what: 'sending while each table is analyzed in the middle of it, beside the same without',
  async measure(bench) {
    const users = scaled(bench, 10_000, 2);
    const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
    try {
      const rounds = await repeated(bench, 'cheap', () => roundOn(bench, prepared, users * SIGNALS));
      const [without, analyzed] = [median(rounds.map((one) => one.without)), median(rounds.map((one) => one.analyzed))];
      const result = `${figure(analyzed)} ms, without ${figure(without)} ms (${howOften(rounds)})`;
      return [
        judged(bench, {
          what: `sending ${figure(users * SIGNALS)} orders, each table analyzed after a third of them`,
          goal: `≤ ${RATIO} × without`,
          result,
          ratio: times(analyzed / without),
          met: analyzed <= RATIO * without,
        }),
        recorded('of it analyzing alone', `${figure(median(rounds.map((one) => one.analyzingMs)))} ms`),
      ];
    } finally {
      await prepared.drop();
    }
  },
};

async function roundOn(
  bench: Bench,
  prepared: Prepared,
  orders: number,
): Promise<{ without: number; analyzed: number; analyzingMs: number }> {
  const plain = await throughOnce(bench, prepared, orders);
  let submitted = 0;
  const analyzing: { done?: Promise<number> } = {};
  const disturbed = await throughOnce(bench, prepared, orders, {
    onSubmit(database) {
      submitted += 1;
      if (submitted === Math.ceil(orders / 3)) analyzing.done = analyzeAll(database);
    },
    after: async () => {
      await analyzing.done;
    },
  });
  const analyzingMs = (await analyzing.done) ?? Number.NaN;
  return { without: plain.ms - plain.planMs, analyzed: disturbed.ms - disturbed.planMs, analyzingMs };
}

/** Every table that grows, one after another, as autovacuum does: how long that took. */
async function analyzeAll({ session }: BenchDatabase): Promise<number> {
  const startMs = performance.now();
  for (const table of ['orders', 'order_events', 'fills', 'ledger_entries', 'positions', 'accounts', 'decisions']) {
    await session.exec(`analyze public.${table}`);
  }
  return performance.now() - startMs;
}
