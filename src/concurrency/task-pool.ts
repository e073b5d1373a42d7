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
  const open = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let good = 0;
  const atMost = async (n: number): Promise<void> => {
    while (open.size > n || (failures.length > 0 && open.size > 0)) await Promise.race(open);
    if (failures.length > 0) throw failures[0];
  };
  return {
    start(item) {
      const piece = work(item)
        .then((done) => {
          if (done) good += 1;
        })
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => open.delete(piece));
      open.add(piece);
    },
    underWay: () => open.size,
    atMost,
    async ended() {
      await atMost(0);
      return good;
    },
  };
}
