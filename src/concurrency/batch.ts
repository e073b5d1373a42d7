// Gathers single items into batches without making any of them wait for a timer.
// Our own: dataloader sends several batches at once, and a flush of ours may only follow the one before it.
interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

/**
 * Gathers single items into batches: while one flush is under way the next items wait and go together. Nothing waits
 * for a timer, so a lone item goes at once. Each caller gets its own item's answer; a failed flush fails its items, or,
 * where `mayFailAlone` says so of its error, its halves are flushed again, down to one item: for flushes that may be
 * repeated.
 */
export function batched<Item, Result>(
  flush: (items: Item[]) => Promise<Result[]>,
  maxItems: number,
  mayFailAlone: (error: unknown) => boolean = () => false,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let flushing = false;

  const flushed = async (batch: Waiting<Item, Result>[]): Promise<void> => {
    try {
      answerAll(batch, await flush(batch.map(({ item }) => item)));
    } catch (error) {
      const middle = Math.ceil(batch.length / 2);
      if (batch.length > 1 && mayFailAlone(error)) {
        await flushed(batch.slice(0, middle));
        await flushed(batch.slice(middle));
      } else for (const { reject } of batch) reject(error);
    }
  };

  const drain = async (): Promise<void> => {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      await flushed(batch);
    }
    flushing = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // Started once the events at hand have been heard, so that what came in one go makes one batch.
      if (!flushing) {
        flushing = true;
        setImmediate(drain);
      }
    });
}

function answerAll<Item, Result>(batch: Waiting<Item, Result>[], results: Result[]): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const result = results[index];
    if (result === undefined) reject(new Error('a batch answered fewer items than it was given'));
    else resolve(result);
  }
}
