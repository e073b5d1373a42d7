// The arguments of reports and of the simulated venue.
import type { Fault } from '../../domain/faults.ts';
import type { Quote } from '../../domain/types.ts';

/** The arguments of what people ask the database for. */
export interface ReportArguments {
  read_user: { userId: string };
  find_users: { user: string };
  read_calendar_days: { exchange: string };
  read_report: { runId: string };
  read_report_decisions: { runId: string; afterPosition: number; afterQueuePosition: number; limit: number };
  read_report_messages: { runId: string; afterQueuePosition: number; limit: number };
  read_run_timings: { runId: string };
  read_report_reasons: { runId: string };
  read_report_page: {
    runId: string;
    afterQueuePosition: number;
    limit: number;
    userId: string | null;
    status: string | null;
    /** Where the status is looked for. */
    of: 'all' | 'messages';
  };
  read_runs: { named: string | null; after: string | null; limit: number };
  read_positions: { userId: string | null; mode: string | null; after: string | null; limit: number };
  read_day: { tradeDate: string; mode: string };
  /** `mode`, `userId`, `after`: null for all, everybody and from the first account. `entries`: about how many per page. */
  read_facts: { mode: string | null; userId: string | null; after: number | null; entries: number };
  /** `symbol` null: all of the day. */
  why: { user: string; symbol: string | null; date: string | null };
}

/** The arguments of the simulated venue. */
export interface PaperVenueArguments {
  paper_venue_prepare: {
    tradeDate: string;
    quotes: Quote[];
    faults: Fault[] | null;
  };
  paper_venue_submit: { orders: object[] };
  paper_venue_lookup: { clientOrderId: string; nowMs: number };
}
