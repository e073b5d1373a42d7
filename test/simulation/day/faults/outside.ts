// What is drawn of the trouble from outside: hung accounts, database errors, locked rows, odd answers.
import { chanceOf } from '../../common/chance.ts';
import type { Plan } from '../plan.ts';

/** What people and programs beside us do to a schedule. Drawn apart from its plan: that stays what the seed made it. */
export interface OutsidePlan {
  /** Share of a venue's words that hold characters no database takes, or no screen shows. */
  oddTextShare: number;
  /** Share of the orders a venue tells values of that nobody can book. */
  oddValueShare: number;
  /** Share of the database calls that meet one of its moods. */
  faultShare: number;
  /** A call about more users or orders than these takes longer than a statement may. null: none does. */
  mostRows: number | null;
  /** Whose settlements the database refuses: those that say something, or all of them. null: nobody's. */
  unwritable: { userId: string; what: 'answers' | 'all' } | null;
  /** Rows a stranger holds for a while, in a session of the database that we know nothing of. */
  locks: RowLock[];
  /** Nothing but a lock happens: then nobody but whom it is about may notice. */
  alone: boolean;
}

export interface RowLock {
  what: 'account' | 'user' | 'order' | 'run';
  userId: string;
  afterMs: number;
  forMs: number;
}

/**
 * `hasStranger`: there is a second session that can hold rows. Where the scan itself brings its users it changes their rows,
 * and waits for who holds one as any import does.
 */
export function outsideOf(seed: number, plan: Plan, hasOutsider: boolean): OutsidePlan {
  const mayHold = hasOutsider && !plan.bringsFiles;
  const { happens, pick, between } = chanceOf(seed ^ 0x0dd5eed);
  const user = (): string => pick(plan.users).id;
  const lock = (what: RowLock['what'], most: number): RowLock => {
    return { what, userId: user(), afterMs: between(0, pick([0, 300, 5000])), forMs: between(1000, most) };
  };
  const alone = mayHold && happens(0.15);
  const quiet = { oddTextShare: 0, oddValueShare: 0, faultShare: 0, mostRows: null, unwritable: null };
  if (alone) {
    const what = pick(['account', 'account', 'user', 'order'] as const);
    return { ...quiet, locks: [{ ...lock(what, 1), afterMs: 0, forMs: 120_000 }], alone };
  }
  const drawn = {
    oddTextShare: happens(0.5) ? pick([0.1, 0.5, 1]) : 0,
    oddValueShare: happens(0.25) ? pick([0.1, 0.4]) : 0,
    faultShare: happens(0.4) ? pick([0.01, 0.04, 0.1]) : 0,
    mostRows: happens(0.2) ? pick([1, 2]) : null,
    unwritable: happens(0.2) ? { userId: user(), what: pick(['answers', 'all'] as const) } : null,
  };
  const held = mayHold && happens(0.5);
  const whats = ['account', 'account', 'user', 'order', 'run'] as const;
  return { ...drawn, locks: held ? [lock(pick(whats), pick([5000, 60_000]))] : [], alone };
}

/** A schedule in which nothing happens but what comes from outside. */
export function undisturbed(plan: Plan): Plan {
  const calm = { trouble: 0, spell: null };
  return {
    ...plan,
    venues: plan.venues.map(({ name, capabilities: { refusesDuplicates, missIsProof } }) => {
      return { name, capabilities: { refusesDuplicates, missIsProof }, ...calm };
    }),
    signals: plan.signals.map((signal) => ({ ...signal, validUntilMs: null })),
    workers: [{ startAfterMs: 1000, skewMs: 0, concurrency: 8, lives: 1, scans: 1 }],
    operator: [],
    hung: null,
    faultShare: 0,
    freezeShare: 0,
    cueShare: 0,
  };
}
