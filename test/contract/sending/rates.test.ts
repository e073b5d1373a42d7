import { beforeEach, expect, test } from 'vitest';
import { defaultRate, type RateBudget } from '../../../src/ports/venue.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, leaseMs, openTestRun } from '../support/test-run.ts';

const unlimited = { perSecond: 1_000_000, perMinute: 1_000_000, perDay: 1_000_000 };
const usersOf = (n: number) => Array.from({ length: n }, (_, index) => user(`u${String(index).padStart(2, '0')}`));

onEveryDatabase('rate budgets', ({ store, session, value }) => {
  beforeEach(() => session.exec('delete from core.rate_uses; delete from core.rate_days'));

  const take = async (budget: RateBudget, times: number, accountId = 1) => {
    const uses = Array.from({ length: times }, () => ({ venue: 'kite', accountId }));
    return store.call('take_rates', { uses, budgets: { kite: budget } });
  };
  const perAccount: RateBudget = { account: defaultRate, venue: null };
  const granted = (waits: (number | null)[]) => waits.filter((wait) => wait === 0).length;
  test('ten in any second, then 100 ms at a time until the window has passed', async () => {
    const takeAt = async (seconds: number, times: number): Promise<(number | null)[]> => {
      // In one transaction, so that the clock set is the clock of the calls, whichever connection of a pool they get.
      const uses = Array.from({ length: times }, () => ({ venue: 'kite', accountId: 1 }));
      const args = JSON.stringify({ uses, budgets: { kite: perAccount } });
      const clock = `2025-08-28 03:50:${String(seconds).padStart(4, '0')}+00`;
      const [row] = await session.query(
        `select public.take_rates($1::jsonb) as waits from (select set_config('daily_scan.now', $2, false)) clock`,
        [args, clock],
      );
      const waits = row?.['waits'];
      return Array.isArray(waits) ? waits : [];
    };
    expect(await takeAt(10, 12)).toEqual([...Array(10).fill(0), 100, 100]);
    expect(granted(await takeAt(11, 1))).toBe(0);
    expect(granted(await takeAt(11.2, 12))).toBe(10);
    await session.exec('reset daily_scan.now');
  });

  test('a minute and a day have limits of their own, and a spent day says so', async () => {
    const tight: RateBudget = { account: { ...unlimited, perMinute: 3 }, venue: null };
    expect(await take(tight, 4)).toEqual([0, 0, 0, 1000]);
    const spent: RateBudget = { account: { ...unlimited, perDay: 4 }, venue: null };
    expect(await take(spent, 3)).toEqual([0, null, null]);
  });

  test('the venue budget is shared by its accounts, and a refusal there costs the account nothing', async () => {
    const both: RateBudget = { account: { ...unlimited, perMinute: 3 }, venue: { ...unlimited, perMinute: 4 } };
    expect(granted(await take(both, 3, 1))).toBe(3);
    expect(granted(await take(both, 3, 2))).toBe(1);
    expect(await value(`select coalesce(sum(used), 0)::int from core.rate_uses where key = 'kite account 2'`)).toBe(1);
  });

  test('two processes together never pass the budget', async () => {
    const budget: RateBudget = { account: null, venue: { ...unlimited, perMinute: 20 } };
    const answers = await Promise.all(Array.from({ length: 8 }, (_, account) => take(budget, 5, account)));
    expect(granted(answers.flat())).toBe(20);
  });

  const takeWith = (budget: RateBudget, markId: string, change: object = {}) => {
    const args = { markId, venues: ['paper'], limit: 100, leaseMs, nowMs, budgets: { paper: budget } };
    return store.call('take_orders', { ...args, ...change });
  };

  test('what has to wait for its venue’s rate stays queued, the rest goes, and the venue is named', async () => {
    await decideAll(await openTestRun(store, { users: usersOf(5) }));
    const budget = { account: null, venue: { ...unlimited, perMinute: 3 } };
    const first = await takeWith(budget, 'm1');
    expect(first.orders).toHaveLength(3);
    const waits = [{ venue: 'paper', accountId: null, waitMs: 1000 }];
    expect(first.waits).toEqual(waits);
    expect(await takeWith(budget, 'm2')).toEqual({ orders: [], probes: [], waits });
    expect(await value(`select count(*)::int from public.orders where status = 'queued' and lease_until is null`)).toBe(
      2,
    );
    await session.exec('delete from core.rate_uses');
    expect((await takeWith(budget, 'm3')).orders).toHaveLength(2);
  });

  test('where only an account has to wait, its venue is not named, and its orders are passed over meanwhile', async () => {
    const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
    await decideAll(await openTestRun(store, { users: usersOf(1), signals }));
    const budget = { account: { ...unlimited, perSecond: 1 }, venue: { ...unlimited, perMinute: 3 } };
    const { orders, waits } = await takeWith(budget, 'm1');
    expect(orders.map(({ symbol }) => symbol)).toEqual(['TITAN']);
    expect(waits).toEqual([{ venue: 'paper', accountId: orders[0]?.accountId, waitMs: 100 }]);
    expect(await takeWith({ account: null, venue: null }, 'm2')).toMatchObject({ orders: [], waits: [] });
    const later = await takeWith({ account: null, venue: null }, 'm3', { nowMs: nowMs + 100 });
    expect(later.orders.map(({ symbol }) => symbol)).toEqual(['INFY']);
  });

  test('an account whose day is spent keeps its order until its time is over, and nobody spins on it', async () => {
    await decideAll(await openTestRun(store));
    const budget = { account: { ...unlimited, perDay: 0 }, venue: null };
    const nothing = { orders: [], probes: [], waits: [] };
    expect(await takeWith(budget, 'm1')).toEqual(nothing);
    expect(await takeWith({ account: null, venue: null }, 'm2')).toEqual(nothing);
    expect(await value(`select status from public.orders`)).toBe('queued');
  });
});
