// Runs tasks beside one another and waits until few enough are left.
// Our own: p-queue waits until few have not begun, not until few are under way; p-limit waits for nothing.
/** Pieces of work under way: how many, how many ended well, and a way to wait until few enough are left. */
export interface TaskPool<Item> {
  start(item: Item): void;
  underWay(): number;
  /** Waits for all, and gives how many answered true. Throws what the first failed piece threw. */
  ended(): Promise<number>;
  /** Resolves once at most `n` are under way. Throws what the first failed piece threw, after all have had their turn. */
  atMost(n: number): Promise<void>;
}

export function taskPool<Item>(work: (item: Item) => Promise<boolean>): TaskPool<Item> {
  let open = 0;
  const failures: unknown[] = [];
  let good = 0;
  // One promise for whoever waits, not one race over all that are open for each that ends.
  let change = Promise.withResolvers<void>();
  const atMost = async (n: number): Promise<void> => {
    const mustWait = () => open > n || (failures.length > 0 && open > 0);
    if (mustWait()) {
      while (mustWait()) await change.promise;
      // What ends together is all counted before anybody goes on.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (failures.length > 0) throw failures[0];
  };
  const ends = (): void => {
    open -= 1;
    change.resolve();
    change = Promise.withResolvers<void>();
  };
  return {
    start(item) {
      open += 1;
      work(item)
        .then((done) => {
          if (done) good += 1;
        })
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(ends);
    },
    underWay: () => open,
    atMost,
    async ended() {
      await atMost(0);
      return good;
    },
  };
}
