import { z } from 'zod';
import type { Decision } from '../domain/decision.ts';
import type { Fault } from '../domain/faults.ts';
import type { Instrument, Problem, Quote, Signal, UserSettings } from '../domain/words.ts';
import * as people from './report-rows.ts';
import * as rows from './rows.ts';
import type { RateBudget, VenueReport } from './venue.ts';

/** Every function of the database, with the shape of its answer. Nothing else is ever called. */
export const answers = {
  import_instruments: z.object({ written: z.int() }),
  import_signals: z.object({ written: z.int() }),
  import_users: z.object({ created: z.int() }),
  import_holdings: z.object({ booked: z.int() }),
  import_prices: z.object({ written: z.int() }),
  read_prices: rows.storedPrices,
  set_user: z.object({ changed: z.boolean() }),
  read_user: people.user.nullable(),
  set_calendar_day: z.object({}),
  read_inputs: rows.inputs,
  open_run: z.object({ created: z.boolean() }),
  reprice_run: z.object({ repriced: z.boolean() }),
  read_run: rows.run.nullable(),
  read_accounts: z.array(rows.queuedAccount),
  accept_page: z.object({ accepted: z.int(), state: rows.runState.nullable() }),
  read_plan_lines: z.array(z.string()),
  decide_run: z.object({ state: rows.runState, planHash: z.string().nullable() }),
  claim_orders: z.array(rows.order),
  mark_submitting: z.object({ marked: z.array(z.int()), waiting: z.array(z.int()), waitMs: z.int().nullable() }),
  take_rates: z.array(z.int().nullable()),
  release_orders: z.object({ released: z.int() }),
  settle_orders: z.object({ settled: z.int(), fills: z.int() }),
  trip_breakers: z.object({ canceled: z.int() }),
  resolve_order: rows.resolved,
  acknowledge_account: z.object({ changed: z.boolean() }),
  finish_runs: z.object({ finished: z.int(), nextDueMs: z.int().nullable() }),
  sweep_orders: z.object({ expired: z.int(), lapsed: z.int() }),
  claim_lookups: z.array(rows.order.extend({ halted: z.string().nullable() })),
  read_due_messages: z.array(rows.dueMessage),
  mark_sending: z.object({ marked: z.array(z.int()) }),
  settle_messages: z.object({ settled: z.int() }),
  sweep_messages: z.object({ lost: z.int() }),
  finish_run: z.object({
    state: rows.runState,
    openOrders: z.int(),
    openMessages: z.int(),
    nextDueMs: z.int().nullable(),
  }),
  read_progress: z.array(people.progress),
  read_report: people.report.nullable(),
  why: people.why,
  read_messages: z.array(people.messageRow),
  halt: z.object({ changed: z.boolean() }),
  resume: z.object({ changed: z.boolean() }),
  check_books: z.array(z.object({ rule: z.string(), subject: z.string() })),
  read_calendar_days: z.array(people.calendarDay),
  paper_venue_prepare: z.object({}),
  paper_venue_submit: rows.paperAnswer,
  paper_venue_lookup: rows.paperLookup,
};

/** What became of one order, as `settle_orders` books it. `queued`: proven not sent, it may go again. */
export interface Settlement {
  orderId: number;
  venueStatus: VenueReport['status'] | 'unknown' | 'queued';
  reason: string | null;
  message: string | null;
  venueOrderId: string | null;
  fills: VenueReport['fills'];
  nextLookMs: number | null;
  nextAttemptMs: number | null;
  /** How often the order had been sent when this was so; left out for what the venue's book says, a fact at any time. */
  attempts?: number;
}

export interface SettledMessage {
  messageId: number;
  status: 'sent' | 'failed' | 'unknown' | 'suppressed';
  reason: string | null;
  text?: string;
  providerId?: string | null;
}

/** A user to import: settings, and what no users file says (the bundled sample does). */
export type UserToImport = UserSettings & { active?: boolean; tradingEnabled?: boolean };

export interface DecisionToAccept extends Decision {
  place: number;
  accountId: number | null;
  leverageCenti: number;
  rateId: number | null;
  clientOrderId: string | null;
}

interface Scope {
  scope: 'all' | 'venue' | 'user';
  target: string;
  why: string;
  by: string;
  nowMs: number;
}

/** The arguments of every function. Business time is always one of them. */
export interface Arguments {
  import_instruments: { instruments: Instrument[] };
  import_signals: { signals: Signal[]; source: string };
  import_users: { users: UserToImport[]; mode: string; source: string; nowMs: number };
  import_holdings: { holdings: object[]; nowMs: number };
  import_prices: { prices: { symbol: string; date: string; openMinor: number; closeMinor: number }[] };
  read_prices: { tradeDate: string };
  set_user: {
    userId: string;
    active?: boolean;
    tradingEnabled?: boolean;
    strategies?: string[] | null;
    allowSymbols?: string[] | null;
    denySymbols?: string[] | null;
  };
  read_user: { userId: string };
  set_calendar_day: {
    exchange: string;
    date: string;
    kind: 'open' | 'closed' | null;
    name: string;
    openTime: string | null;
    closeTime: string | null;
  };
  read_inputs: { mode: string; tradeDate: string; runId: string };
  open_run: {
    runId: string;
    sessionId: string;
    tradeDate: string;
    mode: string;
    nowMs: number;
    cutOffMs: number;
    limits: object;
    problems: Problem[];
    signals: { signalId: string; position: number; sendBeforeMs: number }[];
    quotes: Quote[];
    userIds: string[] | null;
  };
  reprice_run: { runId: string; quotes: Quote[] };
  read_run: { runId: string };
  read_accounts: {
    runId: string;
    frozen: boolean;
    mode: string;
    tradeDate: string;
    userIds: string[] | null;
    signalIds: string[];
    afterPlace: number;
    limit: number;
  };
  accept_page: { runId: string; nowMs: number; decisions: DecisionToAccept[] };
  read_plan_lines: { runId: string };
  decide_run: { runId: string; nowMs: number };
  claim_orders: { claimId: string; venues: string[]; limit: number; leaseMs: number; nowMs: number };
  mark_submitting: {
    claimId: string;
    orderIds: number[];
    leaseMs: number;
    nowMs: number;
    budgets?: Record<string, RateBudget>;
  };
  take_rates: { uses: { venue: string; accountId: number }[]; budgets: Record<string, RateBudget> };
  release_orders: { claimId: string; orderIds: number[] };
  settle_orders: { outcomes: Settlement[]; nowMs: number };
  trip_breakers: { nowMs: number };
  resolve_order: {
    order: string;
    as: 'filled' | 'partly' | 'rejected' | 'not-placed';
    quantity: number | null;
    priceMinor: number | null;
    by: string;
    nowMs: number;
  };
  acknowledge_account: { userId: string; venue: string; mode: string };
  finish_runs: { nowMs: number };
  sweep_orders: { nowMs: number; onlyProcess: boolean };
  claim_lookups: { claimId: string; venues: string[]; limit: number; leaseMs: number; nowMs: number };
  read_due_messages: { runId: string | null; limit: number; nowMs: number };
  mark_sending: { messages: { messageId: number; text: string }[]; nowMs: number };
  settle_messages: { messages: SettledMessage[]; nowMs: number };
  sweep_messages: { nowMs: number; onlyProcess: boolean };
  finish_run: { runId: string; nowMs: number };
  read_progress: { runId: string };
  read_report: { runId: string };
  why: { user: string; symbol: string; date: string | null };
  read_messages: { runId: string };
  halt: Scope;
  resume: Scope;
  check_books: Record<string, never>;
  read_calendar_days: { exchange: string };
  paper_venue_prepare: {
    tradeDate: string;
    quotes: Quote[];
    faults: (Omit<Fault, 'user'> & { userId: string | null })[] | null;
  };
  paper_venue_submit: object;
  paper_venue_lookup: { clientOrderId: string; nowMs: number };
}

export type StoreFunction = keyof Arguments & keyof typeof answers;
export type Answer<F extends StoreFunction> = z.infer<(typeof answers)[F]>;

/** All state, behind named functions that take and give JSON. Each may be repeated after a lost answer. */
export interface Store {
  /** @throws DatabaseError when the database refuses or is lost; ZodError (a bug) when the answer has another shape. */
  call<F extends StoreFunction>(name: F, args: Arguments[F]): Promise<Answer<F>>;
  close(): Promise<void>;
}
