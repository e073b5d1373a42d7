// Bench case: decisions planned per second, and database calls per page.
import {
  type Bench,
  type BenchCase,
  clocked,
  figure,
  howOften,
  judged,
  median,
  type Row,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import { countedStore } from './counted-store.ts';
import type { Prepared } from './databases.ts';
import { benchRequest, benchWorld, importDay, planned } from './day.ts';
import { instantVenue } from './instant-venue.ts';

const SIGNALS = 5;
const PER_SECOND = 18_000;

export const plan: BenchCase = {
  name: 'plan',
  what: 'the whole planning of a scan, 10,000 users × 5 signals: snapshot, decide, accept',
  async measure(bench) {
    const [few, many] = [scaled(bench, 1_000, 2), scaled(bench, 10_000, 10)];
    const smaller = await ofUsers(bench, few, 'big');
    const larger = await ofUsers(bench, many, 'cheap');
    return [rateRow(bench, many, larger), callsRow(bench, few, smaller, many, larger)];
  },
};

interface Planning {
  ms: number;
  /** Calls of the database in all, and pages accepted. */
  calls: number;
  pages: number;
}

async function ofUsers(bench: Bench, users: number, cost: 'cheap' | 'big'): Promise<Planning[]> {
  const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
  try {
    return await repeated(bench, cost, () => onceOn(bench, prepared, users));
  } finally {
    await prepared.drop();
  }
}

/** One planning on a copy of a prepared day. */
async function onceOn(bench: Bench, prepared: Prepared, users: number): Promise<Planning> {
  const database = await bench.server.fresh(prepared);
  try {
    const { store, calls } = countedStore(database.store);
    const world = await benchWorld({ url: database.url, store, venue: instantVenue() });
    calls.clear();
    const { ms } = await clocked(() => planned(world, benchRequest(bench.concurrency)));
    const [row] = await database.session.query("select count(*)::int as n from public.orders where status = 'queued'");
    if (row?.['n'] !== users * SIGNALS)
      throw new Error(`${row?.['n']} orders of ${users} users and ${SIGNALS} signals`);
    return { ms, calls: [...calls.values()].reduce((sum, n) => sum + n, 0), pages: calls.get('accept_page') ?? 0 };
  } finally {
    await database.close();
  }
}

function rateRow(bench: Bench, users: number, plannings: Planning[]): Row {
  const ms = median(plannings.map((one) => one.ms));
  const perSecond = (users * SIGNALS * 1000) / ms;
  return judged(bench, {
    what: `${figure(users)} users × ${SIGNALS} signals, planned`,
    goal: `≥ ${figure(PER_SECOND)} decisions/s`,
    result: `${figure(perSecond)}/s (${figure(ms)} ms, ${howOften(plannings)})`,
    ratio: times(perSecond / PER_SECOND),
    met: perSecond >= PER_SECOND,
  });
}

/** What is the same for all users costs its calls once: with more pages, there are fewer calls to a page. */
function callsRow(bench: Bench, few: number, [small]: Planning[], many: number, [large]: Planning[]): Row {
  if (!small || !large) throw new Error('nothing was planned');
  const perPage = ({ calls, pages }: Planning) => calls / pages;
  const callsOf = (users: number, one: Planning) =>
    `${one.calls} calls for ${one.pages} ${one.pages === 1 ? 'page' : 'pages'} of ${figure(users)} users`;
  return judged(bench, {
    what: 'database calls per page',
    goal: 'constant: no more to a page for more users',
    result: `${callsOf(few, small)}, ${callsOf(many, large)}`,
    ratio: times(perPage(large) / perPage(small)),
    met: perPage(large) <= perPage(small),
  });
}
