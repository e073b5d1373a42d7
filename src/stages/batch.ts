/**
 * Gathers single items into batches: while one flush is under way the next items wait and go together. Nothing waits
 * for a timer, so a lone item goes at once. Each caller gets its own item's answer; a failed flush fails its items.
 */
export function batched<Item, Result>(
  flush: (items: Item[]) => Promise<Result[]>,
  maxItems: number,
): (item: Item) => Promise<Result> {
  let waiting: { item: Item; resolve: (result: Result) => void; reject: (reason: unknown) => void }[] = [];
  let flushing = false;

  const drain = async (): Promise<void> => {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      try {
        const results = await flush(batch.map(({ item }) => item));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index];
          if (result === undefined) reject(new Error('a batch answered fewer items than it was given'));
          else resolve(result);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    flushing = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // Started in a microtask, so that items added in one go make one batch.
      if (!flushing) {
        flushing = true;
        queueMicrotask(drain);
      }
    });
}
