// What is drawn of a day beforehand: users, venues, signals, processes and their kills.
import type { RunLimits } from '../../../src/domain/decision/inputs.ts';
import { signalIdOf, userIdOf } from '../../../src/domain/ids.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { ListedInstrument, Mode, Signal } from '../../../src/domain/types.ts';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import type { RateBudget, VenueCapabilities } from '../../../src/ports/venue.ts';
import type { Chance } from '../common/chance.ts';

const tradeDate = '2025-08-28';
export const cutOffMs = istMs(tradeDate, '09:35');

const listed = [
  { symbol: 'TITAN', priceMinor: 3560_00, tickMinor: 10 },
  { symbol: 'INFY', priceMinor: 1500_00, tickMinor: 10 },
  { symbol: 'SBICARD', priceMinor: 800_00, tickMinor: 5 },
];
const names = ['Asha Rao', 'Rohan Mehta', 'Kavita Iyer', 'Sanjay Gupta'];

/** The four kinds of venue there are for the core. */
const kinds: Record<string, VenueCapabilities> = {
  alfa: { refusesDuplicates: true, missIsProof: true },
  bravo: { refusesDuplicates: true, missIsProof: false },
  carol: { refusesDuplicates: false, missIsProof: true },
  delta: { refusesDuplicates: false, missIsProof: false },
};

export interface VenuePlan {
  name: string;
  capabilities: VenueCapabilities;
  /** Share of requests that go wrong. */
  trouble: number;
  /** A time in which every request goes wrong in the same way; null: there is none. */
  spell: { kind: Spell; fromMs: number; untilMs: number } | null;
}

/** The login is over, too many requests were made, or nobody answers: for orders and lookups alike. */
export type Spell = 'token_invalid' | 'rate_limited' | 'down';

export interface WorkerPlan {
  startAfterMs: number;
  /** How far its clock is off. */
  skewMs: number;
  concurrency: number;
  /** How often it is started again when it has ended or was killed. */
  lives: number;
  /** Share of its lives it comes as a trigger of the scan; else it only works off what is there. */
  scans: number;
}

export interface OperatorPlan {
  afterMs: number;
  scope: 'all' | 'venue' | 'user';
  target: string;
  /** null: stays halted to the end. */
  resumeAfterMs: number | null;
}

/** What happens in one schedule, as far as it is known beforehand. */
export interface Plan {
  mode: Mode;
  startMs: number;
  users: UserToImport[];
  signals: Signal[];
  instruments: ListedInstrument[];
  holdings: { userId: string; symbol: string; quantity: number }[];
  /** The scan brings signals and users as files would; else they are in the database before. */
  bringsFiles: boolean;
  venues: VenuePlan[];
  workers: WorkerPlan[];
  operator: OperatorPlan[];
  limits: RunLimits & { breakerMinOrders: number; breakerMinAccounts: number };
  /** A client whose broker session hangs: no order or lookup of theirs is answered in this time. null: nobody's does. */
  hung: { userId: string; fromMs: number; untilMs: number } | null;
  /** Share of the calls something happens to. */
  faultShare: number;
  /** Share of the turns after which a worker stands still for a while. */
  freezeShare: number;
  /** Share of the moments between asking and acting in which a halt comes, or the process stands still past its lease. */
  cueShare: number;
}

export function planOf(chance: Chance): Plan {
  const mode = chance.happens(0.6) ? 'live' : 'paper';
  const { pick, happens, between } = chance;
  const late = happens(0.2);
  const startMs = istMs(tradeDate, late ? '09:33' : '09:20') + between(0, late ? 110_000 : 30_000);
  const venues = venuesOf(chance, mode).map((venue) => ({ ...venue, spell: spellOf(chance, startMs) }));
  const users = usersOf(chance, mode, venues);
  const signals = signalsOf(chance, startMs);
  return {
    mode,
    startMs,
    users,
    signals,
    instruments: listed.map(({ symbol, tickMinor }) => instrument(symbol, tickMinor)),
    holdings: signals
      .filter(({ side }) => side === 'SELL')
      .flatMap(({ symbol }) => users.filter(() => happens(0.7)).map(({ id }) => holding(id, symbol, between(1, 40)))),
    bringsFiles: mode === 'paper' && happens(0.5),
    venues,
    workers: Array.from({ length: between(1, 4) }, () => workerOf(chance)),
    operator: happens(0.35) ? operatorOf(chance, venues, users) : [],
    limits: {
      priceBandBps: 300,
      protectionBps: 50,
      minOrderValueMinor: 0,
      maxOrderValueMinor: null,
      symbolCapMinor: happens(0.1) ? 150_000_00 : null,
      quoteMaxAgeMs: 60_000,
      breakerMinOrders: pick([2, 4, 10]),
      breakerMinAccounts: pick([1, 2, 2, 3]),
      breakerAccountMinOrders: pick([1, 2, 5]),
      breakerPauseMs: pick([1000, 5000]),
    },
    hung: happens(0.15) ? hungOf(chance, users, startMs) : null,
    faultShare: pick([0, 0.01, 0.03, 0.06, 0.12]),
    freezeShare: pick([0, 0, 0.01, 0.03]),
    cueShare: pick([0, 0, 0.1, 0.3]),
  };
}

function venuesOf(chance: Chance, mode: Mode): Omit<VenuePlan, 'spell'>[] {
  const { pick, happens } = chance;
  const known = mode === 'live' ? Object.keys(kinds).filter(() => happens(0.5)) : [];
  const chosen = mode === 'paper' || known.length === 0 ? [pick(Object.keys(kinds))] : known;
  return chosen.flatMap((kind) => {
    const capabilities = kinds[kind];
    if (!capabilities) return [];
    const counted = happens(0.3)
      ? { ...capabilities, rates: ratesOf(chance), ratesCountLookups: happens(0.5) }
      : capabilities;
    return [{ name: mode === 'paper' ? 'paper' : kind, capabilities: counted, trouble: pick([0, 0.2, 0.4, 0.7]) }];
  });
}

function spellOf({ between, happens, pick }: Chance, startMs: number): VenuePlan['spell'] {
  if (!happens(0.15)) return null;
  const fromMs = startMs + between(0, pick([500, 60_000]));
  const kind = pick(['token_invalid', 'rate_limited', 'down'] as const);
  return { kind, fromMs, untilMs: fromMs + between(1000, pick([10_000, 300_000])) };
}

function hungOf({ pick, between }: Chance, users: UserToImport[], startMs: number): Plan['hung'] {
  const fromMs = startMs + between(0, pick([0, 60_000]));
  return { userId: pick(users).id, fromMs, untilMs: fromMs + between(10_000, pick([60_000, 1_200_000])) };
}

function ratesOf({ pick }: Chance): RateBudget {
  const account = { perSecond: pick([1, 2]), perMinute: pick([2, 10]), perDay: pick([6, 100]) };
  return { account, venue: pick([null, { perSecond: 2, perMinute: 6, perDay: 100 }]) };
}

function usersOf({ pick, happens }: Chance, mode: Mode, venues: VenuePlan[]): UserToImport[] {
  return names.slice(0, pick([1, 2, 3, 4, 4])).map((name, index) => ({
    id: userIdOf(name),
    name,
    whatsapp: happens(0.85) ? `+91999990000${index}` : null,
    capitalMinor: 100_000_00,
    allocationBps: pick([1000, 2000, 3000, 6000]),
    leverageCenti: pick([100, 250, 500]),
    maxOpenPositions: pick([null, null, null, 1, 2]),
    dailyLossLimitBps: happens(0.1) ? 300 : null,
    priority: pick([1, 100, 100]),
    venue: mode === 'paper' ? 'paper' : pick(venues).name,
    active: happens(0.95),
  }));
}

function signalsOf({ happens, pick, between }: Chance, startMs: number): Signal[] {
  return listed.slice(0, pick([1, 2, 3, 3])).map(({ symbol, priceMinor }, index) => {
    const side = happens(0.15) ? ('SELL' as const) : ('BUY' as const);
    const named = { exchange: 'NSE', tradeDate, strategy: 'breakout-20d', symbol, side };
    const validUntilMs = happens(0.2) ? startMs + between(1000, pick([10_000, 60_000])) : null;
    const prices = { referencePriceMinor: priceMinor, stopLossMinor: null, targetMinor: null };
    return { id: signalIdOf(named), rank: index + 1, ...named, ...prices, validUntilMs };
  });
}

function instrument(symbol: string, tickMinor: number): ListedInstrument {
  const rest = { isin: null, name: symbol, lotSize: 1, freezeQuantity: null, fno: false, restricted: null };
  return { exchange: 'NSE', symbol, tickMinor, ...rest };
}

function holding(userId: string, symbol: string, quantity: number): Plan['holdings'][number] {
  return { userId, symbol, quantity };
}

function workerOf({ pick, between, happens }: Chance): WorkerPlan {
  return {
    startAfterMs: happens(0.6) ? between(0, 200) : between(0, 90_000),
    skewMs: between(-1500, 1500),
    concurrency: pick([1, 2, 8]),
    lives: between(1, 3),
    scans: pick([1, 1, 0.5, 0]),
  };
}

function operatorOf(chance: Chance, venues: VenuePlan[], users: UserToImport[]): OperatorPlan[] {
  const { between, pick, happens } = chance;
  return Array.from({ length: between(1, 2) }, () => {
    const scope = pick(['all', 'venue', 'user'] as const);
    const target = { all: '', venue: pick(venues).name, user: pick(users).id }[scope];
    const resumeAfterMs = happens(0.7) ? between(500, 240_000) : null;
    return { afterMs: happens(0.7) ? between(0, 5000) : between(0, 300_000), scope, target, resumeAfterMs };
  });
}
