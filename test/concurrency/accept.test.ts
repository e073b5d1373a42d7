import { expect, test } from 'vitest';
import type { DecisionToAccept } from '../../src/ports/store/runs.ts';
import { accepted, openTestRun, type TestRun, undecided } from '../contract/support/test-run.ts';
import { nowMs, signal, user } from '../support/builders.ts';
import { chunks, clientPool, shuffled } from './client-pool.ts';

const CLIENTS = 32;
const { store, query } = clientPool(CLIENTS);

interface Attempt {
  testRun: TestRun;
  decisions: DecisionToAccept[];
}

/** As many runs as clients, each with one signal that was decided as accepted for the same user. */
async function attempts(name: string, change: Parameters<typeof user>[1], symbolOf: (n: number) => string) {
  const made: Attempt[] = [];
  for (let n = 0; n < CLIENTS; n += 1) {
    const of = signal(symbolOf(n));
    const runId = `XNSE:2025-08-28:open:paper:${name}-${n}`;
    const testRun = await openTestRun(store, { runId, users: [user(name, change)], signals: [of] });
    const [account] = await undecided(testRun);
    if (!account) throw new Error('the run was opened for one user');
    made.push({ testRun, decisions: [accepted(testRun, account, of)] });
  }
  return made;
}

/** Every client accepts at once; gives how often each reason (or an acceptance) came out. */
async function allAtOnce(name: string, made: readonly Attempt[]): Promise<Record<string, number>> {
  await Promise.all(
    made.map(({ testRun: { runId }, decisions }) => store.call('accept_page', { runId, nowMs, decisions })),
  );
  const rows = await query(
    `select coalesce(reason, outcome) as what, count(*)::int as n from public.decisions where user_id = $1 group by 1`,
    [name],
  );
  return Object.fromEntries(rows.map(({ what, n }) => [what, n]));
}

test('of 32 clients that accept with the last rupee one gets it', async () => {
  const made = await attempts('rupee', {}, (n) => `RUPEE${n}`);
  const holdMinor = made[0]?.decisions[0]?.holdMinor ?? 0;
  expect(holdMinor).toBeGreaterThan(0);
  // All but the last hold is spent; what is left covers one to the paisa.
  await query(
    `with spent as (insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
       select id, 'adjustment', $1 - cash_minor, 0, now() from public.accounts where user_id = 'rupee' returning *)
     update public.accounts a set cash_minor = $1 from spent where a.id = spent.account_id`,
    [holdMinor],
  );
  expect(await allAtOnce('rupee', made)).toEqual({ accepted: 1, insufficient_funds: CLIENTS - 1 });
  expect(
    await query("select (cash_minor - held_minor)::int as left from public.accounts where user_id = 'rupee'"),
  ).toEqual([{ left: 0 }]);
});

test('of 32 clients that accept for the last position slots exactly as many get one as there are', async () => {
  const made = await attempts('slots', { maxOpenPositions: 3 }, (n) => `SLOT${n}`);
  expect(await allAtOnce('slots', made)).toEqual({ accepted: 3, max_open_positions: CLIENTS - 3 });
});

test('of 32 clients that accept the same signal for the same user one places an order', async () => {
  const made = await attempts('same', {}, () => 'SAME');
  expect(await allAtOnce('same', made)).toEqual({ accepted: 1, already_decided: CLIENTS - 1 });
  expect(await query("select count(*)::int as n from public.orders where user_id = 'same'")).toEqual([{ n: 1 }]);
});

test('of 32 clients that buy the same instrument on different signals one places an order', async () => {
  const made = await attempts('strategies', {}, () => 'MANY');
  const different = await Promise.all(
    made.map(async ({ testRun }, n) => {
      const of = signal('MANY', { strategy: `s${n}`, id: `NSE:2025-08-28:s${n}:MANY:BUY` });
      const runId = `${testRun.runId}-again`;
      const again = await openTestRun(store, { runId, users: testRun.users, signals: [of] });
      const [account] = await undecided(again);
      if (!account) throw new Error('the run was opened for one user');
      return { testRun: again, decisions: [accepted(again, account, of)] };
    }),
  );
  expect(await allAtOnce('strategies', different)).toEqual({ accepted: 1, working_order: CLIENTS - 1 });
});

test('planners on overlapping pages in opposite orders decide every user once', async () => {
  const users = Array.from({ length: 120 }, (_, n) => user(`planned-${n}`, { priority: n % 7 }));
  const signals = ['P1', 'P2', 'P3'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
  const runId = 'XNSE:2025-08-28:open:paper:planners';
  const testRun = await openTestRun(store, { runId, users, signals, limits: { symbolCapMinor: 1_00_00_000_00 } });
  const perUser = (await undecided(testRun)).map((account) => signals.map((of) => accepted(testRun, account, of)));
  const plans = [perUser, perUser.toReversed(), ...[1, 2, 3, 4].map((seed) => shuffled(perUser, seed))];
  const sums = await Promise.all(
    plans.map(async (plan, index) => {
      let mine = 0;
      for (const page of chunks(plan, 17 + index)) {
        mine += (await store.call('accept_page', { runId, nowMs, decisions: page.flat() })).accepted;
      }
      await store.call('decide_run', { runId, nowMs });
      return mine;
    }),
  );
  expect(sums.reduce((sum, mine) => sum + mine, 0)).toBe(360);
  const [counts] = await query(
    `select (select count(*)::int from public.decisions where run_id = $1) as decisions,
       (select count(*)::int from public.orders where run_id = $1) as orders,
       (select count(*)::int from public.messages where run_id = $1) as messages,
       (select state from public.scan_runs where id = $1) as state`,
    [runId],
  );
  expect(counts).toEqual({ decisions: 360, orders: 360, messages: 120, state: 'decided' });
});
