// npm run runs: the runs there are.
import type { Config } from '../../config/config.ts';
import { runsText } from '../../terminal/screens/runs.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import type { Refusal } from '../refusal.ts';
import { limitOf } from './paging.ts';

interface RunsFlags {
  limit?: string;
  after?: string;
  json?: boolean;
}

const DEFAULT_PAGE_SIZE = 20;

/** `npm run runs [-- --limit N] [--after RUN] [--json]`: the runs there are, the newest first. */
export async function runsCommand(config: Config, flags: RunsFlags): Promise<number | Refusal> {
  const limit = limitOf(flags.limit, DEFAULT_PAGE_SIZE);
  if (typeof limit !== 'number') return limit;
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const rows = await store.call('read_runs', { named: null, after: flags.after ?? null, limit: limit + 1 });
    const runs = rows.slice(0, limit);
    const next = rows.length > limit ? (runs.at(-1)?.runId ?? null) : null;
    if (flags.json) process.stdout.write(`${JSON.stringify({ runs, next })}\n`);
    else {
      process.stdout.write(`${runsText(runs, process.stdout.columns || 120, plain)}\n`);
      if (next !== null) process.stdout.write(`There are more: npm run runs -- --after ${next}\n`);
    }
    return 0;
  });
}
