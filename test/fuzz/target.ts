import fc from 'fast-check';

/** Something that hears from outside, with how it is fed odd things and what must hold after each. */
export interface Target {
  name: string;
  property: fc.IAsyncProperty<unknown>;
  /** What was fed, by kind, so far. */
  fed: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Feeds a target so many inputs. @throws with the smallest input that breaks it, and the seed to find it again */
export async function feed({ name, property }: Target, seed: number, runs: number): Promise<void> {
  const found = await fc.check(property, { seed, numRuns: runs, endOnFailure: false });
  if (!found.failed) return;
  const again = `npm run fuzz -- --only ${name} --seed ${seed} --runs ${runs}`;
  throw new Error(`${name}: ${fc.defaultReportMessage(found)}\nagain: ${again}`, { cause: found.errorInstance });
}

/** Counts what is fed, by kind. */
export function counter(): { fed: Map<string, number>; count(kind: string): void } {
  const fed = new Map<string, number>();
  return { fed, count: (kind) => void fed.set(kind, (fed.get(kind) ?? 0) + 1) };
}
