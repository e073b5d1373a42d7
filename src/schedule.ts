// The daily timetable of a market: readiness, the scan, its dead-man check and the evening's reconciliation, in its time.
import { schedule } from 'node-cron';
import type { DayOverride } from './domain/market/calendar.ts';
import { exchangesDueIn, type Market, xnse } from './domain/market/market.ts';
import {
  dateIn,
  dueMsOf,
  msIn,
  runIdOf,
  type Session,
  sessionAt,
  sessionOf,
  tradingDay,
} from './domain/market/session.ts';
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
export type ScanSettings = Pick<RunRequest, 'mode' | 'market' | 'cutOffTime' | 'limits' | 'concurrency' | 'inline'>;

/**
 * Times of the market's zone, every day of the week: an exchange opens on some Sundays (the Union Budget's), and the
 * calendar, not the weekday, says whether it trades. None is in the hours a clock skips or repeats.
 */
function timesOf({ times, slots }: Market) {
  const daily = (time: string) => `${Number(time.slice(3))} ${Number(time.slice(0, 2))} * * *`;
  const { ready, readyAgain, check, sync } = times;
  return {
    ...{ ready: daily(ready), readyAgain: daily(readyAgain), scan: daily(slots.open.due) },
    ...{ check: daily(check), sync: daily(sync) },
  };
}

/** A database that is gone when the slot is due may be back before the cut-off. */
const RETRY_MS = 15_000;
/** Past the cut-off there is only a begun run to close. */
const CLOSE_RETRY_MS = 60_000;
/** A scan that sends its own orders waits for them as long as `npm run scan` does. */
const INLINE_WAIT_MS = 120_000;
/** A machine that slept through that minute still scans when it wakes; the cut-off decides what that scan may do. */
const LATE_MS = 15 * 60_000;

type Day = { market?: Market | undefined; cutOffTime: string; overrides: readonly DayOverride[] };

/** What the clock asks of a scheduler. The two are due at the same time from the check to the cut-off (NSE 09:25). */
export interface Due {
  /** The session to scan for, from when it is due to before the cut-off (NSE 09:20). */
  scan: Session | null;
  /** The session that must have a run by now, from the check to the end of the day's trading. */
  check: Session | null;
  /** The calendar does not know the day: nothing will be traded until it is updated. */
  beyondCalendar: boolean;
}

/** What is due at an instant: pure, so that a test needs no timer. */
export function dueAt(nowMs: number, { market = xnse, ...day }: Day): Due {
  const query = { market, slot: 'open', ...day } as const;
  const date = dateIn(market, nowMs);
  const current = sessionOf({ ...query, date });
  if (current.kind !== 'session')
    return { scan: null, check: null, beyondCalendar: current.kind === 'beyond_coverage' };
  const { session } = current;
  const scan = sessionAt(nowMs, query).kind === 'due' && nowMs >= session.dueMs;
  const check = nowMs >= msIn(market, date, market.times.check) && nowMs < session.continuousEndMs;
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
    const { market = xnse, cutOffTime } = settings;
    const overrides = await world.operatorDays(market).catch(() => []);
    const next = dueAt(world.clock.nowMs() + RETRY_MS, { market, cutOffTime, overrides });
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
 * The dead-man check: on a trading day with no run (or one still planning) by its time, or when that can't be found out,
 * somebody is told. It trusts no scheduler but the one of this process.
 */
export async function checkNow(world: World, { mode, market = xnse, cutOffTime }: ScanSettings): Promise<void> {
  const nowMs = world.clock.nowMs();
  try {
    const due = dueAt(nowMs, { market, cutOffTime, overrides: await world.operatorDays(market) });
    if (due.beyondCalendar) world.emit({ type: 'beyond_calendar', alert: true, date: dateIn(market, nowMs) });
    if (due.check === null) return;
    const runId = runIdOf(due.check.id, mode);
    const inputs = await world.store.call('read_inputs', { mode, tradeDate: due.check.date, runId });
    const { runState, users, halted } = inputs;
    const exchanges = exchangesDueIn(market);
    const signals = inputs.signals.filter(({ exchange }) => exchanges.includes(exchange)).length;
    if (runState === 'planning') world.emit({ type: 'run_unfinished', alert: true, runId });
    if (runState !== null) return;
    world.emit({ type: 'run_missing', alert: true, runId, users, signals, halted });
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

async function tradesToday({ clock, operatorDays }: World, { mode, market = xnse }: ScanSettings): Promise<boolean> {
  if (mode !== 'live') return false;
  return tradingDay(market, dateIn(market, clock.nowMs()), await operatorDays(market)).kind === 'open';
}

/** At the start: what was due while nobody ran. Past the cut-off, a run that was opened in time is closed properly. */
async function catchUp(world: World, settings: ScanSettings, stop: AbortSignal): Promise<void> {
  const { market = xnse, cutOffTime } = settings;
  const overrides = await world.operatorDays(market);
  const nowMs = world.clock.nowMs();
  const due = dueAt(nowMs, { market, cutOffTime, overrides });
  const date = dateIn(market, nowMs);
  // Until the scan: while a run is under way its accounts are left in peace.
  if (nowMs >= msIn(market, date, market.times.ready) && nowMs < dueMsOf(market, date)) {
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

/**
 * A market's day by its own clock, whatever the machine's, until it is told to stop: for the NSE readiness at 08:45 and
 * 09:10, the scan at 09:20, its check at 09:25, the sync at 15:45.
 */
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
  const { market = xnse } = settings;
  const times = timesOf(market);
  const options = { timezone: market.zone, noOverlap: true, missedExecutionTolerance: LATE_MS };
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
