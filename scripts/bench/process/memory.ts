// Bench case: the memory a scan of 100,000 users takes.
import { z } from 'zod';
import { type Bench, type BenchCase, figure, judged, type Row, recorded, scaled, times } from '../bench-case.ts';
import { startPart } from '../child-process.ts';
import { importDay } from '../core/day.ts';

const SIGNALS = 5;
const MAX_MIB = 300;
/** Four times the users may take so much more: what a process takes is never the same twice. */
const FLAT = 1.25;
/** A database that is slower than its goals ends a stage here; the row says how far it came. */
const MAX_STAGE_MS = 300_000;

/** What a scan takes of memory, in a process of its own: above what the process takes once it is connected. */
export const memory: BenchCase = {
  name: 'memory',
  what: 'resident memory of a scan of 100,000 users × 5 signals, planned and sent, above idle',
  async measure(bench) {
    const [few, many] = [scaled(bench, 25_000, 2), scaled(bench, 100_000, 8)];
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
    const part = startPart('memory', { url: database.url, concurrency: bench.concurrency, longestMs: MAX_STAGE_MS });
    try {
      return taken.parse(await part.nextMessage());
    } finally {
      await part.stop();
      await database.close();
    }
  } finally {
    await prepared.drop();
  }
}

const peakAboveIdle = ({ idleMib, planMib, sendMib }: Taken) => Math.max(planMib, sendMib) - idleMib;

function rowsOf(bench: Bench, few: number, small: Taken, many: number, large: Taken): Row[] {
  const [smallPeak, largePeak] = [peakAboveIdle(small), peakAboveIdle(large)];
  const stagesOf = ({ decisions, sent, idleMib, planMib, sendMib }: Taken) => {
    const stages = `planning ${figure(decisions)} decisions +${figure(planMib - idleMib)}`;
    return `${stages}, sending ${figure(sent)} orders +${figure(sendMib - idleMib)} MiB`;
  };
  const whole = large.sent === many * SIGNALS && small.sent === few * SIGNALS;
  const cut = whole ? '' : ` (ended after ${MAX_STAGE_MS / 1000} s a stage)`;
  return [
    judged(bench, {
      what: `${figure(many)} users × ${SIGNALS} signals`,
      goal: `≤ ${MAX_MIB} MiB above idle`,
      result: `+${figure(largePeak)} MiB: ${stagesOf(large)}${cut}`,
      ratio: times(largePeak / MAX_MIB),
      met: largePeak <= MAX_MIB && whole,
    }),
    judged(bench, {
      what: `beside ${figure(few)} users × ${SIGNALS} signals`,
      goal: `flat: ≤ ${FLAT} × as much`,
      result: `+${figure(smallPeak)} MiB: ${stagesOf(small)}`,
      ratio: times(largePeak / smallPeak),
      met: largePeak <= FLAT * smallPeak && whole,
    }),
  ];
}

/** The report holds every order and decision: it grows with them. */
function reportRow(users: number, { idleMib, report }: Taken): Row {
  const result = 'failed' in report ? `failed: ${report.failed}` : `+${figure(report.mib - idleMib)} MiB above idle`;
  return recorded(`the whole report of ${figure(users)} users, read afterwards`, result);
}
