// Narrows a failing batch down to the items that fail, by halving it.
import { DatabaseError, isClockWrong } from '../ports/database.ts';
import type { CallOptions } from '../ports/store/store.ts';

type Flush<Item, Result> = (items: Item[], options: CallOptions) => Promise<Result[]>;

/**
 * Flushes a batch; what the database refuses, or finds busy, is halved and tried again, down to one item. Gives each
 * item's result, or the error it meets by itself: one failure stays one failure.
 * @throws what is no item's fault: the connection is lost, or the database has the same unclear answer for everything
 */
export async function inHalves<Item, Result>(
  items: readonly Item[],
  flush: Flush<Item, Result>,
): Promise<(Result | DatabaseError)[]> {
  const results = await flushed([...items], flush, { repeat: 'lost' });
  const [first] = results;
  if (first instanceof DatabaseError && results.every(isUnclear)) throw first;
  return results;
}

async function flushed<Item, Result>(
  items: Item[],
  flush: Flush<Item, Result>,
  options: CallOptions,
): Promise<(Result | DatabaseError)[]> {
  try {
    return await flush(items, options);
  } catch (error) {
    // A wrong clock is wrong for every item.
    if (!(error instanceof DatabaseError) || !error.answered || isClockWrong(error)) throw error;
    if (items.length <= 1) return [error];
    // An answer nobody knows has been waited for as a whole, so its parts are not.
    const partOptions: CallOptions = error.kind === 'lost' ? { repeat: 'never' } : options;
    const middle = Math.ceil(items.length / 2);
    const first = await flushed(items.slice(0, middle), flush, partOptions);
    // Not one of several got through: it is not about them.
    if (first.length > 1 && first.every(isUnclear)) return items.map(() => error);
    return [...first, ...(await flushed(items.slice(middle), flush, partOptions))];
  }
}

function isUnclear(result: unknown): boolean {
  return result instanceof DatabaseError && result.kind === 'lost';
}
