// What happens to a run: its opening, its decisions, its end, and the schedule that calls for it.
import type { Side } from '../../domain/types.ts';
import type { Alert, Failure, MaybeAlert } from './severity.ts';

/** A signal as the header of a scan shows it; `priceMinor` null: there is no price to decide at. */
export interface ScannedSignal {
  id: string;
  rank: number;
  symbol: string;
  side: Side;
  referencePriceMinor: number;
  priceMinor: number | null;
  stopLossMinor: number | null;
  targetMinor: number | null;
}

/** How many of a signal's orders have ended. */
export interface SignalProgress {
  signalId: string;
  symbol: string;
  side: Side;
  done: number;
  total: number;
}

type RunState = 'planning' | 'decided' | 'done';

export interface RunEvents {
  /** the session, its signals with their prices, and the number of users */
  scanned: {
    runId: string;
    session: string;
    state: RunState | null;
    nowMs: number;
    users: number;
    signals: ScannedSignal[];
    pricesFrom: 'signal' | null;
  };
  /** the run’s signals, prices and users are frozen */
  run_opened: { runId: string; signals: number };
  /** a run that was resumed late got new prices for whoever was undecided */
  run_repriced: { runId: string };
  /** one page of users was decided and accepted */
  page_accepted: { runId: string; users: number; decisions: number; accepted: number };
  /** a page took too long or was refused, and is accepted in halves */
  page_halved: { runId: string; users: number; code: string; reason: string };
  /** some users could not be decided on; the others go on */
  users_not_decided: Alert<Failure & { users: number; about: string }>;
  /** orders were denied for being worth more than can be computed with exactly */
  beyond_exact_numbers: Alert<{ users: number; about: string }>;
  /** every user of the run is decided; its orders may be claimed */
  run_decided: { runId: string; planHash: string | null };
  /** the run’s orders are being sent; how many of each signal have ended */
  sending: { runId: string; signals: SignalProgress[] };
  /** how much of the run is still open, and when the next of it is due */
  run_checked: {
    runId: string;
    state: RunState;
    openOrders: number;
    openMessages: number;
    nextDueMs: number | null;
  };
  /** a run that was left in its planning could not be closed; it is tried again */
  run_not_closed: Alert<Failure & { runId: string }>;
  /** a run that was left in its planning could not be closed beside the worker; it is tried again */
  run_closing_failed: Failure;
  /** this process only serves HTTP and may not end orders: a worker closes what an earlier day left */
  run_closing_left_to_worker: Record<never, never>;
  /** a run that a request had begun was left before its end; the next call goes on with it */
  run_interrupted: Alert<Failure>;
  /** the schedule’s scan is over, or was skipped with a reason */
  scan_finished: { runId: string | null; skipped: { reason: string; nextSession: string | null } | null };
  /** the schedule’s scan can’t be carried out as the settings stand */
  scan_not_started: Alert<{ code: string; message: string }>;
  /** the schedule’s scan failed, and is tried again until the cut-off; an alert the first time */
  scan_failed: MaybeAlert<Failure & { tries: number }>;
  /** the check after the scan finds no run of the day */
  run_missing: Alert<{ runId: string; users: number; signals: number; halted: string | null }>;
  /** the check after the scan finds the run still planning */
  run_unfinished: Alert<{ runId: string }>;
  /** whether today’s run is there could not be found out */
  run_check_failed: Alert<Failure>;
  /** the calendar does not know the day: nothing is traded */
  beyond_calendar: Alert<{ date: string }>;
  /** how long one stage took */
  stage_done: { stage: string; ms: number };
  /** no price source had these symbols: their signals are `price_unavailable` */
  quotes_missing: { symbols: string[]; count: number };
  /** a venue gave no prices under this user’s session; another session is tried */
  venue_quotes_unavailable: { venue: string; userId: string; reason: string };
  /** a venue gave no margins for this user: their orders are `margin_unavailable` */
  venue_margins_unavailable: { venue: string; userId: string; reason: string };
  /** a faults file names nobody and nothing of this run */
  fault_matches_nothing: Alert<{ names: string }>;
}
