// Counts the database calls a bench case makes.
import type { Store } from '../../../src/ports/store/store.ts';

/** The store, and how often each function was called. */
export function countedStore(store: Store): { store: Store; calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const call: Store['call'] = (name, args) => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    return store.call(name, args);
  };
  return { store: { call, close: () => store.close() }, calls };
}
