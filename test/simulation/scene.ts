import { z } from 'zod';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Answer, Arguments, StoreFunction } from '../../src/ports/store.ts';
import type { World } from '../../src/ports/world.ts';
import type { Chance } from './chance.ts';
import { booksOf, type Calls, type Ground, type Snapshot } from './ground.ts';
import type { Plan } from './plan.ts';
import type { Promises } from './promises.ts';
import type { Turns } from './turns.ts';
import type { SimulatedVenue } from './venue.ts';

/** A bug put in on purpose: what it changes in every process's world, and statements that change the database. */
export interface Plant {
  change?: (world: World) => World;
  sql?: readonly string[];
}

/** Everything of one schedule that its processes meet. */
export interface Scene {
  ground: Ground;
  plan: Plan;
  chance: Chance;
  turns: Turns;
  promises: Promises;
  venues: ReadonlyMap<string, SimulatedVenue>;
  calls: Calls;
  tables: Snapshot;
  plant: Plant | null;
  /** Settlements whose answer was lost and that will be repeated, by order, once the order is under way again. */
  echoes: Map<number, Arguments['settle_orders']['outcomes'][number]>;
  count(what: string): void;
}

const marked = z.object({ marked: z.array(z.int()) });

/** Runs one function of the database at the far end, and looks at what it left behind. */
export async function callNow<F extends StoreFunction>(
  scene: Scene,
  name: F,
  args: Arguments[F],
  itsNowMs: number,
): Promise<Answer<F>> {
  const { ground, turns, promises } = scene;
  const called = await scene.calls(name, args, turns.nowMs());
  const answer = await makeStore({ call: async () => called.answer, close: async () => undefined }).call(name, args);
  scene.count('store calls');
  if (name === 'mark_submitting') promises.marked(marked.parse(answer).marked, itsNowMs);
  if (!called.changed) return answer;
  scene.tables = called.changed;
  promises.look(called.changed, await booksOf(ground));
  return answer;
}
