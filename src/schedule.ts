// The daily timetable: readiness, the scan, its dead-man check and the evening's reconciliation, in Indian time.
import { schedule } from 'node-cron';
import type { DayOverride } from './domain/market/calendar.ts';
import { istDate, istMs } from './domain/market/india-time.ts';
import { xnse } from './domain/market/market.ts';
import { runIdOf, type Session, sessionAt, sessionOf, tradingDay } from './domain/market/session.ts';
import type { World } from './ports/world.ts';
import { run } from './run.ts';
import { sync } from './stages/accounts/evening-sync.ts';
import { ready } from './stages/accounts/readiness.ts';
import { checkBooksTonight } from './stages/books/check-books.ts';
import { forgetOld } from './stages/report/retention.ts';
import { noInputs, type RunRequest } from './stages/scan/request.ts';
import { supervised } from './stages/supervised.ts';
import { stopped } from './stages/until-stopped.ts';

/** The settings a scheduled scan shares with every other scan. */
export type ScanSettings = Pick<RunRequest, 'mode' | 'cutOffTime' | 'limits' | 'concurrency' | 'inline'>;

/**
 * IST, every day of the week: the exchange opens on some Sundays (the Union Budget's), and the calendar, not the
 * weekday, says whether it trades.
 */
const times = {
  ready: '45 8 * * *',
  /** For whoever has logged in since. */
  readyAgain: '10 9 * * *',
  scan: '20 9 * * *',
  check: '25 9 * * *',
  sync: '45 15 * * *',
} as const;

/** From then on a session without a run is a missing one. */
const CHECK_AFTER_MS = 5 * 60_000;
/** A database that is gone at 09:20 may be back before the cut-off. */
const RETRY_MS = 15_000;
/** Past the cut-off there is only a begun run to close. */
const CLOSE_RETRY_MS = 60_000;
/** A scan that sends its own orders waits for them as long as `npm run scan` does. */
const INLINE_WAIT_MS = 120_000;
/** A machine that slept through 09:20 still scans when it wakes; the cut-off decides what that scan may do. */
const LATE_MS = 15 * 60_000;

type Day = { cutOffTime: string; overrides: readonly DayOverride[] };

/** What the clock asks of a scheduler. The two are due at the same time from 09:25 to the cut-off. */
export interface Due {
  /** The session to scan for, from 09:20 to before the cut-off. */
  scan: Session | null;
  /** The session that must have a run by now, from 09:25 to the end of the day's trading. */
  check: Session | null;
  /** The calendar does not know the day: nothing will be traded until it is updated. */
  beyondCalendar: boolean;
}

/** What is due at an instant: pure, so that a test needs no timer. */
export function dueAt(nowMs: number, day: Day): Due {
  const query = { market: xnse, slot: 'open', ...day } as const;
  const current = sessionOf({ ...query, date: istDate(nowMs) });
  if (current.kind !== 'session')
    return { scan: null, check: null, beyondCalendar: current.kind === 'beyond_coverage' };
  const { session } = current;
  const scan = sessionAt(nowMs, query).kind === 'due' && nowMs >= session.dueMs;
  const check = nowMs >= session.dueMs + CHECK_AFTER_MS && nowMs < session.continuousEndMs;
  return { scan: scan ? session : null, check: check ? session : null, beyondCalendar: false };
}

/**
 * The scan of the schedule: all from the database. One that fails is tried again until the cut-off, and somebody is
 * told at its first failure: whatever it had written is finished by the next try.
 */
export async function scanNow(world: World, settings: ScanSettings, stop: AbortSignal): Promise<void> {
  const request = scheduledRequest(settings, stop);
  const whenStopped = stopped(stop);
  for (let tries = 1; !stop.aborted; tries += 1) {
    try {
      const result = await run(world, request);
      if (result.kind === 'refused')
        world.emit({ type: 'scan_not_started', alert: true, code: result.code, message: result.message });
      else world.emit({ type: 'scan_finished', runId: result.report.runId, skipped: result.report.skipped });
      return;
    } catch (error) {
      world.emit({ type: 'scan_failed', ...(tries === 1 ? { alert: true as const } : {}), tries, error });
    }
    const overrides = await world.operatorDays(xnse).catch(() => []);
    const next = dueAt(world.clock.nowMs() + RETRY_MS, { cutOffTime: settings.cutOffTime, overrides });
    // Past the cut-off nothing new is decided, but a run that was begun is closed, as soon as that can be done.
    if (next.scan === null && next.check === null) return;
    await Promise.race([world.clock.sleep(next.scan ? RETRY_MS : CLOSE_RETRY_MS), whenStopped]);
  }
}

function scheduledRequest(settings: ScanSettings, stop: AbortSignal): RunRequest {
  const waitMs = settings.inline ? INLINE_WAIT_MS : 0;
  return {
    ...settings,
    dryRun: false,
    expectPlan: null,
    waitMs,
    stop,
    inputs: { ...noInputs, by: { who: 'schedule', how: 'service' } },
    onlyCounts: true,
  };
}

/**
 * The dead-man check: on a trading day with no run (or one still planning) by 09:25, or when that can't be found out,
 * somebody is told. It trusts no scheduler but the one of this process.
 */
export async function checkNow(world: World, { mode, cutOffTime }: ScanSettings): Promise<void> {
  const nowMs = world.clock.nowMs();
  try {
    const due = dueAt(nowMs, { cutOffTime, overrides: await world.operatorDays(xnse) });
    if (due.beyondCalendar) world.emit({ type: 'beyond_calendar', alert: true, date: istDate(nowMs) });
    if (due.check === null) return;
    const runId = runIdOf(due.check.id, mode);
    const inputs = await world.store.call('read_inputs', { mode, tradeDate: due.check.date, runId });
    const { runState, users, halted } = inputs;
    if (runState === 'planning') world.emit({ type: 'run_unfinished', alert: true, runId });
    if (runState !== null) return;
    world.emit({ type: 'run_missing', alert: true, runId, users, signals: inputs.signals.length, halted });
  } catch (error) {
    world.emit({ type: 'run_check_failed', alert: true, error });
  }
}

/** Readiness of live accounts on a trading day. Without it they trade nothing, so whoever watches is told of a failure. */
export async function readyNow(world: World, settings: ScanSettings, stop: AbortSignal): Promise<void> {
  try {
    if (await tradesToday(world, settings)) await ready(world, { ...settings, stop });
  } catch (error) {
    world.emit({ type: 'ready_failed', alert: true, error });
  }
}

/** The evening: months that are over are closed, the books are checked against themselves, those of live accounts against their venues'; what is old is forgotten. */
export async function syncNow(world: World, settings: ScanSettings, stop: AbortSignal): Promise<void> {
  await checkBooksTonight(world, stop);
  try {
    if (await tradesToday(world, settings)) await sync(world, { ...settings, stop });
    await forgetOld(world, stop);
  } catch (error) {
    world.emit({ type: 'sync_failed', alert: true, error });
  }
}

async function tradesToday({ clock, operatorDays }: World, { mode }: ScanSettings): Promise<boolean> {
  return mode === 'live' && tradingDay(xnse, istDate(clock.nowMs()), await operatorDays(xnse)).kind === 'open';
}

/** At the start: what was due while nobody ran. Past the cut-off, a run that was opened in time is closed properly. */
async function catchUp(world: World, settings: ScanSettings, stop: AbortSignal): Promise<void> {
  const overrides = await world.operatorDays(xnse);
  const nowMs = world.clock.nowMs();
  const due = dueAt(nowMs, { cutOffTime: settings.cutOffTime, overrides });
  // Until the scan: while a run is under way its accounts are left in peace.
  if (nowMs >= istMs(istDate(nowMs), '08:45') && nowMs < istMs(istDate(nowMs), '09:20')) {
    await readyNow(world, settings, stop);
  }
  if (due.scan || due.check) await scanNow(world, settings, stop);
  if (due.check || due.beyondCalendar) await checkNow(world, settings);
}

export interface ScheduleDeps {
  world: World;
  settings: ScanSettings;
  stop: AbortSignal;
  /** Called after each scan: there may be work. */
  wake: () => void;
}

export interface Schedule {
  /** When the next scan is, in milliseconds since the epoch. */
  nextScanMs: number | null;
  /** Resolves when it was stopped and what was under way has ended. */
  ended: Promise<void>;
}

/** Readiness at 08:45 and 09:10, the scan at 09:20, its check at 09:25, the sync at 15:45: Indian time whatever the machine's, until it is told to stop. */
export function startSchedule({ world, settings, stop, wake }: ScheduleDeps): Schedule {
  const underWay = new Set<Promise<void>>();
  const during = (work: () => Promise<void>) => async () => {
    const job = work().catch((error: unknown) => world.emit({ type: 'schedule_failed', alert: true, error }));
    underWay.add(job);
    await job;
    underWay.delete(job);
    wake();
  };
  const work = {
    ready: during(() => readyNow(world, settings, stop)),
    readyAgain: during(() => readyNow(world, settings, stop)),
    scan: during(() => scanNow(world, settings, stop)),
    check: during(() => checkNow(world, settings)),
    sync: during(() => syncNow(world, settings, stop)),
  };
  const options = { timezone: 'Asia/Kolkata', noOverlap: true, missedExecutionTolerance: LATE_MS };
  const taskOf = (name: keyof typeof times) => schedule(times[name], work[name], { ...options, name });
  const scanTask = taskOf('scan');
  const tasks = [scanTask, taskOf('check'), taskOf('ready'), taskOf('readyAgain'), taskOf('sync')];
  void during(() => supervised(world, 'catching up', stop, () => catchUp(world, settings, stop)))();
  const ended = stopped(stop).then(async () => {
    for (const task of tasks) await task.destroy();
    await Promise.all(underWay);
  });
  return { nextScanMs: scanTask.getNextRun()?.getTime() ?? null, ended };
}
