import type { Decision } from '../domain/decision.ts';
import type { Fault } from '../domain/faults.ts';
import type { Language } from '../domain/message-words.ts';
import type { Instrument, Problem, Quote, Signal, UserSettings } from '../domain/words.ts';
import type { RateBudget, VenueReport } from './venue.ts';

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

/**
 * What became of one message. `queued`: proven not sent, or provably not arrived: it may go again. From `unknown` a
 * message moves only by who looked it up (`looked`), and only on the attempt it names.
 */
export interface SettledMessage {
  messageId: number;
  status: 'queued' | 'sent' | 'failed' | 'unknown' | 'suppressed';
  reason: string | null;
  text?: string;
  providerId?: string | null;
  providerStatus?: string | null;
  /** The provider's error code. */
  code?: string | null;
  attempt?: number;
  looked?: boolean;
  nextAttemptMs?: number | null;
  nextLookMs?: number | null;
  /** What it goes over from now on. */
  channel?: 'whatsapp' | 'sms';
  /** It goes again although nobody knows whether it went: counted against the limit for that. */
  resend?: boolean;
  /** Nothing can arrive at this number. */
  unreachable?: boolean;
}

export interface SettledNotice {
  noticeId: number;
  status: 'queued' | 'sent' | 'failed' | 'unknown';
  reason: string | null;
  providerId: string | null;
  nextAttemptMs: number | null;
}

/** One message about to be sent, as it will read. */
export interface MessageToMark {
  messageId: number;
  text: string;
  /** The digest of the orders the text was made from. */
  said?: string;
  /** Where it goes; only where numbers are paced. */
  to?: string;
  template?: boolean;
  channel?: 'whatsapp' | 'sms';
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
  read_prices: { tradeDate: string; listings: { exchange: string; symbol: string }[] };
  set_user: {
    userId: string;
    active?: boolean;
    tradingEnabled?: boolean;
    /** When he wants a message: always, only of a run that placed an order for him, or never. */
    notify?: 'always' | 'orders' | 'off';
    language?: Language;
    strategies?: string[] | null;
    allowSymbols?: string[] | null;
    denySymbols?: string[] | null;
    /** The login (JWT `sub`) that is this user's. */
    authUserId?: string | null;
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
    quotes: Quote[];
    decisions: DecisionToAccept[];
    requests: { principal: string; key: string; bodyHash: string; sendBeforeMs: number; signal: Signal }[];
  };
  read_placed: { requests: { principal: string; key: string; bodyHash: string }[] };
  read_orders: {
    userId: string | null;
    status: string | null;
    symbol: string | null;
    runId: string | null;
    beforeId: number | null;
    limit: number;
  };
  read_order: { order: string; userId: string | null };
  claim_orders: { claimId: string; venues: string[]; limit: number; leaseMs: number; nowMs: number };
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
  count_unfinished: Record<string, never>;
  sweep_orders: { nowMs: number; onlyProcess: boolean };
  claim_lookups: { claimId: string; venues: string[]; limit: number; leaseMs: number; nowMs: number };
  read_due_messages: { runId: string | null; limit: number; nowMs: number };
  queue_corrections: { nowMs: number };
  mark_sending: {
    messages: MessageToMark[];
    nowMs: number;
    pace?: { pairPauseMs: number; dailyRecipients: number | null };
  };
  settle_messages: { messages: SettledMessage[]; nowMs: number };
  sweep_messages: { nowMs: number; onlyProcess: boolean; nextLookMs?: number | null };
  claim_message_lookups: { limit: number; nowMs: number };
  hear_delivery: {
    messageId: number;
    attempt: number;
    providerId: string;
    providerStatus: string;
    code: string | null;
    reason: string | null;
    nowMs: number;
    unreachable: boolean;
    /** When a message that did not arrive may go again; null: never. */
    retryMs: number | null;
    mostAttempts: number;
    fallback: 'sms' | null;
  };
  hear_inbound: {
    number: string;
    said: 'start' | 'stop' | null;
    source: string;
    providerId: string;
    nowMs: number;
  };
  stop_messages: { why: string; nowMs: number };
  resume_messages: { by: string; nowMs: number };
  queue_notices: {
    notices: { key: string; runId: string | null; text: string }[];
    to: readonly string[];
    nowMs: number;
  };
  claim_notices: { limit: number; nowMs: number };
  settle_notices: { notices: SettledNotice[]; nowMs: number };
  read_digests: { nowMs: number };
  resend_message: { runId: string; userId: string; by: string; nowMs: number };
  finish_run: { runId: string; nowMs: number };
  read_progress: { runId: string };
  read_report: { runId: string };
  why: { user: string; symbol: string; date: string | null };
  read_messages: { runId: string };
  receive_signals: { requestId: string; source: string; nowMs: number; rows: SignalToReceive[] };
  create_api_key: {
    hash: string;
    hint: string;
    role: 'operator' | 'user';
    userId: string | null;
    label: string;
    nowMs: number;
  };
  find_api_key: { hash: string };
  revoke_api_key: { hint: string; nowMs: number };
  read_api_keys: Record<string, never>;
  find_auth_user: { authUserId: string };
  halt: Scope;
  resume: Scope;
  check_books: Record<string, never>;
  read_calendar_days: { exchange: string };
  read_order_events: { orders: { orderId: number; afterEventId: number }[] };
  read_gauges: { tradeDate: string };
  read_readiness: Record<string, never>;
  read_condition: { mode: string; tradeDates: string[]; functions: readonly string[] };
  read_run_timings: { runId: string };
  paper_venue_prepare: {
    tradeDate: string;
    quotes: Quote[];
    faults: (Omit<Fault, 'user'> & { userId: string | null })[] | null;
  };
  paper_venue_submit: object;
  paper_venue_lookup: { clientOrderId: string; nowMs: number };
}
