// What happens to orders: their sends, lookups, settlements, breakers, and what their venues push.
import type { Alert, Failure } from './severity.ts';

/** Whose order it is and where it goes. */
type OrderIds = {
  runId: string;
  signalId: string | null;
  userId: string;
  orderId: number;
  clientOrderId: string;
  venue: string;
};

/** An order whose settlement could not be written. */
type Unsettled = Failure & Pick<OrderIds, 'orderId' | 'clientOrderId' | 'userId' | 'venue'> & { accountId: number };

/** `signalId` null: every signal; `userId` left out: every account of the venue. */
type BreakerScope = {
  runId: string;
  scope: 'venue' | 'signal' | 'account';
  venue: string;
  signalId: string | null;
  userId?: string;
  /** Orders it holds back, or lets go again. */
  waiting: number;
};

export interface OrderEvents {
  /** orders past their time expired, stopped ones were canceled, lapsed sends became unknown */
  orders_swept: { expired: number; stopped: number; lapsed: number };
  /** orders could not be marked before sending, and were not sent; they are tried again */
  mark_failed: Alert<Failure>;
  /** what the venue answered to one order: acknowledged, rejected, not sent or unknown */
  order_settled: OrderIds & { outcome: string; ms: number | undefined };
  /** what the venue’s book said of one order */
  order_looked_up: OrderIds & { found: string; reason: string | null; ms: number };
  /** a venue that has confirmed an order no longer shows it */
  order_not_found: Alert<OrderIds & { reason: string | null }>;
  /** an order stays unknown, or open after its day, and only a person can end it */
  order_needs_person: Alert<OrderIds & { status: string; reason: string | null }>;
  /** orders wait for a person, and the books of their accounts with them */
  orders_need_person: Alert<{ count: number; first: string }>;
  /** the database does not take what the venue said; the order is unknown and keeps its hold */
  settlement_failed: Alert<Unsettled>;
  /** an order could not be booked while its account was held; it is looked up again */
  settlement_postponed: Alert<Unsettled>;
  /** an order was filled after it had ended: booked, and its account is blocked */
  late_fill: Alert<{ clientOrderId: string }>;
  /** a venue says of an order what can’t be: more than ordered, or beyond its limit */
  wrong_fill: Alert<{ clientOrderId: string; what: string }>;
  /** a venue says filled, and its fills don’t add up to it */
  filled_without_fills: Alert<{ clientOrderId: string }>;
  /** another session of the database holds an account, and nothing of it can be booked */
  account_locked: Alert<{
    userId: string;
    accountId: number | null;
    holders: readonly object[];
    orderId?: number;
    clientOrderId?: string;
    venue?: string;
  }>;
  /** the database did not take a sign of life for orders under way */
  heartbeat_failed: Alert<Failure & { orders: number }>;
  /** sends of an account, a symbol at a venue or a venue are held back: they got no clear answers */
  breaker_opened: Alert<
    BreakerScope & {
      about: string;
      tried: number;
      failed: number;
      accounts: number;
      failedAccounts: number;
      next: string;
    }
  >;
  /** sends of an account, a symbol at a venue or a venue go again */
  breaker_closed: BreakerScope;
  /** whether a venue fails as a whole could not be judged */
  breaker_check_failed: Alert<Failure & { orders: number }>;
  /** sending orders behind an answered request failed; the worker sends them */
  sending_failed: Alert<Failure>;
  /** a venue’s stream of updates is open for an account */
  stream_listening: { venue: string; accountId: number; userId: string };
  /** a venue’s stream of updates was lost; it comes back by itself */
  stream_lost: { venue: string; accountId: number; userId: string; reason: string; againInMs: number };
  /** a venue pushed an update; the order is looked up */
  stream_update: { venue: string; userId: string; orderId: number; clientOrderId: string | null; due: boolean };
  /** an update of a venue could not be passed on; lookups find it later */
  stream_update_lost: Failure & { venue: string; userId: string; clientOrderId: string | null };
  /** which accounts are connected could not be read; it is tried again within a minute */
  streams_read_failed: Failure;
  /** a venue called back; the order is looked up */
  postback: { venue: string; outcome: string };
}
