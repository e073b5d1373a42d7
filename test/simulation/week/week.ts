// Everything of one simulated week that its processes, people and checks share.
import type { CurrencyCode } from '../../../src/domain/currency.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Chance } from '../common/chance.ts';
import type { Ground } from '../common/ground.ts';
import type { Plant } from '../day/scene.ts';
import type { Rows } from './checks/books.ts';
import type { WeekPlan } from './plan.ts';
import type { WeekVenue } from './world/venue.ts';

/** In which grouping and order the facts of orders are told, and how often everything is called. */
export type FactGrouping = 'as it comes' | 'one by one' | 'backwards' | 'twice';

/** What each decision was, in a line. */
export const DECISIONS_SQL = `select concat_ws(' ', user_id, signal_id, outcome, reason, quantity, limit_value, actual_value) as what
  from public.decisions order by run_id, signal_id, user_id`;

/** What was removed from the database: the checks know it all the same. */
export interface Removed {
  through: string[];
  orders: Rows['orders'];
  fills: Rows['fills'];
  decisions: string[];
}

export interface WeekOptions {
  plant?: Plant | null;
  grouping?: FactGrouping;
  /** Nobody is killed, nothing is changed between reading and writing, and no venue stumbles. */
  calm?: boolean;
  /** The person with absurd numbers does nothing. */
  idleAbsurd?: boolean;
  /** The records of closed days are removed every evening. */
  removes?: boolean;
  /** Every call with its answer; a week without it is the same and faster. */
  logs?: boolean;
}

/** Everything of one week that its processes and people meet. */
export interface Week {
  seed: number;
  ground: Ground;
  plan: WeekPlan;
  plant: Plant | null;
  grouping: FactGrouping;
  /** The time there is; a process's clock may be off. */
  clock: { nowMs: number };
  day: Day;
  venues: ReadonlyMap<string, WeekVenue>;
  /** The far end, as a person's command calls it. */
  store: Store;
  /** What the database has, read once for as long as nothing is written. */
  rows(): Promise<Rows>;
  /** The database was written to past the store. */
  wrote(): void;
  removes: boolean;
  settled: Rows | null;
  removed: Removed;
  /** What an account may spend by what its venue knows. */
  cashAtVenue(accountId: number): Promise<number>;
  /** A choice by its name. */
  draw(name: string): Chance;
  at(atMs: number, what: string, act: () => Promise<void>): void;
  /** Whom a person has been told to look after, by client order id. */
  alerted: Set<string>;
  /** Users whose numbers an operator was told of. */
  alertedUsers: Set<string>;
  /** Whether a worker has come by after today's close. */
  workedLate: boolean;
  paused: Set<string>;
  /** What whom may not be bought. */
  denied: Map<string, string>;
  /** What people moved in and out of paper accounts, by reference. */
  moved: Map<string, { currency: CurrencyCode; minor: number }>;
  /** The newest order to buy that was held against its symbol’s cap. */
  newestBuy: number;
  /** Fills that never were, as a person finds out in time. */
  lies: { order: string; fill: string }[];
  broken: string[];
  breaks(promise: string, what: string): void;
  log: string[];
  /** Kept only where the week is logged. */
  note(line: () => string): void;
  count(what: string): void;
}

export interface Day {
  date: string;
  /** The trading day before it. */
  before: string;
  index: number;
  closeMs: number;
}
