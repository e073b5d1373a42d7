// The port to all state: every database function by name, with its arguments and the shape of its answer.
import { z } from 'zod';
import * as access from '../rows/access.ts';
import * as actions from '../rows/actions.ts';
import * as books from '../rows/books.ts';
import * as cash from '../rows/cash.ts';
import * as credential from '../rows/credentials.ts';
import { facts } from '../rows/facts.ts';
import * as messages from '../rows/messages.ts';
import { reach } from '../rows/reach.ts';
import * as readiness from '../rows/readiness.ts';
import * as report from '../rows/report.ts';
import * as rows from '../rows/rows.ts';
import * as screens from '../rows/screens.ts';
import * as sending from '../rows/sending.ts';
import * as singleOrders from '../rows/single-orders.ts';
import * as watch from '../rows/watch.ts';
import type { Arguments } from './arguments.ts';

/** Every function of the database, with the shape of its answer. Nothing else is ever called. */
export const answers = {
  import_instruments: z.object({ written: z.int() }),
  import_restrictions: z.object({
    restricted: z.array(z.string()),
    freed: z.array(z.string()),
    unknown: z.array(z.string()),
  }),
  read_listings: z.array(z.object({ exchange: z.string(), symbol: z.string() })),
  import_signals: z.object({ written: z.int() }),
  import_users: z.object({ created: z.int() }),
  preview_users: z.object({
    known: z.array(z.object({ id: z.string(), name: z.string() })),
    changes: z.array(
      z.object({
        userId: z.string(),
        numberChanges: z.boolean(),
        was: z.record(z.string(), z.unknown()),
        now: z.record(z.string(), z.unknown()),
      }),
    ),
  }),
  import_calendar: z.object({
    added: z.array(z.string()),
    changed: z.array(z.string()),
    removed: z.array(z.string()),
  }),
  import_holdings: z.object({ booked: z.int() }),
  import_prices: z.object({ written: z.int() }),
  import_corporate_actions: z.object({ written: z.int() }),
  read_prices: rows.storedPrices,
  set_user: z.object({
    changed: z.boolean(),
    /** Their orders that were not sent, and now never will be. */
    stopped: z.int(),
    /** Those that were, and go on. */
    underWay: z.int(),
  }),
  read_user: report.user.nullable(),
  find_users: report.foundUsers,
  set_calendar_day: z.object({}),
  read_inputs: rows.inputs,
  open_run: z.object({ created: z.boolean() }),
  reprice_run: z.object({ repriced: z.boolean() }),
  read_run: rows.run.nullable(),
  read_accounts: z.array(rows.queuedAccount),
  accept_page: sending.acceptedPage,
  read_plan_lines: z.array(z.string()),
  read_order_inputs: singleOrders.orderInputs,
  place_orders: z.array(singleOrders.placed),
  read_request_outcomes: z.array(singleOrders.placed.nullable()),
  read_orders: z.array(singleOrders.orderView),
  read_order: singleOrders.orderWithHistory.nullable(),
  decide_run: z.object({ state: rows.runState, planHash: z.string().nullable() }),
  claim_orders: z.array(rows.order),
  mark_submitting: sending.marked,
  take_rates: z.array(z.int().nullable()),
  renew_claims: z.object({ renewed: z.int() }),
  release_orders: z.object({ released: z.int() }),
  settle_orders: sending.settledOrders,
  trip_breakers: z.object({ changed: z.array(sending.breaker) }),
  resolve_order: rows.resolved,
  correct_fill: cash.correctedFill,
  read_blocks: readiness.blocks,
  move_cash: cash.movedCash,
  acknowledge_account: readiness.acknowledged,
  finish_runs: z.object({ finished: z.int(), nextDueMs: z.int().nullable() }),
  count_unfinished: z.object({ orders: z.int(), messages: z.int() }),
  /** `stopped`: canceled, by an open breaker or by their users' settings. */
  sweep_orders: z.object({
    expired: z.int(),
    stopped: z.int(),
    lapsed: z.int(),
    abandoned: z.array(z.object({ runId: z.string(), tradeDate: z.string() })).optional(),
  }),
  claim_lookups: z.array(
    // `missedLookups`: the last looks in a row, this one counted, in which its venue did not show it.
    rows.order.extend({ halted: z.string().nullable(), spent: z.boolean(), missedLookups: z.int() }),
  ),
  read_due_messages: z.array(rows.dueMessage),
  queue_login_reminders: z.object({ queued: z.int() }),
  queue_corrections: z.object({ queued: z.int() }),
  mark_sending: z.object({ marked: z.array(z.int()) }),
  settle_messages: z.object({ settled: z.int() }),
  sweep_messages: z.object({ lost: z.int() }),
  claim_message_lookups: z.array(messages.messageLookup),
  record_delivery: messages.bookedDelivery,
  record_inbound_message: z.object({ users: z.int() }),
  stop_messages: z.object({ changed: z.boolean() }),
  stop_refused_in_a_row: z.object({ changed: z.boolean(), queued: z.int() }),
  resume_messages: z.object({ why: z.string().nullable() }),
  resend_message: messages.resent,
  queue_notices: z.object({ queued: z.int() }),
  claim_notices: z.array(messages.claimedNotice),
  settle_notices: z.object({ settled: z.int() }),
  read_digests: z.array(messages.digestFacts),
  finish_run: z.object({
    state: rows.runState,
    openOrders: z.int(),
    openMessages: z.int(),
    nextDueMs: z.int().nullable(),
  }),
  read_progress: z.array(report.progress),
  read_report: report.report.nullable(),
  read_report_decisions: z.array(report.reportDecision),
  read_report_messages: z.array(report.reportMessage),
  read_report_reasons: screens.reportReasons.nullable(),
  read_report_page: screens.reportPage,
  read_runs: z.array(screens.runRow),
  read_positions: z.array(screens.position),
  read_day: screens.day,
  read_facts: facts,
  why: report.why,
  read_messages: z.array(messages.messageRow),
  forget_old: z.object({ receivedSignals: z.int(), rateUses: z.int() }),
  receive_signals: access.receivedSignals,
  set_signal_source: z.object({ created: z.boolean() }),
  read_signal_sources: z.array(access.signalSource),
  find_source_keys: z.array(access.sourceKey),
  create_api_key: access.createdKey,
  find_api_key: access.foundKey,
  find_api_keys: z.array(access.foundKey),
  note_key_uses: z.object({ noted: z.int() }),
  revoke_api_key: access.revokedKey,
  read_api_keys: z.array(access.apiKey),
  find_auth_user: access.authUser,
  open_account: credential.openedAccount,
  store_credentials: credential.storedCredentials,
  read_credentials: credential.credentials.nullable(),
  read_all_credentials: z.array(credential.credentials),
  find_venue_order: credential.venueOrder.nullable(),
  find_venue_orders: z.array(credential.venueOrder.nullable()),
  request_lookup: z.object({ due: z.boolean() }),
  halt: z.object({ changed: z.boolean() }),
  resume: z.object({ changed: z.boolean() }),
  read_actions: z.array(actions.action),
  verify_actions: actions.verified,
  export_user: actions.exported,
  erase_user: actions.erased,
  check_books: books.brokenRules,
  read_calendar_days: z.array(report.calendarDay),
  read_order_events: z.array(watch.orderEvent),
  read_gauges: watch.gauges,
  read_lock_holders: watch.lockHolders,
  read_readiness: watch.readiness,
  read_books: z.array(readiness.books),
  read_shares: readiness.shares,
  adjust_books: readiness.adjusted,
  store_readiness: readiness.readiness,
  store_drifts: readiness.drifts,
  read_condition: watch.condition,
  read_privileges: reach,
  read_live_accounts: watch.liveAccounts,
  read_run_timings: watch.runTimings.nullable(),
  paper_venue_prepare: z.object({ unmatched: z.array(z.string()) }),
  paper_venue_submit: z.array(rows.paperAnswer),
  paper_venue_lookup: rows.paperLookup,
};

export type StoreFunction = keyof Arguments & keyof typeof answers;
export type Answer<F extends StoreFunction> = z.infer<(typeof answers)[F]>;

export interface CallOptions {
  /**
   * After which errors the call is made again for a while, before the error is thrown. Default: whatever is not refused.
   * `lost`: who splits a batch wants to know at once that it is busy. `never`: who has a way of its own.
   */
  repeat?: 'lost or busy' | 'lost' | 'never';
}

/** All state, behind named functions that take and give JSON. Each may be repeated after a lost answer. */
export interface Store {
  /** @throws DatabaseError when the database refuses, is busy or lost; Error (a bug) when the answer has another shape. */
  call<F extends StoreFunction>(name: F, args: Arguments[F], options?: CallOptions): Promise<Answer<F>>;
  close(): Promise<void>;
}
