// Bench case: how far apart a signal's first and last user reach the venue.

import {
  type Bench,
  type BenchCase,
  figure,
  howOften,
  judged,
  median,
  type Row,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import { importDay } from '../core/day.ts';
import { startLoopback } from './loopback-venue.ts';
import { runAt } from './venue.ts';

const RATIO = 1.15;

/** Fairness: how long after the first user of a signal the last one's order is at the venue, by the venue's own clock. */
export const spread: BenchCase = {
  name: 'spread',
  what: 'from the first to the last submission of one signal, beside a bare loop of the same calls',
  async measure(bench) {
    const [orders, concurrency] = [scaled(bench, 1_000, 4), scaled(bench, 500, 2)];
    const latencyMs = scaled(bench, 150, 5);
    const loopback = await startLoopback();
    const prepared = await bench.server.prepared(({ store }) => importDay(store, orders, 1));
    try {
      const rounds = await repeated(bench, 'cheap', async (): Promise<Round> => {
        await loopback.begin(latencyMs);
        await loopback.bareLoop(orders, concurrency);
        const { spreadMs: bareMs } = await loopback.arrived();
        const { spreadMs } = await runAt(bench, loopback, prepared, { orders, latencyMs, concurrency });
        return { spreadMs, bareMs };
      });
      return [rowOf(bench, `${figure(orders)} users, ${latencyMs} ms, concurrency ${concurrency}`, rounds)];
    } finally {
      await prepared.drop();
      await loopback.stop();
    }
  },
};

interface Round {
  spreadMs: number;
  bareMs: number;
}

function rowOf(bench: Bench, what: string, rounds: Round[]): Row {
  const [product, bare] = [median(rounds.map((one) => one.spreadMs)), median(rounds.map((one) => one.bareMs))];
  return judged(bench, {
    what,
    goal: `≤ ${RATIO} × the bare loop’s`,
    result: `${figure(product)} ms, bare loop ${figure(bare)} ms (${howOften(rounds)})`,
    ratio: times(product / bare),
    met: product <= RATIO * bare,
  });
}
