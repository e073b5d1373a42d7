import type { Fault } from '../domain/faults.ts';
import type { Quote } from '../domain/words.ts';

/** The arguments of what people ask the database for. */
export interface ReportArguments {
  read_user: { userId: string };
  find_users: { user: string };
  read_calendar_days: { exchange: string };
  read_report: { runId: string };
  read_report_decisions: { runId: string; afterPosition: number; afterPlace: number; limit: number };
  read_report_messages: { runId: string; afterPlace: number; limit: number };
  read_run_timings: { runId: string };
  why: { user: string; symbol: string; date: string | null };
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
