// Finds the run a person means by an id, its start, a date or latest.
import { parseTradeDate } from '../../domain/market/india-time.ts';
import type { Mode } from '../../domain/types.ts';
import type { ListedRun } from '../../ports/store/reports.ts';
import type { Store } from '../../ports/store/store.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { noteRemoved } from './removed-note.ts';

const MAX_SHOWN = 10;

/**
 * The run a person means by its id, the start of it with or without the market, a date, or `latest`; printed on stderr
 * where it is not the very id. Of several the scan's comes before that of single orders, and `mode` before the other.
 * Exit 2 for none, and for several.
 */
export async function runNamed(store: Store, reference: string, mode: Mode): Promise<string | Refusal> {
  const named = await oneRun(store, reference, mode);
  if (typeof named === 'string') await noteRemoved(store, parseTradeDate(named.split(':')[1] ?? ''));
  return named;
}

async function oneRun(store: Store, reference: string, mode: Mode): Promise<string | Refusal> {
  const matches = await candidates(store, reference);
  const exact = matches.find(({ runId }) => runId === reference);
  if (exact) return exact.runId;
  const chosen = preferred(matches, mode);
  const [one, another] = chosen;
  if (!one) {
    const last = await store.call('read_runs', { named: null, after: null, limit: 3 });
    const hint = last.length === 0 ? 'There is none yet.' : `The last: ${last.map(({ runId }) => runId).join(', ')}.`;
    return refusal('no_such_run', `There is no run ${reference} here. ${hint} npm run runs lists them all.`);
  }
  if (another) {
    const all = chosen.map(({ runId }) => runId).join(', ');
    return refusal('several_runs', `Several runs are meant by ${reference}: name one of ${all}.`);
  }
  process.stderr.write(`Run: ${one.runId}\n`);
  return one.runId;
}

async function candidates(store: Store, reference: string): Promise<ListedRun[]> {
  if (reference !== 'latest') return store.call('read_runs', { named: reference, after: null, limit: MAX_SHOWN });
  const [newest] = await store.call('read_runs', { named: null, after: null, limit: 1 });
  return newest ? store.call('read_runs', { named: newest.tradeDate, after: null, limit: MAX_SHOWN }) : [];
}

function preferred(matches: ListedRun[], mode: Mode): ListedRun[] {
  const narrowers = [(run: ListedRun) => run.runId.split(':')[2] !== 'api', (run: ListedRun) => run.mode === mode];
  return narrowers.reduce((runs, isBetter) => {
    const better = runs.filter(isBetter);
    return better.length > 0 ? better : runs;
  }, matches);
}
