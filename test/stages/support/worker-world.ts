// The parts of a worker process, for tests that run one in the process of the test.

import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Emit } from '../../../src/ports/events/events.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Clock, World } from '../../../src/ports/world.ts';

/** The world of one `npm run worker`, in this process. */
export function workerWorld(store: Store, url: string, clock: Clock, emit: Emit = () => undefined): Promise<World> {
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  const target = { kind: 'server', url } as const;
  return makeWorld({
    config: read.config,
    target,
    store,
    clock,
    quotes: storedQuotes(store, 'signal'),
    faults: null,
    emit,
  });
}
