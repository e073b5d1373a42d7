// The memory case's process: plans and sends a day and measures its resident memory.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { countsOf, reportOf } from '../../../src/stages/report/report.ts';
import { listen, say } from '../child-process.ts';
import { benchRequest, benchWorld, planned } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';

const MIB = 2 ** 20;

/** Plans and sends a prepared day, and says the most resident memory of each stage. */
export async function memoryPart(input: unknown): Promise<void> {
  const options = z.object({ url: z.string(), concurrency: z.int(), longestMs: z.number() }).parse(input);
  listen(() => undefined);
  const { url, concurrency, longestMs } = options;
  const store = makeStore(openPostgres({ url, max: 10 }), { virtual: true });
  let decisions = 0;
  const world = await benchWorld({
    url,
    store,
    venue: instantVenue(),
    emit: (event) => {
      if (event.type === 'page_accepted') decisions += event.decisions;
    },
  });
  await store.call('count_unfinished', {});
  await pause(200);
  const idleMib = process.memoryUsage.rss() / MIB;
  const stop = () => AbortSignal.timeout(longestMs);
  const plan = await peakOf(() => planned(world, { ...benchRequest(concurrency), stop: stop() }));
  const send = await peakOf(async () => {
    const sent = await execute(world, concurrency, stop());
    // What a scheduled run ends with.
    await countsOf(store, plan.result.runId);
    return sent;
  });
  const report = await reportPeak(store, plan.result.runId);
  say({ idleMib, planMib: plan.mib, sendMib: send.mib, decisions, sent: send.result, report });
}

async function reportPeak(store: Store, runId: string): Promise<{ mib: number } | { failed: string }> {
  try {
    return { mib: (await peakOf(() => reportOf(store, runId))).mib };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

/** The most resident memory, in MiB, while something is done. */
async function peakOf<Result>(work: () => Promise<Result>): Promise<{ mib: number; result: Result }> {
  let mib = process.memoryUsage.rss() / MIB;
  const measure = () => {
    mib = Math.max(mib, process.memoryUsage.rss() / MIB);
  };
  const timer = setInterval(measure, 20);
  try {
    const result = await work();
    measure();
    return { mib, result };
  } finally {
    clearInterval(timer);
  }
}
