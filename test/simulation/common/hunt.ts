// Plays seeds with a planted bug until one of them breaks the promise the bug is about.

import { outsideOf } from '../day/faults/outside.ts';
import { planOf } from '../day/plan.ts';
import type { Edit, Plant } from '../day/scene.ts';
import { playSchedule } from '../day/schedule.ts';
import { chanceOf } from './chance.ts';
import type { Ground } from './ground.ts';
import type { PlantedBug } from './planting.ts';

export interface Caught {
  seed: number;
  /** The first promise the bug broke. */
  broken: string;
  /** How many schedules it took. */
  schedules: number;
}

/** What a seed is played as: a day, or a week. */
type Play = (ground: Ground, seed: number, plant: Plant) => Promise<{ broken: string[] }>;

/**
 * Plays schedules with a planted bug, the given seeds in their order, until one breaks the promise it is about. What it
 * breaks besides does not count. null: none did. A bug with `sql` leaves the database changed, any other as it was.
 */
export async function hunt(
  ground: Ground,
  bug: PlantedBug,
  seeds: readonly number[],
  play: Play = playSchedule,
): Promise<Caught | null> {
  const originals: string[] = [];
  try {
    for (const edit of bug.edits ?? []) originals.unshift(await editFunction(ground, edit));
    for (const sql of bug.sql ?? []) await ground.session.exec(sql);
    return await firstCaught(ground, bug, seeds, play);
  } finally {
    for (const source of originals) await ground.session.exec(source);
  }
}

async function firstCaught(
  ground: Ground,
  bug: PlantedBug,
  seeds: readonly number[],
  play: Play,
): Promise<Caught | null> {
  let schedules = 0;
  for (const seed of seeds) {
    if (!canShow(ground, bug, seed)) continue;
    schedules += 1;
    const { broken } = await play(ground, seed, bug);
    const found = broken.find((what) => bug.promise.test(what));
    if (found !== undefined) return { seed, broken: found, schedules };
  }
  return null;
}

function canShow({ outsider }: Ground, { suits }: PlantedBug, seed: number): boolean {
  if (!suits) return true;
  const plan = planOf(chanceOf(seed));
  return suits(plan, outsideOf(seed, plan, outsider !== undefined));
}

/** Edits a function of the database and gives what it was; a piece that is not there is an error. */
export async function editFunction(
  { session }: Pick<Ground, 'session'>,
  { inFunction, from, to }: Edit,
): Promise<string> {
  const [row] = await session.query(
    `select pg_get_functiondef(p.oid) as source from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname || '.' || p.proname = $1`,
    [inFunction],
  );
  const source = String(row?.['source']);
  if (!source.includes(from)) throw new Error(`${inFunction} has no such piece any more: ${from}`);
  await session.exec(source.replaceAll(from, () => to));
  return source;
}
