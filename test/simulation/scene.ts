import { z } from 'zod';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Arguments } from '../../src/ports/arguments.ts';
import type { Answer, StoreFunction } from '../../src/ports/store.ts';
import type { World } from '../../src/ports/world.ts';
import type { Chance } from './chance.ts';
import { brokenClaims } from './claims.ts';
import type { Ground, Snapshot } from './ground.ts';
import type { Plan } from './plan.ts';
import type { Promises } from './promises.ts';
import type { Turns } from './turns.ts';
import type { SimulatedVenue } from './venue.ts';

/** A bug put in on purpose: what it changes in every process's world, and in the database. */
export interface Plant {
  change?: (world: World) => World;
  edits?: readonly Edit[];
  /** Statements nothing takes back: a database they ran on is this bug's own. */
  sql?: readonly string[];
}

/** A piece of a database function's text, and what is put in its place. */
export interface Edit {
  /** With its schema. */
  inFunction: string;
  from: string;
  to: string;
}

/** Everything of one schedule that its processes meet. */
export interface Scene {
  ground: Ground;
  plan: Plan;
  chance: Chance;
  turns: Turns;
  promises: Promises;
  venues: ReadonlyMap<string, SimulatedVenue>;
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
  const called = await ground.call(name, args, turns.nowMs());
  const answer = await makeStore({ call: async () => called.answer, close: async () => undefined }).call(name, args);
  scene.count('store calls');
  if (name === 'mark_submitting' && 'markId' in args && args.markId) {
    promises.marked(args.markId, marked.parse(answer).marked, itsNowMs);
  }
  if (!called.changed) return answer;
  const renewing = 'claimIds' in args ? args.claimIds : null;
  for (const what of brokenClaims(scene.tables.orders, called.changed.tables.orders, {
    nowMs: turns.nowMs(),
    renewing,
  })) {
    promises.broken.push(`claims: ${what}`);
  }
  scene.tables = called.changed.tables;
  promises.look(called.changed.tables, called.changed.brokenBooks);
  return answer;
}
