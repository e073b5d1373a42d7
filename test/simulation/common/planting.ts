// How a planted bug is written down: edits of database functions, or changes of a process’s world.
import type { Arguments, Store, StoreFunction } from '../../../src/ports/store/store.ts';
import type { Venue, VenueCapabilities } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import type { OutsidePlan } from '../day/faults/outside.ts';
import type { Plan } from '../day/plan.ts';
import type { Edit, Plant } from '../day/scene.ts';

/** A bug the simulation has to catch, and as a breach of which promise. */
export interface PlantedBug extends Plant {
  name: string;
  promise: RegExp;
  /** The seed that caught it when it was last looked for: tried first, so that the test is quick. */
  seed: number;
  /** Whether a day as it is drawn can show the bug at all: others are not played. Left out: any can. */
  suits?: (plan: Plan, outside: OutsidePlan) => boolean;
}

type Call = Store['call'];
type Change = NonNullable<Plant['change']>;

export function withStore(change: (call: Call) => Record<string, (args: never) => Promise<unknown>>): Change {
  return (world) => {
    const real: Call = (name, args) => world.store.call(name, args);
    const instead = change(real);
    const call = (name: StoreFunction, args: never) => instead[name]?.(args) ?? real(name, args);
    return { ...world, store: { ...world.store, call: call as Call } };
  };
}

export function withVenues(change: (venue: Venue) => Partial<Venue>): Change {
  return (world: World) => {
    const venues = [...world.venues].map(([name, venue]) => [name, { ...venue, ...change(venue) }] as const);
    return { ...world, venues: new Map(venues) };
  };
}

export const withCapabilities = (capabilities: Partial<VenueCapabilities>): Change =>
  withVenues((venue) => ({ capabilities: { ...venue.capabilities, ...capabilities } }));

export const edit = (inFunction: string, from: string, to: string): Edit => ({ inFunction, from, to });

/**
 * Books again, after each outcome of an order, the one before it, as a process does that stood still in between: no promise
 * may break by that alone.
 */
export const oldOutcomes: Change = withStore((call) => {
  const before = new Map<number, Arguments['settle_orders']['outcomes'][number]>();
  return {
    async settle_orders(args: Arguments['settle_orders']) {
      const answer = await call('settle_orders', args);
      const outcomes = args.outcomes.flatMap(({ orderId }) => before.get(orderId) ?? []);
      for (const one of args.outcomes) before.set(one.orderId, one);
      if (outcomes.length > 0) await call('settle_orders', { ...args, outcomes });
      return answer;
    },
  };
});
