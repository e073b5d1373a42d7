// Everything of one simulated day that its processes meet, and how they reach the database.
import { z } from 'zod';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Answer, Arguments, StoreFunction } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import type { Chance } from '../common/chance.ts';
import type { Called, Ground, Snapshot } from '../common/ground.ts';
import type { SimulatedVenue } from '../common/venue.ts';
import { brokenClaims } from './checks/claims.ts';
import type { Neighbours } from './checks/neighbours.ts';
import type { Promises } from './checks/promises.ts';
import { serverError } from './faults/database-faults.ts';
import type { OutsidePlan } from './faults/outside.ts';
import type { Plan } from './plan.ts';
import type { Turns } from './turns/turns.ts';

/** A bug put in on purpose: what it changes in every process's world, and in the database. */
export interface Plant {
  change?: (world: World) => World;
  /** Within how many calm steps a day has to come to rest, where the bug would go on for ever: fewer than it is given else. */
  calmSteps?: number;
  /** Text from outside goes to the database as it came. */
  keepsText?: true;
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
  outside: OutsidePlan;
  neighbours: Neighbours;
  chance: Chance;
  /** What comes from outside is drawn from this. */
  strange: Chance;
  turns: Turns;
  promises: Promises;
  venues: ReadonlyMap<string, SimulatedVenue>;
  tables: Snapshot;
  plant: Plant | null;
  /** Settlements whose answer was lost and that will be repeated, by order, once the order is under way again. */
  echoes: Map<number, Arguments['settle_orders']['outcomes'][number]>;
  count(what: string): void;
}

const taken = z.object({ orders: z.array(z.object({ orderId: z.int() })) });
const resent = z.object({ marked: z.boolean() });

/** The orders a call has marked as being sent. */
export function markedBy(name: StoreFunction, args: object, answer: unknown): number[] {
  if (name === 'take_orders') return taken.parse(answer).orders.map(({ orderId }) => orderId);
  if (name === 'mark_resend' && 'orderId' in args && resent.parse(answer).marked) return [Number(args.orderId)];
  return [];
}

/** Runs one function of the database at the far end, and looks at what it left behind. */
export async function callNow<F extends StoreFunction>(scene: Scene, name: F, args: Arguments[F]): Promise<Answer<F>> {
  const { ground, turns, promises } = scene;
  if (isUnwritable(scene, name, args)) {
    scene.count('fault refused_row');
    throw serverError(name, '23514');
  }
  let changed: Called['changed'] = null;
  const answerOf = async (_: string, clean: unknown): Promise<unknown> => {
    const called = await ground.call(name, scene.plant?.keepsText ? args : clean, turns.nowMs());
    changed = called.changed;
    return called.answer;
  };
  const store = makeStore({ call: answerOf, close: async () => undefined }, { patient: false });
  const answer = await store.call(name, args);
  scene.count('store calls');
  const marked = markedBy(name, args, answer);
  if ('markId' in args && 'nowMs' in args && marked.length > 0) {
    // By whichever clock is later: a call that runs late says when it was made.
    promises.marked(String(args.markId), marked, Math.max(Number(args.nowMs), turns.nowMs()));
  }
  if ('limit' in args && marked.length > Number(args.limit)) {
    promises.broken.push(`slots: ${marked.length} orders are taken for ${args.limit} slots`);
  }
  if ('uses' in args && Array.isArray(answer)) promises.rates.granted(args.uses, answer);
  checkCall(scene, args, changed);
  return answer;
}

function checkCall(scene: Scene, args: object, changed: Called['changed']): void {
  if (!changed) return;
  const { turns, promises } = scene;
  const renewing = 'claimIds' in args && Array.isArray(args.claimIds) ? args.claimIds.map(String) : null;
  const moment = { nowMs: turns.nowMs(), renewing };
  for (const what of brokenClaims(scene.tables.orders, changed.tables.orders, moment)) {
    promises.broken.push(`claims: ${what}`);
  }
  scene.tables = changed.tables;
  promises.check(changed.tables, changed.brokenBooks);
}

/** What is told by itself is told to a database that may not take it, or whose rows somebody holds. */
export async function ifTaken(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof DatabaseError && error.answered && error.kind !== 'lost')) throw error;
  });
}

/** Whether the database takes no such settlement of one of the orders. */
function isUnwritable({ outside: { unwritable }, tables }: Scene, name: StoreFunction, args: object): boolean {
  if (name !== 'settle_orders' || unwritable === null || !('outcomes' in args) || !Array.isArray(args.outcomes))
    return false;
  const theirs = new Set(tables.orders.filter(({ userId }) => userId === unwritable.userId).map(({ id }) => id));
  return args.outcomes.some(({ orderId, venueStatus }) => {
    return theirs.has(orderId) && (unwritable.what === 'all' || venueStatus !== 'unknown');
  });
}
