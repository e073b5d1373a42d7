// Every reason in English: for users as a clause, for operators in a table cell.
import type { Currency } from '../../currency.ts';
import type { DenyReason, SkipReason } from '../../decision/decision.ts';
import type { OrderReason } from '../../order.ts';
import type { RunSkip } from '../../report.ts';
import { cut } from '../../text/text.ts';
import { type Clause, type DecisionOf, decisionReason, orderReason, type ReasonClauses } from './reason-clause.ts';

interface ReasonTexts extends Clause {
  /** At most 12 characters, for a table cell an operator reads. */
  short: string;
}

const skipTexts: Record<SkipReason, ReasonTexts> = {
  user_inactive: { short: 'inactive', you: 'your account is paused' },
  trading_disabled: { short: 'trading off', you: 'trading is switched off for your account' },
  not_subscribed: { short: 'not followed', you: 'you do not follow this strategy' },
  no_account_in_currency: { short: 'no account', you: 'you have no account in the currency it trades in' },
  account_not_ready: { short: 'not ready', you: 'your trading account is not ready' },
  already_decided: { short: 'done before', you: 'this signal was already handled for you' },
  already_holding: { short: 'holds it', you: 'you already hold it' },
  working_order: { short: 'order open', you: 'you already had an open order for it' },
  no_position: { short: 'holds none', you: 'you hold none to sell' },
  symbol_not_allowed: { short: 'not allowed', you: 'your settings do not allow it' },
};

const denyTexts: Record<DenyReason, ReasonTexts> = {
  halted: { short: 'halted', you: 'trading is halted' },
  cut_off: { short: 'too late', you: 'it was past the cut-off time for new orders' },
  signal_expired: { short: 'signal old', you: 'the signal was no longer valid' },
  price_unavailable: { short: 'no price', you: 'there was no reliable price for it' },
  price_outside_band: {
    short: 'price moved',
    you: 'the price had moved too far from the signal',
    measure: { unit: 'percent', actual: 'moved', limit: 'limit' },
  },
  margin_unavailable: { short: 'no margin', you: 'the broker gave no margin for it' },
  instrument_restricted: { short: 'restricted', you: 'new positions in it are restricted' },
  daily_loss_limit: {
    short: 'loss limit',
    you: 'your daily loss limit is reached',
    measure: { unit: 'money', actual: 'today', limit: 'limit' },
    unmeasured: 'your result of today is not known, so your daily loss limit could not be checked',
  },
  max_open_positions: {
    short: 'max open',
    you: 'you have as many open positions as you allow',
    measure: { unit: 'count', actual: 'open', limit: 'limit' },
  },
  quantity_zero: {
    short: 'none fit',
    you: 'your share per trade is too small for one lot',
    measure: { unit: 'money', actual: 'one lot needs', limit: 'your share' },
  },
  below_min_value: {
    short: 'too small',
    you: 'the order would be too small',
    measure: { unit: 'money', actual: 'value', limit: 'smallest' },
  },
  max_order_value: {
    short: 'too large',
    you: 'the order would be too large',
    measure: { unit: 'money', actual: 'value', limit: 'largest' },
  },
  max_orders_per_day: {
    short: 'max orders',
    you: 'you have had as many orders to buy today as you allow',
    measure: { unit: 'count', actual: 'today', limit: 'limit' },
  },
  freeze_quantity: {
    short: 'freeze limit',
    you: 'it is more than the exchange takes in one order',
    measure: { unit: 'count', actual: 'quantity', limit: 'largest' },
  },
  // The cap is over all users: its figures would tell one user what the others trade.
  symbol_cap: { short: 'symbol cap', you: 'our limit for this share is reached for today' },
  insufficient_funds: {
    short: 'no money',
    you: 'not enough free money',
    measure: { unit: 'money', actual: 'needed', limit: 'available' },
  },
};

const decisionTexts = { ...skipTexts, ...denyTexts };

const orderTexts: Record<OrderReason, ReasonTexts> = {
  breaker_open: { short: 'stopped', you: 'we stopped sending because too many orders were failing' },
  user_inactive: { short: 'inactive', you: 'your account was paused before it was sent' },
  trading_disabled: { short: 'trading off', you: 'trading was switched off for your account before it was sent' },
  not_subscribed: { short: 'not followed', you: 'you stopped following this strategy before it was sent' },
  symbol_not_allowed: {
    short: 'not allowed',
    you: 'your settings were changed before it was sent, and do not allow it',
  },
  not_sent_in_time: { short: 'not sent', you: 'it could not be sent in time' },
  venue_rejected: { short: 'rejected', you: 'the broker refused it' },
  pattern_day_trader: {
    short: 'day trader',
    you: 'your account has no day trades left under the pattern day trader rule',
  },
  halted_at_exchange: { short: 'share halted', you: 'the exchange has halted trading in it' },
  not_tradable: { short: 'not tradable', you: 'the broker does not trade it' },
  not_fractionable: { short: 'whole only', you: 'only whole shares of it are traded' },
  venue_canceled: { short: 'canceled', you: 'the broker canceled it' },
  venue_expired: { short: 'expired', you: 'it ended with the day, unfilled' },
  never_reached_venue: { short: 'not placed', you: 'it never reached the broker' },
  resolved_by_operator: { short: 'by hand', you: 'we settled it by hand with the broker' },
};

/** Every reason in English. */
export const englishReasons: ReasonClauses = {
  decisions: decisionTexts,
  limitOutsideBand: {
    you: 'your limit price is too far from the market price',
    measure: { unit: 'money', actual: 'your limit', limit: 'nearest we take' },
  },
  orders: orderTexts,
  another: (code) => code.replaceAll('_', ' '),
};

/** Why a run did not open, as a full clause for the operator, with what to do where there is something to do. */
export const runSkipTexts: Record<RunSkip, string> = {
  market_closed: 'the market is closed on this day',
  outside_window: 'it is not yet time for this session',
  too_late: 'it is past the cut-off: no new decisions are made today',
  already_done: 'this session is already done; nothing is placed twice',
  already_running: 'another process is running this session now; run again later to see its report',
  no_signals: 'there is no signal for this date; import some, or name a file with --signals',
  no_users: 'there is no user to trade for; import some, or name a file with --users',
  halted: 'trading is halted; lift it with npm run resume -- --why …',
};

/** A skip, deny or order reason in at most 12 characters; an unknown code is shown with spaces and cut. */
export function shortReason(reason: string): string {
  return shorts.get(reason) ?? cut(reason.replaceAll('_', ' '), 12, '');
}

const shorts: ReadonlyMap<string, string> = new Map(
  // A code in both tables has one short word; the decision's stands.
  Object.entries({ ...orderTexts, ...decisionTexts }).map(([code, { short }]) => [code, short]),
);

/** A skip or deny reason as a clause to the user, with its figures: 'not enough free money (needed ₹…, available ₹…)'. */
export function reasonSentence(
  reason: string,
  limit: string | null,
  actual: string | null,
  currency: Currency,
  of: DecisionOf = 'signal',
): string {
  const { you, figures } = decisionReason(englishReasons, reason, limit, actual, currency, of);
  return figures === null ? you : `${you} (${figures})`;
}

/** The reason of a canceled, expired or rejected order as a clause to the user. */
export function orderReasonSentence(reason: string): string {
  return orderReason(englishReasons, reason);
}
