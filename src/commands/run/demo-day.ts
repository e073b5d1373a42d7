// The demo’s day: readiness, scan, check and evening, on the demo’s own clock.
import { istMs, istTime } from '../../domain/market/india-time.ts';
import { runIdOf, sessionIdOf } from '../../domain/market/session.ts';
import type { World } from '../../ports/world.ts';
import { checkNow, readyNow, type Schedule, type ScheduleDeps, scanNow, syncNow } from '../../schedule.ts';
import { countsOf } from '../../stages/report/report.ts';
import { stopped } from '../../stages/until-stopped.ts';
import { sessionOverText } from './demo-text.ts';

interface DemoScheduleParts extends ScheduleDeps {
  /** The one day of the demo. */
  date: string;
  say: (text: string) => void;
}

interface Due {
  time: string;
  work: () => Promise<void>;
}

/** It reads its clock at least so often: that is how soon it ends after a stop. */
const POLL_MS = 1_000;

/**
 * What the schedule of `npm start` does on a trading day, on the demo's own clock: readiness, the scan, its check, the
 * end of the session and the evening. Started later in the day, it does first what was due before, as `npm start` does.
 */
export function demoSchedule({ world, settings, stop, wake, date, say }: DemoScheduleParts): Schedule {
  const times: Due[] = [
    { time: '09:15', work: () => readyNow(world, settings, stop) },
    { time: '09:20', work: () => scanNow(world, settings, stop).then(() => sayScanned(world, date, say)) },
    { time: '09:25', work: () => checkNow(world, settings) },
    { time: '15:30', work: async () => say(sessionOverText(world.clock.nowMs())) },
    { time: '15:45', work: () => syncNow(world, settings, stop) },
  ];
  const scanMs = istMs(date, '09:20');
  return {
    nextScanMs: world.clock.nowMs() < scanMs ? scanMs : null,
    ended: throughTheDay(world, date, times, stop, wake),
  };
}

async function throughTheDay(
  world: World,
  date: string,
  times: readonly Due[],
  stop: AbortSignal,
  wake: () => void,
): Promise<void> {
  const { clock, emit } = world;
  const whenStopped = stopped(stop);
  for (const { time, work } of times) {
    const atMs = istMs(date, time);
    while (!stop.aborted && clock.nowMs() < atMs) {
      await Promise.race([clock.sleep(Math.min(atMs - clock.nowMs(), POLL_MS)), whenStopped]);
    }
    if (stop.aborted) return;
    await work().catch((error: unknown) => emit({ type: 'schedule_failed', alert: true, error }));
    wake();
  }
}

/** What the scan came to; its orders are with the worker then. */
async function sayScanned(world: World, date: string, say: (text: string) => void): Promise<void> {
  const runId = runIdOf(sessionIdOf('XNSE', date, 'open'), 'paper');
  const report = await countsOf(world.store, runId);
  const time = istTime(world.clock.nowMs());
  if (!report) return say(`${time}  There was no scan: it was past the cut-off when the demo was started again.`);
  const { decisions, accepted, skipped, denied } = report.totals;
  say(
    `${time}  Scan ${runId}: ${decisions} decisions, ${accepted} orders accepted, ${skipped} skipped, ${denied} denied.\n` +
      'The worker sends the orders to the simulated venue; each user’s summary is printed when theirs have ended.',
  );
}
