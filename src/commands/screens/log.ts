// npm run log: the log of operator actions, and a check of its hash chain.
import type { Config } from '../../config/config.ts';
import { actionNames } from '../../domain/actions.ts';
import { istMs, parseInstant, parseTradeDate } from '../../domain/market/india-time.ts';
import type { RecordedAction } from '../../ports/store/access.ts';
import type { Arguments, Store } from '../../ports/store/store.ts';
import { actionsText, verifiedText } from '../../terminal/screens/actions.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';

export interface LogFlags {
  verify?: boolean;
  kept?: string;
  limit?: string;
  after?: string;
  user?: string;
  action?: string;
  since?: string;
  json?: boolean;
}

const MAX_PAGE_SIZE = 1000;
const DEFAULT_PAGE_SIZE = 50;

/**
 * `npm run log [-- --user X] [--action A] [--since D] [--limit N] [--after N]`: who did what, the newest first; `--verify`
 * computes the chain of hashes again: exit 1 where a row is changed, missing or added.
 */
export async function logCommand(config: Config, flags: LogFlags): Promise<number | Refusal> {
  const work = flags.verify ? verification(flags) : listing(flags);
  if (typeof work !== 'function') return work;
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, work);
}

type Work = (store: Store) => Promise<number | Refusal>;

function verification({ kept, json }: LogFlags): Work | Refusal {
  const [, id, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(kept ?? '') ?? [];
  if (kept !== undefined && (id === undefined || hash === undefined)) {
    return refusal('bad_flag', `--kept is the head as --verify printed it, a number, a colon and a hash, not ${kept}.`);
  }
  return async (store) => {
    const args = { keptId: id === undefined ? null : Number(id), keptHash: hash ?? null };
    const result = await store.call('verify_actions', args);
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${verifiedText(result)}\n`);
    return result.problems.length === 0 ? 0 : 1;
  };
}

function listing(flags: LogFlags): Work | Refusal {
  const query = queryOf(flags);
  if ('kind' in query) return query;
  return async (store) => {
    const named = flags.user === undefined ? null : await userNamed(store, flags.user);
    if (named && 'kind' in named) return named;
    const userId = named?.id ?? null;
    const rows = await store.call('read_actions', { ...query, userId, limit: query.limit + 1 });
    return printPage(rows, query.limit, flags.json ?? false);
  };
}

function printPage(rows: RecordedAction[], limit: number, json: boolean): number {
  const actions = rows.slice(0, limit);
  const next = rows.length > limit ? (actions.at(-1)?.id ?? null) : null;
  if (json) process.stdout.write(`${JSON.stringify({ actions, next })}\n`);
  else {
    process.stdout.write(`${actionsText(actions, process.stdout.columns || 200, plain)}\n`);
    if (next !== null) process.stdout.write(`There are more: --after ${next}\n`);
  }
  return 0;
}

function queryOf({ limit, after, action, since, kept }: LogFlags): Omit<Arguments['read_actions'], 'userId'> | Refusal {
  if (kept !== undefined) return refusal('bad_flag', '--kept is checked by --verify: give both.');
  const pageSize = limit === undefined ? DEFAULT_PAGE_SIZE : Number(limit);
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
    return refusal('bad_flag', `--limit is a whole number from 1 to ${MAX_PAGE_SIZE}, not ${limit}.`);
  }
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    return refusal('bad_flag', `--after is the number of an action, not ${after}.`);
  }
  const named = actionNames.find((one) => one === action);
  if (action !== undefined && named === undefined) {
    return refusal('bad_flag', `--action is one of ${actionNames.join(', ')}, not ${action}.`);
  }
  const sinceMs = since === undefined ? null : startOf(since);
  if (since !== undefined && sinceMs === null) {
    return refusal(
      'bad_flag',
      `--since is a day such as 2026-11-30 (from its midnight in India) or an instant with an offset, not ${since}.`,
    );
  }
  return { beforeId: after === undefined ? null : Number(after), limit: pageSize, action: named ?? null, sinceMs };
}

function startOf(since: string): number | null {
  const date = parseTradeDate(since);
  return date === null ? parseInstant(since) : istMs(date, '00:00');
}
