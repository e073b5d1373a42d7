// The ports a run works with: clock, prices, notifier, and all of them together.
import type { DayOverride } from '../domain/market/calendar.ts';
import type { Market } from '../domain/market/market.ts';
import type { Language } from '../domain/messages/texts/en.ts';
import type { SendErrorClass, SendErrorMeaning } from '../domain/send-errors.ts';
import type { Quote, Signal } from '../domain/types.ts';
import type { Emit } from './events/events.ts';
import type { StoredPrices } from './store/imports.ts';
import type { Store } from './store/store.ts';
import type { VenueLogin } from './vault.ts';
import type { AccountAtVenue, Venue } from './venue.ts';

/** The only one who knows the time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** A pause; on a virtual clock it elapses at once. */
  sleep(ms: number): Promise<void>;
  /** Does something over and over until it is told to stop; on a virtual clock never: no time passes there to need it. */
  every(periodMs: number, beat: () => void): () => void;
  /** Whether pauses elapse at once (sample, --at, --date). */
  virtual: boolean;
  /** True where a pause is over at once and lets nobody else go on: then nothing may be done beside anything. */
  takesTurns?: true;
}

export interface QuotesWanted {
  tradeDate: string;
  nowMs: number;
  signals: Signal[];
  /** What users hold: its price decides the daily loss. */
  held: { exchange: string; symbol: string }[];
  /** What the database has for all of these, where that was read just now: whoever reads prices there need not ask again. */
  stored?: StoredPrices | null;
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
  /** As the recipient reads it, whichever way it goes. */
  text: string;
  /** Which try it is, from 1. */
  attempt: number;
  channel: 'whatsapp' | 'sms';
  language: Language;
  /** The values of the approved template's slots, first to last; null: the text goes as it is. */
  slots: readonly string[] | null;
  /** After that nobody should get it any more. */
  validForMs: number;
  /** Which approved template the slots are for. */
  template: 'summary' | 'reminder' | 'operator';
}

/**
 * `later`: proven not sent, it may go again. `failed`: proven not sent either; `about` says what is wrong
 * (domain/send-errors.ts), `declined` that the recipient wants none, over no channel. `unknown`: nobody can say whether it went out; it is never sent again blindly.
 */
export type SendOutcome =
  | { kind: 'sent'; providerId: string | null; providerStatus?: string }
  | { kind: 'later'; reason: string; code?: string; afterMs: number }
  | { kind: 'failed'; reason: string; code?: string; about?: Exclude<SendErrorClass, 'later'>; declined?: boolean }
  | { kind: 'unknown'; reason: string };

export interface MessageToFind {
  messageId: number;
  whatsapp: string;
  text: string;
  channel: 'whatsapp' | 'sms';
  /** When it was given to the provider, if it was. */
  sendingMs: number;
  /** The provider's ids it can not have: other messages have them. */
  otherIds: readonly string[];
}

/** `missing` proves nothing: providers list late. */
export type FindOutcome =
  | { kind: 'found'; providerId: string; providerStatus: string }
  | { kind: 'missing' }
  | { kind: 'unreadable'; reason: string };

/** What a provider tells by itself. */
export type ProviderUpdate =
  | {
      kind: 'delivery';
      /** Ours: they were in the address the provider called. */
      messageId: number;
      attempt: number;
      providerId: string;
      providerStatus: string;
      code: string | null;
    }
  | { kind: 'inbound'; number: string; text: string; providerId: string; channel: 'whatsapp' | 'sms' }
  | { kind: 'nothing' };

/** A request the provider made to us: the path with its query as it was called, and the form it posted. */
export interface ProviderCall {
  path: string;
  signature: string;
  form: Readonly<Record<string, string | string[]>>;
}

/** How fast and how far a provider lets us send. */
export interface NotifierPace {
  perSecond: number;
  /** Between two messages to one number. */
  pairPauseMs: number;
  /** Different numbers a template may go to in 24 hours; null: no limit known. */
  dailyRecipients: number | null;
  /** How long a message may wait for a try that gets through. */
  validForMs: number;
  /** How often a message nobody knows anything of is sent once more, after all lookups. 0: never. */
  maxResends: number;
  fallback: 'sms' | null;
}

/** Where messages go. Shaped after Twilio and Meta's Cloud API; what only a provider has is left out without one. */
export interface Notifier {
  name: string;
  send(message: MessageToSend): Promise<SendOutcome>;
  /** Looks for a message of unknown fate. Left out: nobody can be asked. */
  lookup?(message: MessageToFind): Promise<FindOutcome>;
  /** Reads a call of the provider; null: it is not signed by the provider. */
  parseCallback?(call: ProviderCall): Promise<ProviderUpdate | null>;
  /** What an error code means; `attempt` counts from 1. */
  classify?(code: string | null, attempt: number): SendErrorMeaning;
  /** The languages an approved template exists in; left out: free text goes at any time. */
  templates?: readonly Language[];
  /** The same for the reminder of a missing login; none in it: nobody is reminded. */
  reminderTemplates?: readonly Language[];
  pace?: NotifierPace;
  /** Who hears of runs and troubles (E.164), and whether there is an approved template for it. */
  operators?: { numbers: readonly string[]; template: boolean };
}

/** The real parts a run works with, built once in compose/world.ts. */
export interface World {
  store: Store;
  clock: Clock;
  quotes: Quotes;
  venues: ReadonlyMap<string, Venue>;
  /** Orders of one account that may be at venues at once in this process; left out: a few. */
  accountSlots?: number;
  /** How accounts get their sessions, by venue; only in live trading. */
  logins?: ReadonlyMap<string, VenueLogin>;
  notifier: Notifier;
  /** Days the operator added to or took from a market's calendar. */
  operatorDays: (market: Market) => Promise<readonly DayOverride[]>;
  /**
   * Which registered address an account's orders leave from: its own proxy, or one the operator has confirmed; null:
   * neither is known. Left out: nobody can say.
   */
  addressOf?: (account: AccountAtVenue) => Promise<'proxy' | 'confirmed' | null>;
  /**
   * Where an account's user begins their login in a browser, good until then; null: there is none for it, or nobody
   * outside reaches us. It is for them alone.
   */
  loginLink?: (account: { accountId: number; venue: string; untilMs: number }) => Promise<string | null>;
  emit: Emit;
}
