// Bench case: a scan on the embedded database, a new process each time.
import { z } from 'zod';
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
import { startPart } from '../child-process.ts';

/** The embedded database, each time in a process of its own: what somebody who starts a scan waits for. */
export const embedded: BenchCase = {
  name: 'embedded',
  what: 'a scan on the embedded database, from when the database is open; a new process each time',
  async measure(bench) {
    const users = scaled(bench, 1_000, 2);
    const sample = await repeated(bench, 'cheap', () => scanned('sample', 1));
    const many = await repeated(bench, 'cheap', () => scanned('day', users));
    return [
      rowOf(bench, 'the sample session, 7 users × 3 signals', sample, 300),
      rowOf(bench, `${figure(users)} users × 3 signals`, many, 1_800),
    ];
  },
};

const scan = z.object({ ms: z.number(), openMs: z.number(), sinceStartMs: z.number(), filled: z.int() });
type Scan = z.infer<typeof scan>;

async function scanned(what: 'sample' | 'day', users: number): Promise<Scan> {
  const part = startPart('embedded', { what, users });
  try {
    return scan.parse(await part.nextMessage());
  } finally {
    await part.stop();
  }
}

function rowOf(bench: Bench, what: string, scans: Scan[], goalMs: number): Row {
  const ms = median(scans.map((one) => one.ms));
  const opened = figure(median(scans.map((one) => one.openMs)));
  const sinceStart = figure(median(scans.map((one) => one.sinceStartMs)));
  const how = `${howOften(scans)}; opening the database ${opened} ms, all from the process's start ${sinceStart} ms`;
  return judged(bench, {
    what,
    goal: `≤ ${figure(goalMs)} ms`,
    result: `${figure(ms)} ms, ${scans[0]?.filled} filled (${how})`,
    ratio: times(ms / goalMs),
    met: ms <= goalMs,
  });
}
