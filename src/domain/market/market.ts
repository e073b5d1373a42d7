// The markets: where instruments trade, in which zone and currency, by which calendar, and what is done when.
import type { CurrencyCode } from '../currency.ts';
import { cut } from '../text/text.ts';
import type { Calendar } from './calendar.ts';
import { nseCalendar } from './nse-calendar.ts';
import { nyseCalendar } from './nyse-calendar.ts';

/**
 * The code of a market: its MIC (ISO 10383), which starts every session and run id. A market on a chain has none; its
 * own name stands for it.
 */
export type Mic = 'XNSE' | 'XBOM' | 'XNYS' | 'SOLANA';

export type Slot = 'open';

/** Times of day in the market's zone, `HH:MM`. */
export interface SlotTimes {
  /** A scan is accepted from then on (later where the market opens later that day). */
  acceptFrom: string;
  due: string;
  /** New decisions are refused from then on, where no setting says otherwise. */
  cutOff: string;
}

/** What is done beside the scan, `HH:MM` in the market's zone. */
export interface DayTimes {
  /** Accounts are asked whether they can trade; nobody is reminded of a login before `remindFrom`. */
  ready: string;
  /** For whoever has logged in since. */
  readyAgain: string;
  remindFrom: string;
  /** From then on a session without a run is a missing one. */
  check: string;
  /** The evening: books are compared and checked. */
  sync: string;
}

export interface Market {
  mic: Mic;
  /** As people say it. */
  name: string;
  /** The exchange codes of the instruments that trade in it; the first is meant where none is given. */
  exchanges: readonly [string, ...string[]];
  /** IANA name: the date and every time of day of this market are of this zone, with its daylight saving. */
  zone: string;
  /** As people say it behind a time of day. */
  zoneName: string;
  /** Where its dates are, as people say it. */
  place: string;
  /** ISO 4217 code, or that of a token. */
  currency: CurrencyCode;
  calendar: Calendar;
  slots: Readonly<Record<Slot, SlotTimes>>;
  times: DayTimes;
  /** Why no run is made in it, for people; null: runs are. */
  notTraded: string | null;
}

/** The National Stock Exchange of India. */
export const xnse: Market = {
  mic: 'XNSE',
  name: 'NSE',
  exchanges: ['NSE'],
  zone: 'Asia/Kolkata',
  zoneName: 'IST',
  place: 'India',
  currency: 'INR',
  calendar: nseCalendar,
  slots: { open: { acceptFrom: '09:15', due: '09:20', cutOff: '09:35' } },
  times: { ready: '08:45', readyAgain: '09:10', remindFrom: '08:00', check: '09:25', sync: '15:45' },
  notTraded: null,
};

/** BSE, Mumbai: the days and hours of the NSE, and many of the same shares. */
const xbom: Market = {
  ...xnse,
  ...{ mic: 'XBOM', name: 'BSE', exchanges: ['BSE'] },
  notTraded: 'the BSE’s charges are not known here, and nothing is traded whose cost is not known',
};

/** The New York Stock Exchange, and with it every US share: Nasdaq, Arca, American and Cboe keep its days and hours. */
const xnys: Market = {
  mic: 'XNYS',
  name: 'NYSE',
  exchanges: ['US', 'NYSE', 'NASDAQ', 'ARCA', 'AMEX', 'BATS'],
  zone: 'America/New_York',
  zoneName: 'New York time',
  place: 'New York',
  currency: 'USD',
  calendar: nyseCalendar,
  slots: { open: { acceptFrom: '09:30', due: '09:35', cutOff: '09:50' } },
  times: { ready: '08:55', readyAgain: '09:20', remindFrom: '08:00', check: '09:40', sync: '16:15' },
  notTraded: null,
};

/** Open at every hour of every day, and no paper says when: a day is a day of UTC. */
const alwaysOpen: Calendar = {
  name: 'SOLANA',
  sources: { chain: { issued: '2020-03-16', about: 'Blocks are made at all hours (Solana mainnet beta)' } },
  coverage: null,
  weekend: [],
  ordinaryHours: [
    { from: '2025-01-01', openTime: '00:00', closeTime: '24:00', fnoCloseTime: '24:00', source: 'chain' },
  ],
  holidays: [],
  specialSessions: [],
  minHolidays: 0,
};

const solana: Market = {
  mic: 'SOLANA',
  name: 'Solana',
  exchanges: ['SOLANA'],
  zone: 'UTC',
  zoneName: 'UTC',
  place: 'UTC',
  currency: 'USDC',
  calendar: alwaysOpen,
  slots: { open: { acceptFrom: '00:00', due: '00:05', cutOff: '00:20' } },
  times: { ready: '00:01', readyAgain: '00:03', remindFrom: '00:00', check: '00:10', sync: '23:45' },
  notTraded: 'no venue sends orders there',
};

/** Every market there is; the first is the one that is meant where none is named. */
export const markets: readonly [Market, ...Market[]] = [xnse, xbom, xnys, solana];

/** What signals and single orders may name as their exchange: of each market runs are made in the first. */
export const exchangesWithRuns: readonly string[] = markets
  .filter(({ notTraded }) => notTraded === null)
  .map(({ exchanges: [first] }) => first);

/**
 * Every exchange code with the one that stands for all of its market: a share of NASDAQ is one of US, under one name
 * whatever rows say.
 */
export const exchangesByCode: ReadonlyMap<string, string> = new Map(
  markets.flatMap(({ exchanges }) => exchanges.map((code) => [code, exchanges[0]] as const)),
);

/** The market whose calendar it is: of several that share one, the first. Days are listed and set for that one. */
export function calendarOwner({ calendar }: Market): Market {
  return markets.find((one) => one.calendar === calendar) ?? markets[0];
}

/**
 * The exchanges whose signals are due in a market's runs: its own; in the NSE's also those of markets no run is made in
 * (the BSE's): nobody's signals are left out unseen.
 */
export function exchangesDueIn(market: Market): readonly string[] {
  if (market !== markets[0]) return market.exchanges;
  return markets.filter((one) => one === market || one.notTraded !== null).flatMap(({ exchanges }) => exchanges);
}

const byCode = new Map<string, Market>(
  markets.flatMap((market) => [market.mic, ...market.exchanges].map((code) => [code, market] as const)),
);

export interface UnknownMarket {
  kind: 'unknown_market';
  code: string;
  message: string;
}

/** What is shown of a code nobody knows. */
const MAX_SHOWN_CODE = 80;

/** The market of a MIC or of an exchange code (`XNSE`, `NSE`), or what to write instead. */
export function marketOf(code: string): { kind: 'market'; market: Market } | UnknownMarket {
  const market = byCode.get(code);
  if (market) return { kind: 'market', market };
  const known = markets.map(({ mic, exchanges }) => [...new Set([mic, ...exchanges])].join(', ')).join('; ');
  return {
    kind: 'unknown_market',
    code,
    message: `there is no market "${cut(code, MAX_SHOWN_CODE)}": write one of ${known}`,
  };
}
