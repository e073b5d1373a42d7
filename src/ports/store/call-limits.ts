// How long each database function may take, and which ones are reports.
import { DEFAULT_LIMIT_MS } from '../database.ts';
import type { StoreFunction } from './store.ts';

/** For what goes over a whole run, file or year: nobody waits for it at a screen. */
const LONG_LIMIT_MS = 60_000;

/**
 * Functions with the long limit; all others have DEFAULT_LIMIT_MS. The migration of the grants says the same on the
 * functions themselves, for PostgREST; a test compares the two.
 */
const longFunctions: ReadonlySet<string> = new Set<StoreFunction>([
  'adjust_books',
  'check_books',
  'decide_run',
  'erase_user',
  'export_user',
  'finish_run',
  'finish_runs',
  'forget_old',
  'import_calendar',
  'import_corporate_actions',
  'import_holdings',
  'import_instruments',
  'import_prices',
  'import_restrictions',
  'import_signals',
  'import_users',
  'open_run',
  'preview_users',
  'queue_corrections',
  'read_all_credentials',
  'read_books',
  'read_condition',
  'read_facts',
  'read_gauges',
  'read_inputs',
  'read_live_accounts',
  'read_messages',
  'read_plan_lines',
  'read_report',
  'read_report_decisions',
  'read_report_messages',
  'read_run',
  'read_run_timings',
  'reprice_run',
  'trip_breakers',
  'verify_actions',
  'why',
]);

/** Lists and reports, for people who look: they have connections of their own, so that no order waits for them. */
const reportFunctions: ReadonlySet<string> = new Set<StoreFunction>([
  'check_books',
  'read_actions',
  'read_api_keys',
  'read_blocks',
  'read_condition',
  'read_facts',
  'read_gauges',
  'read_live_accounts',
  'read_messages',
  'read_orders',
  'read_progress',
  'read_report',
  'read_report_decisions',
  'read_report_messages',
  'read_run_timings',
  'verify_actions',
  'why',
]);

/** How long a call of this function may take. */
export function limitMsOf(name: string): number {
  return longFunctions.has(name) ? LONG_LIMIT_MS : DEFAULT_LIMIT_MS;
}

/** Whether it is a list or report. */
export function isReport(name: string): boolean {
  return reportFunctions.has(name);
}
