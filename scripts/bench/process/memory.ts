import { z } from 'zod';
import { startPart } from '../child-process.ts';
import { importDay } from '../core/day.ts';
import { type Bench, type BenchCase, figure, judged, type Row, recorded, sized, times } from '../frame.ts';

const SIGNALS = 5;
const MOST_MIB = 300;
/** Four times the users may take so much more: what a process takes is never the same twice. */
const FLAT = 1.25;
/** A database that is slower than its goals ends a stage here; the row says how far it came. */
const LONGEST_MS = 300_000;

/** What a scan takes of memory, in a process of its own: above what the process takes once it is connected. */
export const memory: BenchCase = {
  name: 'memory',
  what: 'resident memory of a scan of 100,000 users × 5 signals, planned and sent, above idle',
  async measure(bench) {
    const [few, many] = [sized(bench, 25_000, 2), sized(bench, 100_000, 8)];
    const small = await takenBy(bench, few);
    const large = await takenBy(bench, many);
    return [...rowsOf(bench, few, small, many, large), reportRow(many, large)];
  },
};

const taken = z.object({
  idleMib: z.number(),
  planMib: z.number(),
  sendMib: z.number(),
  decisions: z.int(),
  sent: z.int(),
  report: z.union([z.object({ mib: z.number() }), z.object({ failed: z.string() })]),
});
type Taken = z.infer<typeof taken>;

async function takenBy(bench: Bench, users: number): Promise<Taken> {
  const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
  try {
    const database = await bench.server.fresh(prepared);
    const part = startPart('memory', { url: database.url, concurrency: bench.concurrency, longestMs: LONGEST_MS });
    try {
      return taken.parse(await part.heard());
    } finally {
      await part.stop();
      await database.close();
    }
  } finally {
    await prepared.drop();
  }
}

const mostOf = ({ idleMib, planMib, sendMib }: Taken) => Math.max(planMib, sendMib) - idleMib;

function rowsOf(bench: Bench, few: number, small: Taken, many: number, large: Taken): Row[] {
  const [least, most] = [mostOf(small), mostOf(large)];
  const told = ({ decisions, sent, idleMib, planMib, sendMib }: Taken) => {
    const stages = `planning ${figure(decisions)} decisions +${figure(planMib - idleMib)}`;
    return `${stages}, sending ${figure(sent)} orders +${figure(sendMib - idleMib)} MiB`;
  };
  const whole = large.sent === many * SIGNALS && small.sent === few * SIGNALS;
  const cut = whole ? '' : ` (ended after ${LONGEST_MS / 1000} s a stage)`;
  return [
    judged(bench, {
      what: `${figure(many)} users × ${SIGNALS} signals`,
      goal: `≤ ${MOST_MIB} MiB above idle`,
      result: `+${figure(most)} MiB: ${told(large)}${cut}`,
      ratio: times(most / MOST_MIB),
      met: most <= MOST_MIB && whole,
    }),
    judged(bench, {
      what: `beside ${figure(few)} users × ${SIGNALS} signals`,
      goal: `flat: ≤ ${FLAT} × as much`,
      result: `+${figure(least)} MiB: ${told(small)}`,
      ratio: times(most / least),
      met: most <= FLAT * least && whole,
    }),
  ];
}

/** The report holds every order and decision: it grows with them. */
function reportRow(users: number, { idleMib, report }: Taken): Row {
  const result = 'failed' in report ? `failed: ${report.failed}` : `+${figure(report.mib - idleMib)} MiB above idle`;
  return recorded(`the whole report of ${figure(users)} users, read afterwards`, result);
}
