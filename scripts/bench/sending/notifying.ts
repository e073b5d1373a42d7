// Bench case: how many users are notified per second once their orders have ended.
import { execute } from '../../../src/stages/execute/execute.ts';
import { notify } from '../../../src/stages/notify/notify.ts';
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
import type { Prepared } from '../core/databases.ts';
import { benchRequest, benchWorld, importDay, planned } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';

const SIGNALS = 5;
const PER_SECOND = 6_000;

export const notifying: BenchCase = {
  name: 'notify',
  what: 'summaries of users whose orders have ended, from reading to settling; the provider takes each at once',
  async measure(bench) {
    const users = scaled(bench, 5_000, 2);
    const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS, { reachable: true }));
    try {
      return [rowOf(bench, users, await repeated(bench, 'cheap', () => notifiedOnce(bench, prepared, users)))];
    } finally {
      await prepared.drop();
    }
  },
};

/** Notifies the users of a run whose orders have just been filled; gives how long that took. */
async function notifiedOnce(bench: Bench, prepared: Prepared, users: number): Promise<number> {
  const database = await bench.server.fresh(prepared);
  try {
    const { url, store, session } = database;
    const world = await benchWorld({ url, store, venue: instantVenue() });
    await planned(world, benchRequest(bench.concurrency));
    await execute(world, bench.concurrency);
    const { ms, result: settled } = await clocked(() => notify(world, bench.concurrency));
    const [row] = await session.query(`select count(*)::int as n from public.messages where status = 'sent'`);
    if (settled !== users || row?.['n'] !== users) throw new Error(`${row?.['n']} users were notified, not ${users}`);
    return ms;
  } finally {
    await database.close();
  }
}

function rowOf(bench: Bench, users: number, goes: number[]): Row {
  const perSecond = (users * 1000) / median(goes);
  return judged(bench, {
    what: `${figure(users)} users, ${SIGNALS} orders each`,
    goal: `≥ ${figure(PER_SECOND)} users/s`,
    result: `${figure(perSecond)}/s (${howOften(goes)})`,
    ratio: times(perSecond / PER_SECOND),
    met: perSecond >= PER_SECOND,
  });
}
