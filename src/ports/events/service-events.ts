// What happens to the service itself: HTTP, its parts, its clock, its housekeeping.
import type { Alert, Failure, MaybeAlert } from './severity.ts';

export interface ServiceEvents {
  /** one HTTP request: method, path without query, status, time, caller */
  http: {
    requestId: string;
    method: string;
    path: string;
    route: string;
    status: number;
    ms: number;
    principal: string | undefined;
  };
  /** a request failed in a way nobody foresaw */
  request_failed: Alert<Failure & { requestId: unknown }>;
  /** an HTTP connection was refused before it became a request */
  connection_refused: { why: string };
  /** a client broke off in the middle of its request */
  upload_aborted: Record<never, never>;
  /** work behind an answered request failed */
  background_task_failed: Alert<Failure>;
  /** a client’s stream of order events ended with an error */
  stream_failed: Failure;
  /** streams of orders wait: their events can’t be read */
  order_events_read_failed: Alert<Failure & { orders: number }>;
  /** a source sent signals: how many were taken, repeated or refused */
  signals_received: { source: string; accepted: number; duplicates: number; rejected: number };
  /** a whole request of signals was refused; the reason says why */
  signals_invalid: { source: string; why: string };
  /** the issuer’s published keys can’t be read: logins get 503, API keys work */
  logins_unavailable: Failure;
  /** when API keys were last used could not be written */
  key_uses_write_failed: Failure & { hints: number };
  /** the figures for /metrics can’t be read */
  metrics_read_failed: Alert<Failure>;
  /** /ready says no */
  not_ready: Alert<Failure>;
  /** a part of the worker failed; the others go on, and it starts again */
  part_failed: Alert<Failure & { part: string; againInMs: number }>;
  /** a job of the schedule failed */
  schedule_failed: Alert<Failure>;
  /** this process does nothing until its clock is set; an alert the first time. `met` is what failed for it */
  clock_wrong: MaybeAlert<Failure & { met: string }>;
  /** an error nobody caught; the process goes on */
  unhandled_rejection: Alert<Failure>;
  /** a cold start took long; the text says what of it */
  slow_start: { text: string };
  /** rows past their time were deleted, with the count */
  old_rows_deleted: { count: number };
}
