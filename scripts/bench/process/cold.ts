// Bench case: how long a new process takes to its first HTTP answer.
import { z } from 'zod';
import {
  type Bench,
  type BenchCase,
  figure,
  howOften,
  judged,
  median,
  notMeasured,
  type Row,
  recorded,
  repeated,
  times,
} from '../bench-case.ts';
import { startPart } from '../child-process.ts';

const GOAL_MS = 400;
const CRON_SECRET = 'a-secret-for-the-bench-only';

/** How long a platform's new instance takes to its first answer. */
export const cold: BenchCase = {
  name: 'cold',
  what: 'from the import of src/server.ts to the first answer, a new process each time',
  async measure(bench) {
    const database = await bench.server.fresh();
    try {
      const env = { DATABASE_URL: database.url, CRON_SECRET, LOG_LEVEL: 'silent' };
      const starts = await repeated(bench, 'cheap', () => started(env));
      const bundle = 'it takes the platform’s own builder: `node scripts/deploy/vercel-build.ts` prints it';
      return [...rowsOf(bench, starts), notMeasured('the built bundle', `≤ ${GOAL_MS} ms`, bundle)];
    } finally {
      await database.close();
    }
  },
};

/** Milliseconds since the import began. */
const start = z.object({ importedMs: z.number(), healthMs: z.number(), readyMs: z.number() });
type Start = z.infer<typeof start>;

async function started(env: Record<string, string>): Promise<Start> {
  const part = startPart('cold', {}, env);
  try {
    return start.parse(await part.nextMessage());
  } finally {
    await part.stop();
  }
}

function rowsOf(bench: Bench, starts: Start[]): Row[] {
  const of = (name: keyof Start) => median(starts.map((one) => one[name]));
  const often = howOften(starts);
  return [
    judged(bench, {
      what: 'import to the first answer (/health)',
      goal: `≤ ${GOAL_MS} ms`,
      result: `${figure(of('healthMs'))} ms (${often}; imported after ${figure(of('importedMs'))} ms)`,
      ratio: times(of('healthMs') / GOAL_MS),
      met: of('healthMs') <= GOAL_MS,
    }),
    recorded('import to the first answer that asks the database (/ready)', `${figure(of('readyMs'))} ms (${often})`),
  ];
}
