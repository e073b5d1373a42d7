import { expect, test } from 'vitest';
import { freshPglite } from '../support/postgres.ts';
import { fuzzTargets } from './all.ts';
import { feed } from './target.ts';

/** Fixed, so that a failure is one of the change at hand; `npm run fuzz` tries others, and more. */
const SEED = 20_261_130;
const RUNS: Readonly<Record<string, number>> = { routes: 200, files: 100, provider: 15 };
const FEWER_RUNS = 30;

test.each(Object.entries(fuzzTargets))('%s takes whatever it is told, and loses no neighbour', async (name, open) => {
  const database = await freshPglite();
  const target = await open(database);
  try {
    const runs = RUNS[name] ?? FEWER_RUNS;
    await feed(target, SEED, runs);
    expect([...target.fed.values()].reduce((sum, times) => sum + times, 0)).toBe(runs);
  } finally {
    await target.close();
    await database.close();
  }
});
