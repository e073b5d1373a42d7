// What is drawn of a week beforehand: its days, users, venues, limits, prices and signals.
import type { RunLimits } from '../../../src/domain/decision/inputs.ts';
import { signalIdOf, userIdOf } from '../../../src/domain/ids.ts';
import { addDays } from '../../../src/domain/market/india-time.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import { tradingDay } from '../../../src/domain/market/session.ts';
import type { ListedInstrument, Mode, Quote, Signal } from '../../../src/domain/types.ts';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import type { VenueDealing } from '../../../src/ports/venue.ts';
import { type Chance, chanceOf } from '../common/chance.ts';
import type { VenuePlan } from '../day/plan.ts';
import type { Absurd } from './absurd.ts';

/** What is drawn of a week beforehand. Everything else is drawn day by day, each choice by a name of its own. */
export interface WeekPlan {
  /** Trading days, in their order; then the morning after, on which everything is settled. */
  dates: string[];
  lastMorning: string;
  users: WeekUser[];
  /** Beside them; null in most weeks. */
  absurd: Absurd | null;
  /** Their rows in dollars; in most weeks nobody has any. */
  dollars: WeekUser[];
  venues: VenuePlan[];
  limits: RunLimits;
  /** Hardly anybody resolves what is left to persons before the last morning: orders stay open over closings. */
  leavesOpen: boolean;
  /** Share of the processes that are killed. */
  killShare: number;
  /** Share of the acts in the middle of which somebody changes something. */
  betweenShare: number;
}

export interface WeekUser {
  mode: Mode;
  /** As they were imported last. */
  settings: UserToImport;
}

/** Thursdays and Mondays; a week with a holiday, one over the end of a month, one over the start of new charges. */
const starts = ['2025-08-25', '2025-09-04', '2025-10-27', '2025-12-29', '2026-03-26', '2026-06-11'];
export const symbols = [
  { symbol: 'TITAN', priceMinor: 3560_00, tickMinor: 10 },
  { symbol: 'INFY', priceMinor: 1500_00, tickMinor: 10 },
  { symbol: 'SBICARD', priceMinor: 800_00, tickMinor: 5 },
  { symbol: 'ITC', priceMinor: 410_00, tickMinor: 5 },
] as const;
/** New York's, in cents. */
export const dollarShares = [
  { symbol: 'AAPL', priceMinor: 231_40, tickMinor: 1 },
  { symbol: 'KO', priceMinor: 68_90, tickMinor: 1 },
] as const;
/** When the simulated New York ends its day, in India: before the night of the week, so that all of it is played. */
export const NEW_YORK_ENDS = '22:30';
const names = ['Asha Rao', 'Rohan Mehta', 'Kavita Iyer', 'Sanjay Gupta', 'Meera Nair', 'Dev Shah'];
/** They are real ones for the core: their books are of the day. */
const dealing: VenueDealing = {
  ...{ lookup: 'book_scan', afterMarketOrders: false, marketOrders: 'no', products: ['delivery', 'mtf'] },
  ...{ staticIp: false, tagLength: 20 },
};
const kinds = {
  alfa: { refusesDuplicates: true, missIsProof: true, dealing },
  bravo: { refusesDuplicates: true, missIsProof: false, dealing },
  carol: { refusesDuplicates: false, missIsProof: true, dealing },
  delta: { refusesDuplicates: false, missIsProof: false, dealing },
};

/** A choice by its name: what else a week draws before it changes nothing of it. */
export function drawn(seed: number, name: string): Chance {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return chanceOf(hash);
}

export function weekOf(seed: number): WeekPlan {
  const chance = drawn(seed, 'week');
  const { pick, happens, between } = chance;
  const days = tradingDaysFrom(pick(starts), between(3, 5) + 1);
  const modes = pick([['live'], ['live'], ['paper'], ['live', 'paper']] as const);
  const trouble = pick([0, 0, 0.1, 0.3]);
  const venues = Object.entries(kinds)
    .filter((_, index) => index === seed % 4 || happens(0.3))
    .map(([name, capabilities]) => ({ name, capabilities, trouble, spell: null }));
  const users = names.slice(0, between(2, 6)).map((name, index) => {
    const mode = modes[index % modes.length] ?? 'live';
    return { mode, settings: userOf(chance, name, mode === 'paper' ? 'paper' : pick(venues).name, index) };
  });
  return {
    dates: days.slice(0, -1),
    lastMorning: days.at(-1) ?? '',
    users,
    absurd: null,
    dollars: [],
    leavesOpen: drawn(seed, 'leaves open').happens(0.35),
    venues: [
      ...venues,
      { name: 'paper', capabilities: { refusesDuplicates: true, missIsProof: true }, trouble, spell: null },
    ],
    limits: limitsOf(chance, drawn(seed, 'symbol cap')),
    killShare: pick([0, 0.1, 0.25]),
    betweenShare: pick([0, 0.4, 0.8]),
  };
}

/** The same week, in which only what the days and the venues' fills bring happens. */
export function undisturbed(plan: WeekPlan): WeekPlan {
  const venues = plan.venues.map((venue) => ({ ...venue, trouble: 0 }));
  return { ...plan, venues, killShare: 0, betweenShare: 0 };
}

function tradingDaysFrom(first: string, count: number): string[] {
  const days: string[] = [];
  for (let day = first; days.length < count; day = addDays(day, 1)) if (isOrdinary(day)) days.push(day);
  return days;
}

function isOrdinary(date: string): boolean {
  const day = tradingDay(xnse, date);
  return day.kind === 'open' && day.name === null;
}

function userOf({ pick, happens }: Chance, name: string, venue: string, index: number): UserToImport {
  return {
    id: userIdOf(name),
    name,
    whatsapp: happens(0.85) ? `+91999990000${index}` : null,
    capitalMinor: pick([100_000_00, 250_000_00]),
    allocationBps: pick([1000, 2000, 3000]),
    leverageCenti: pick([100, 100, 250, 500]),
    maxOpenPositions: pick([null, null, 1, 2]),
    dailyLossLimitBps: happens(0.3) ? pick([50, 300]) : null,
    maxOrdersPerDay: happens(0.2) ? 2 : null,
    maxOrderValueMinor: happens(0.2) ? 60_000_00 : null,
    priority: pick([1, 100, 100]),
    venue,
    active: true,
    tradingEnabled: true,
  };
}

function limitsOf({ pick, happens }: Chance, cap: Chance): RunLimits {
  return {
    priceBandBps: 300,
    protectionBps: 50,
    minOrderValueMinor: pick([0, 0, 1000_00]),
    maxOrderValueMinor: happens(0.2) ? 80_000_00 : null,
    symbolCapMinor: happens(0.3) ? cap.pick([40_000_00, 120_000_00]) : null,
    quoteMaxAgeMs: 60_000,
  };
}

export const instruments: ListedInstrument[] = symbols.map(({ symbol, tickMinor }) => {
  const rest = { isin: null, name: symbol, lotSize: 1, freezeQuantity: 2000, fno: false, restricted: null };
  return { exchange: 'NSE', symbol, tickMinor, ...rest };
});

/** What a share trades at on a day: each day a little off the day before, for every week that has that day the same. */
export function priceOn(date: string, symbol: string): number {
  const listed = [...symbols, ...dollarShares].find((one) => one.symbol === symbol) ?? symbols[0];
  const move = drawn(7, `${date} ${symbol}`).between(-60, 60);
  const priceMinor = Math.floor((listed.priceMinor * (1000 + move)) / 1000);
  return priceMinor - (priceMinor % listed.tickMinor);
}

export function quoteOn(date: string, dayBefore: string, symbol: string, nowMs: number): Quote {
  const circuits = { lowerCircuitMinor: null, upperCircuitMinor: null };
  const previousCloseMinor = priceOn(dayBefore, symbol);
  const exchange = dollarShares.some((one) => one.symbol === symbol) ? 'US' : 'NSE';
  return { exchange, symbol, priceMinor: priceOn(date, symbol), previousCloseMinor, ...circuits, atMs: nowMs };
}

/** A day's signals: mostly buys early in the week, exits later. */
export function signalsOn(seed: number, date: string, dayIndex: number): Signal[] {
  const chance = drawn(seed, `signals ${date}`);
  const sides = symbols.map(() => (chance.happens(dayIndex === 0 ? 0.1 : 0.45) ? ('SELL' as const) : ('BUY' as const)));
  const wanted = symbols.filter(() => chance.happens(0.6));
  return wanted.map(({ symbol }, index) => {
    const side = sides[index] ?? 'BUY';
    const strategy = side === 'BUY' ? 'breakout-20d' : 'exit-20d';
    const named = { exchange: 'NSE', tradeDate: date, strategy, symbol, side };
    const prices = { referencePriceMinor: priceOn(date, symbol), stopLossMinor: null, targetMinor: null };
    return { id: signalIdOf(named), rank: index + 1, ...named, ...prices, validUntilMs: null };
  });
}
