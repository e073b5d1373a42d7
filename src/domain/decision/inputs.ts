// What `decide` is given: the frame of the run, its signals, and one user's account.
import type { CurrencyCode } from '../currency.ts';
import type { CorporateAction } from '../market/corporate-actions.ts';
import type { Listing } from '../market/share.ts';
import type { Instrument, Mode, Product, Quote, Side, Signal, UserSettings } from '../types.ts';

/** What one leg costs at an exchange from a date on: parts per billion of turnover, as the dated row in the database says. */
export interface ChargeRate {
  id: number;
  product: Product;
  side: Side;
  transactionTaxPpb: number;
  exchangePpb: number;
  regulatorPpb: number;
  stampPpb: number;
  brokeragePpb: number;
  brokerageCapMinor: number;
  gstBps: number;
}

/**
 * When sends that fail are stopped: of a venue or a signal from so many orders and accounts in trouble on, and where they
 * are such a share of those tried; of an account from so many of its own.
 */
export interface BreakerLimits {
  breakerMinOrders: number;
  breakerPct: number;
  breakerMinAccounts: number;
  breakerAccountsPct: number;
  breakerAccountMinOrders: number;
  /** Before one order is tried again; longer from time to time. */
  breakerPauseMs: number;
}

/** The limits that hold for the whole run, frozen with it; the database knows the breakers' where they are left out. */
export interface RunLimits extends Partial<BreakerLimits> {
  priceBandBps: number;
  /** The same for a limit price somebody names; left out: what limit-band.ts says. */
  limitBandBps?: number | undefined;
  protectionBps: number;
  minOrderValueMinor: number;
  maxOrderValueMinor: number | null;
  /** Most exposure per symbol over all users of a trade date. */
  symbolCapMinor: number | null;
  quoteMaxAgeMs: number;
  /** Everything is decided and filled at the signals' own prices, since none were given; left out: at a market's. */
  pricesFrom?: 'signal' | undefined;
}

/** A signal as a run froze it: with its instrument and the one price everybody is decided at. */
export interface PlannedSignal {
  signal: Signal;
  /** Which share it is, under whatever listing (see share.ts). */
  share: string;
  /** null: the instrument is not known; nothing is assumed about it in live mode. */
  instrument: Instrument | null;
  quote: Quote | null;
  /** What happened to the share since the previous close; left out: nothing that is known. */
  action?: CorporateAction | undefined;
  /** Somebody asks for this one order themselves; left out: a strategy does, and everything is sized. */
  requested?: RequestedOrder;
}

/** What was asked for by name. null: sized, and with the usual protection, as any signal. */
export interface RequestedOrder {
  quantity: number | null;
  limitPriceMinor: number | null;
}

export interface OpenPosition extends Listing {
  share: string;
  product: Product;
  quantity: number;
}

/**
 * What an account's orders traded of one listing today, over their fills; shares that came otherwise are not in it. Whole
 * numbers as text: sums of any size.
 */
export interface DayTrades extends Listing {
  share: string;
  boughtQuantity: string;
  boughtMinor: string;
  soldQuantity: string;
  soldMinor: string;
}

/** Everything `decide` needs to know of one user's account, read in one go for a page of users. */
export interface AccountState {
  settings: UserSettings;
  active: boolean;
  tradingEnabled: boolean;
  /** Strategies the user follows; null = every one. */
  strategies: string[] | null;
  allowSymbols: string[] | null;
  denySymbols: string[];
  /** The account's; where there is none in the run's currency that of another of theirs, null: they have none. */
  currency: CurrencyCode | null;
  /** null: the account may trade; else why not (no account, no login, drift, late post). */
  notReady: string | null;
  /** Why the user's venue or the user is halted, or null. */
  halted: string | null;
  availableMinor: number;
  /** The fills of this trading day and what they cost in charges; read only where there is a limit to a day's loss. */
  today: { traded: DayTrades[]; chargesMinor: string };
  /** Orders to buy of this trading day so far; counted only where there is a limit to them. */
  ordersToday: number;
  positions: OpenPosition[];
  /** Orders that are not in a terminal status. */
  working: (Listing & { share: string; side: Side })[];
  decidedSignalIds: string[];
}

/** What is the same for every user of the run. */
export interface RunFrame {
  mode: Mode;
  nowMs: number;
  cutOffMs: number;
  /** Why everything is halted, or null. */
  halted: string | null;
  limits: RunLimits;
  signals: PlannedSignal[];
  /** Prices of everything any user holds, keyed `exchange:symbol`. */
  quotes: ReadonlyMap<string, Quote>;
  rates: ChargeRate[];
  /** Whether instruments are known at all: then what is none of them is not traded, on paper either. */
  instrumentsKnown: boolean;
  /** Exposure (minor units) already accepted today over all users, keyed by share. */
  capUsed: Readonly<Record<string, number>>;
}
