// Every venue an order can go to for real. A new one is a folder beside this file, and a line here.
import { alpaca } from './alpaca/module.ts';
import { kite } from './kite/module.ts';
import { lemonn } from './lemonn/module.ts';
import type { VenueModule } from './module.ts';

const modules = { kite, lemonn, alpaca };

export type VenueName = keyof typeof modules;

/** Each under its own name. */
export const venueModules = modules satisfies { readonly [Name in VenueName]: VenueModule<Name> };
