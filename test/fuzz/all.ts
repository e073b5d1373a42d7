import type { TestDatabase } from '../support/postgres.ts';
import { filesTarget } from './files-target.ts';
import { providerTarget } from './provider-target.ts';
import { routesTarget } from './routes-target.ts';
import { updatesTarget, wireTarget } from './streams-target.ts';
import type { Target } from './target.ts';
import { venueTarget } from './venues-target.ts';

/** All that hears from outside. */
export const fuzzTargets: Readonly<Record<string, (database: TestDatabase) => Promise<Target>>> = {
  routes: (database) => routesTarget(database),
  kite: (database) => venueTarget('kite', database),
  lemonn: (database) => venueTarget('lemonn', database),
  alpaca: (database) => venueTarget('alpaca', database),
  files: filesTarget,
  provider: providerTarget,
  updates: updatesTarget,
  wire: wireTarget,
};
