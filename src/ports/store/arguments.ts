// The arguments of every database function.
import type { Actor } from '../../domain/actions.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { Language } from '../../domain/messages/en.ts';
import type { Problem, Quote, Signal } from '../../domain/types.ts';
import type { ActionArguments } from '../rows/actions.ts';
import type { CredentialArguments } from '../rows/credentials.ts';
import type { ReadinessArguments } from '../rows/readiness.ts';
import type { RateBudget, VenueReport } from '../venue.ts';
import type { CorrectFill, MoveCash } from './cash-arguments.ts';
import type { ImportArguments } from './import-arguments.ts';
import type { MessageArguments } from './message-arguments.ts';
import type { PaperVenueArguments, ReportArguments } from './report-arguments.ts';

/** What became of one order, as `settle_orders` books it. `queued`: proven not sent, it may go again. */
export interface Settlement {
  orderId: number;
  venueStatus: VenueReport['status'] | 'unknown' | 'queued';
  reason: string | null;
  message: string | null;
  venueOrderId: string | null;
  fills: VenueReport['fills'];
  nextLookupMs: number | null;
  nextAttemptMs: number | null;
  /** How often the order had been sent when this was so; left out for what the venue's book says, a fact at any time. */
  attempts?: number;
}

/** One row of a request to `POST /api/signals`: a signal for a run, or what is wrong with it. */
export interface SignalToReceive {
  position: number;
  /** What was sent, for the record. */
  payload: string;
  signal: Signal | null;
  /** The run the signal is for: once it is open, the signal comes too late. */
  runId: string | null;
  problem: string | null;
}

export interface DecisionToAccept extends Decision {
  queuePosition: number;
  accountId: number | null;
  leverageCenti: number;
  rateId: number | null;
  clientOrderId: string | null;
}

/** One order somebody asks for, under an idempotency key of theirs. */
export interface OrderToPlace {
  principal: string;
  key: string;
  bodyHash: string;
  /** The hint of the API key it was asked with: the database checks it once more. null: another kind of login. */
  apiKey?: string | null;
  /** The operator who asks in a user's name; null: the user. */
  by: Actor | null;
  sendBeforeMs: number;
  signal: Signal;
}

interface Scope {
  scope: 'all' | 'venue' | 'user';
  target: string;
  why: string;
  by: Actor;
  nowMs: number;
}

/** The arguments of every function. Business time is always one of them. */
export interface Arguments
  extends MessageArguments,
    CredentialArguments,
    ReadinessArguments,
    ActionArguments,
    ReportArguments,
    PaperVenueArguments,
    ImportArguments {
  read_prices: { tradeDate: string; listings: { exchange: string; symbol: string }[] };
  set_user: {
    userId: string;
    active?: boolean;
    tradingEnabled?: boolean;
    /** When they want a message: always, only of a run that placed an order for them, or never. */
    notify?: 'always' | 'orders' | 'off';
    language?: Language;
    strategies?: string[] | null;
    allowSymbols?: string[] | null;
    denySymbols?: string[] | null;
    /** The login (JWT `sub`) that is this user's. */
    authUserId?: string | null;
    by: Actor;
  };
  set_calendar_day: {
    exchange: string;
    date: string;
    kind: 'open' | 'closed' | null;
    name: string;
    openTime: string | null;
    closeTime: string | null;
    by: Actor;
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
    by: Actor;
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
    /** Reads the day's orders and fills also of who has no limit to them: a file that is laid over may set one. */
    countDay?: boolean;
    afterQueuePosition: number;
    limit: number;
  };
  accept_page: { runId: string; nowMs: number; decisions: DecisionToAccept[]; skipLocked?: boolean };
  read_plan_lines: { runId: string };
  decide_run: { runId: string; nowMs: number };
  read_order_inputs: {
    runId: string;
    mode: string;
    tradeDate: string;
    /** Whether the exposure of symbols is wanted: only where a cap is set. */
    capped: boolean;
    userIds: string[];
    listings: { exchange: string; symbol: string }[];
  };
  place_orders: {
    runId: string;
    sessionId: string;
    tradeDate: string;
    mode: string;
    limits: object;
    takesOrdersUntilMs: number;
    nowMs: number;
    skipLocked?: boolean;
    quotes: Quote[];
    decisions: DecisionToAccept[];
    requests: OrderToPlace[];
  };
  read_request_outcomes: { requests: { principal: string; key: string; bodyHash: string }[] };
  read_orders: {
    userId: string | null;
    status: string | null;
    symbol: string | null;
    runId: string | null;
    beforeId: number | null;
    limit: number;
  };
  read_order: { order: string; userId: string | null };
  claim_orders: {
    claimId: string;
    venues: string[];
    limit: number;
    leaseMs: number;
    nowMs: number;
    /** Orders the caller has of which account already; with what is claimed, each has at most `perAccount`. */
    held?: Record<number, number>;
    perAccount?: number;
  };
  mark_submitting: {
    claimId: string;
    /** One per call: repeated after a lost answer it is answered with what it marked. */
    markId: string;
    orderIds: number[];
    leaseMs: number;
    nowMs: number;
    budgets?: Record<string, RateBudget>;
  };
  take_rates: { uses: { venue: string; accountId: number }[]; budgets: Record<string, RateBudget> };
  renew_claims: { orderIds: number[]; claimIds: string[]; leaseMs: number };
  release_orders: { claimId: string; orderIds: number[] };
  settle_orders: { outcomes: Settlement[]; nowMs: number; skipLocked?: boolean };
  /** `judgeId`: one per call; repeated after a lost answer it is answered with what it changed. */
  trip_breakers: { judgeId: string; orderIds: number[]; nowMs: number };
  resolve_order: {
    order: string;
    as: 'filled' | 'partly' | 'canceled' | 'rejected' | 'not-placed';
    quantity: number | null;
    priceMinor: number | null;
    by: Actor;
    nowMs: number;
  };
  correct_fill: CorrectFill;
  move_cash: MoveCash;
  finish_runs: { nowMs: number };
  count_unfinished: Record<string, never>;
  sweep_orders: { nowMs: number; onlyProcess: boolean };
  claim_lookups: {
    claimId: string;
    venues: string[];
    limit: number;
    leaseMs: number;
    nowMs: number;
    /** Orders that have had so many looks, and are of no use to look up again, are given as `spent`; left out: none are. */
    maxLookups?: number;
  };
  finish_run: { runId: string; nowMs: number };
  read_progress: { runId: string };
  forget_old: { nowMs: number; keptDays: number; limit: number; by: Actor };
  receive_signals: {
    requestId: string;
    source: string;
    /** Most signals that are taken of it on a day; left out: no ceiling. A key of a source has that of its source. */
    perDay?: number | null;
    /** The hint of the key they were sent with: it says by itself whose they are. */
    apiKey?: string | null;
    nowMs: number;
    rows: SignalToReceive[];
    by: Actor;
  };
  set_signal_source: {
    name: string;
    /** null: every strategy. */
    strategies?: string[] | null;
    perDay?: number;
    enabled?: boolean;
    by: Actor;
    nowMs: number;
  };
  read_signal_sources: Record<string, never>;
  find_source_keys: { name: string };
  create_api_key: {
    hash: string;
    hint: string;
    role: 'operator' | 'user' | 'signals';
    /** Left out: trade. */
    scope?: 'read' | 'trade';
    userId: string | null;
    /** Whose signals a key of role signals sends. */
    source?: string | null;
    label: string;
    /** From then on it opens nothing; left out: it has no end. */
    expiresMs?: number | null;
    nowMs: number;
    by: Actor;
  };
  find_api_key: { hash: string };
  find_api_keys: { hashes: string[] };
  note_key_uses: { hints: string[] };
  revoke_api_key: { hint: string; nowMs: number; by: Actor };
  read_api_keys: Record<string, never>;
  find_auth_user: { authUserId: string };
  halt: Scope;
  resume: Scope;
  check_books: { sinceDate?: string };
  read_order_events: { orders: { orderId: number; afterEventId: number }[] };
  read_gauges: { tradeDate: string };
  read_lock_holders: { accountId: number };
  /** With `nowMs` it says whether this clock is far from the database's. */
  read_readiness: { nowMs?: number };
  read_condition: { mode: string; tradeDates: string[]; functions: readonly string[] };
  read_privileges: Record<string, never>;
  read_live_accounts: { tradeDate: string };
}
