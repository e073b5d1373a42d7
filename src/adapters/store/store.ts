import type { Database } from '../../ports/database.ts';
import { type Answer, type Arguments, answers, type Store, type StoreFunction } from '../../ports/store.ts';

/** The typed store over any transport: what comes back is parsed once, here, and trusted from then on. */
export function makeStore(database: Database): Store {
  return {
    async call<F extends StoreFunction>(name: F, args: Arguments[F]): Promise<Answer<F>> {
      const answer = await database.call(name, args);
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
