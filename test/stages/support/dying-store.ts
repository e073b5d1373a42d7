// A store that fails at a chosen call, for tests of crashes and lost answers.
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Answer, Arguments, Store, StoreFunction } from '../../../src/ports/store/store.ts';

/**
 * `dies`: the process ends just after its k-th call ran, before it hears the answer (which is also what dying before
 * call k + 1 leaves; k = 0 is before the first). `loses an answer`: the k-th call ran, its answer is lost, and the
 * process goes on.
 */
export const deaths = ['dies', 'loses an answer'] as const;
export type Death = (typeof deaths)[number];

export interface DyingStore extends Store {
  /** Every call so far, in the order they were made. */
  names: string[];
  /** Resolves when nothing is under way any more: the dead process's last statements are over. */
  quiet(): Promise<void>;
}

/** A store that fails at its k-th call, or at the first of a name; a dead one fails at every later call too. */
export function dyingStore(store: Store, last: number | StoreFunction, death: Death): DyingStore {
  const names: string[] = [];
  let k = typeof last === 'number' ? last : Number.POSITIVE_INFINITY;
  const underWay = new Set<Promise<unknown>>();
  const lost = (name: string) => {
    return new DatabaseError(`the connection broke in ${name}`, { kind: 'lost', code: 'ECONNRESET' });
  };
  return {
    names,
    async call<F extends StoreFunction>(name: F, args: Arguments[F]): Promise<Answer<F>> {
      const at = names.push(name);
      if (name === last) k = Math.min(k, at);
      if (death === 'dies' && at > k) throw lost(name);
      const running = store.call(name, args);
      underWay.add(running);
      const answer = await running.finally(() => underWay.delete(running));
      if (at === k) throw lost(name);
      return answer;
    },
    async quiet() {
      await Promise.allSettled([...underWay]);
    },
    close: () => store.close(),
  };
}
