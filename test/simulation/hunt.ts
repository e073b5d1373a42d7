import type { Ground } from './ground.ts';
import type { PlantedBug } from './planted.ts';
import { playSchedule } from './schedule.ts';

export interface Caught {
  seed: number;
  /** The first promise the bug broke. */
  broken: string;
  /** How many schedules it took. */
  schedules: number;
}

/**
 * Plays schedules with a planted bug, the given seeds in their order, until one breaks the promise it is about. What it
 * breaks besides does not count. null: none did. The database is the bug's own from then on.
 */
export async function hunt(ground: Ground, bug: PlantedBug, seeds: readonly number[]): Promise<Caught | null> {
  for (const sql of bug.sql ?? []) await ground.session.exec(sql);
  let schedules = 0;
  for (const seed of seeds) {
    schedules += 1;
    const { broken } = await playSchedule(ground, seed, bug);
    const found = broken.find((what) => bug.promise.test(what));
    if (found !== undefined) return { seed, broken: found, schedules };
  }
  return null;
}
