// The embedded case's process: one scan on an embedded database in memory.
import { resolve } from 'node:path';
import { z } from 'zod';
import { virtualClock } from '../../../src/adapters/clock.ts';
import { fileQuotes, storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { makeWorld, openStore } from '../../../src/compose/world.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Quotes } from '../../../src/ports/world.ts';
import { run } from '../../../src/run.ts';
import { nseSample } from '../../../src/sample/sample.ts';
import { clocked } from '../bench-case.ts';
import { listen, say } from '../child-process.ts';
import { benchRequest, importDay, plainConfig, startMs } from '../core/day.ts';

/** Kept between runs, and shared with the tests: it follows from the migrations. */
const IMAGES = resolve(import.meta.dirname, '../../../node_modules/.cache/daily-scan');

/** One scan on an embedded database in memory, with the product's own simulated venue, as `npm run scan` does it. */
export async function embeddedPart(input: unknown): Promise<void> {
  const { what, users } = z.object({ what: z.enum(['sample', 'day']), users: z.int() }).parse(input);
  listen(() => undefined);
  const config = { ...plainConfig(), dataDir: IMAGES };
  const target = { kind: 'embedded', path: null } as const;
  const opened = await clocked(() =>
    openStore({ config, target, readOnly: false, virtual: true, onSlowStart: () => undefined }),
  );
  const store = opened.result;
  const { quotes, atMs } = what === 'sample' ? await sample(store) : await day(store, users);
  const { ms, result } = await clocked(async () => {
    const clock = virtualClock(atMs);
    const faults = what === 'sample' ? nseSample.faults() : null;
    const options = { config, target, store, clock, quotes, faults, emit: () => undefined, freedAtMs: atMs };
    return run(await makeWorld(options), { ...benchRequest(config.concurrency), cutOffTime: config.cutOffTime });
  });
  if (result.kind !== 'report') throw new Error(result.message);
  // performance.now() counts from the start of the process.
  say({ ms, openMs: opened.ms, sinceStartMs: performance.now(), filled: result.report.totals.filled });
}

interface Day {
  quotes: Quotes;
  atMs: number;
}

async function sample(store: Store): Promise<Day> {
  await nseSample.seed(store);
  return { quotes: fileQuotes(nseSample.prices()), atMs: istMs(nseSample.date, '09:20') };
}

async function day(store: Store, users: number): Promise<Day> {
  await importDay(store, users, 3);
  return { quotes: storedQuotes(store, 'signal'), atMs: startMs };
}
