import pRetry from 'p-retry';
import type { Arguments } from '../../ports/arguments.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import { type Answer, answers, type Store, type StoreFunction } from '../../ports/store.ts';
import { storable } from './storable.ts';

/** A database that is gone for ten seconds is waited for: pauses of 0.2 s, 0.4 s … 3.2 s, jittered, about 15 s in all. */
const PATIENCE = { retries: 8, minTimeout: 200, factor: 2, maxTimeout: 4_000, randomize: true };

/**
 * The typed store over any transport: what comes back is parsed once, here, and trusted from then on. A lost call may
 * have run all the same; it is made again because every function may be repeated. Before the first answer nothing is
 * made again: a wrong address should be told at once.
 */
export function makeStore(database: Database): Store {
  let answered = false;
  const ask = async (name: StoreFunction, args: unknown): Promise<unknown> => {
    const answer = await database.call(name, args);
    answered = true;
    return answer;
  };
  const isWorthwhile = ({ error }: { error: Error }) => {
    return answered && error instanceof DatabaseError && error.kind === 'lost';
  };
  return {
    async call<F extends StoreFunction>(name: F, args: Arguments[F]): Promise<Answer<F>> {
      // Text from outside, made such as a database takes, whatever the transport.
      const clean = storable(args);
      const answer = await pRetry(() => ask(name, clean), { ...PATIENCE, shouldRetry: isWorthwhile });
      const parsed = answers[name].safeParse(answer);
      if (!parsed.success) {
        const message = `the database function ${name} answered in a shape this version does not know: run npm run migrate, or update daily-scan`;
        throw new Error(message, { cause: parsed.error });
      }
      return parsed.data as Answer<F>;
    },
    close: () => database.close(),
  };
}
