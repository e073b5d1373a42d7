// What a stage is handed: the parts of the world it works with, and the database functions it may call.
import type { Answer, Arguments, CallOptions, StoreFunction } from './store/store.ts';
import type { World } from './world.ts';

/** A store that takes these functions only: another one is an error of the compiler. */
export interface StoreOf<in Calls extends StoreFunction> {
  readonly call: <F extends Calls>(name: F, args: Arguments[F], options?: CallOptions) => Promise<Answer<F>>;
}

/** These parts of the world, and the store for these functions, where there are any. */
export type Deps<Parts extends Exclude<keyof World, 'store' | 'venues'>, Calls extends StoreFunction = never> = Pick<
  World,
  Parts
> &
  ([Calls] extends [never] ? unknown : { store: StoreOf<Calls> });

/** The venues of this process by name, with these parts of each: who only reads accounts is not handed `submit`. */
export interface VenuesWith<Parts> {
  venues: ReadonlyMap<string, Parts>;
}
