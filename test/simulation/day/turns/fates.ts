// What may become of a call on its way there and back: late, lost, or its caller killed.
import type { Chance } from '../../common/chance.ts';

/** One process of the simulation. Killed, it never gets an answer again; frozen, it gets none until it is woken. */
export interface Life {
  name: string;
  alive: boolean;
  frozenUntilMs: number;
  skewMs: number;
  virtual: boolean;
  /** How many orders it sends at once. */
  concurrency: number;
}

/** Something a process asks the world outside: the database, a venue, the chat. */
export interface Question {
  kind: 'store' | 'submit' | 'lookup' | 'send' | 'quotes';
  /** What the log says of it. */
  what: string;
  /** Done at the far end, when its turn comes. */
  perform(): Promise<unknown>;
  /** What its caller gets when the answer is lost; null: a lost database. */
  lost: unknown;
  /** Told when the process lets go of it: from then on it is under way, whatever becomes of the process. */
  leaves?(): void;
  /** Told when it will never reach the far end. */
  dropped?(): void;
  /** The longest it may be under way. */
  withinMs: number;
  /** How long after its caller has given up it may still arrive; 0: never. */
  straysMs: number;
}

const storeFates = {
  crash_before: 3,
  crash_after: 3,
  lost_request: 2,
  lost_reply: 3,
  delayed_request: 2,
  delayed_reply: 3,
  runs_after_timeout: 2,
  repeated: 2,
};
const venueFates = { crash_before: 3, crash_after: 3, lost_reply: 3, delayed_request: 2, delayed_reply: 3 };
const strayingFates = { ...venueFates, runs_after_timeout: 3 };

export type Fate = keyof typeof storeFates | 'none';

/** What becomes of a question on its way there and back. */
export function fateFor({ kind, straysMs }: Question, chance: Chance): Fate {
  if (kind === 'store') return chance.weighted(storeFates);
  return chance.weighted(straysMs > 0 ? strayingFates : venueFates);
}

export interface TurnsOptions {
  chance: Chance;
  startMs: number;
  faultShare: number;
  freezeShare: number;
  /** The longest a pause takes beyond what was asked for; default: now and then a minute. */
  laggardMs?: number;
  /** Counts what was done to the processes. */
  injected(fault: string): void;
  /** A process was killed: somebody may start another. */
  killed(life: Life): void;
  /** True: no further turn is given. */
  over(): boolean;
}
