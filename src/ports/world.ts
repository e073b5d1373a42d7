import type { DayOverride } from '../domain/calendar.ts';
import type { Quote, Signal } from '../domain/words.ts';
import type { Store } from './store.ts';
import type { Venue } from './venue.ts';

/** The only one who knows the time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** A pause; on a virtual clock it elapses at once. */
  sleep(ms: number): Promise<void>;
  /** Whether pauses elapse at once (sample, --at, --date). */
  virtual: boolean;
}

export interface QuotesWanted {
  tradeDate: string;
  nowMs: number;
  signals: Signal[];
  /** What users hold: its price decides the daily loss. */
  held: { exchange: string; symbol: string }[];
}

/** Where prices come from. A symbol without an answer is left out: that is «don't trade this», never a guess. */
export interface Quotes {
  read(wanted: QuotesWanted): Promise<Quote[]>;
}

export interface MessageToSend {
  messageId: number;
  userId: string;
  userName: string;
  /** E.164. */
  whatsapp: string;
  text: string;
}

/** `unknown`: nobody can say whether it went out; it is never sent again blindly. */
export type SendOutcome =
  | { kind: 'sent'; providerId: string | null }
  | { kind: 'failed'; reason: string }
  | { kind: 'unknown'; reason: string };

export interface Notifier {
  name: string;
  send(message: MessageToSend): Promise<SendOutcome>;
}

/** One step somebody may want to see or log, with the ids it is about. Never a phone number or a token. */
export interface Step {
  step: string;
  runId?: string | undefined;
  signalId?: string | null | undefined;
  userId?: string | undefined;
  orderId?: number | undefined;
  clientOrderId?: string | undefined;
  [fact: string]: unknown;
}

export type Tell = (step: Step) => void;

/** The real parts a run works with, built once in wire.ts. */
export interface World {
  store: Store;
  clock: Clock;
  quotes: Quotes;
  venues: ReadonlyMap<string, Venue>;
  notifier: Notifier;
  /** Days the operator added to or took from the calendar. */
  operatorDays: () => Promise<readonly DayOverride[]>;
  tell: Tell;
}
