// Nothing is removed that was not exported, row for row.
import { expect, test } from 'vitest';
import { addDays } from '../../../src/domain/market/india-time.ts';
import type { RemovalExport } from '../../../src/ports/removal-export.ts';
import type { RemovalDeps } from '../../../src/stages/books/deps.ts';
import { removeClosing } from '../../../src/stages/books/remove-old.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { by, manifestHash, removalScene, today, yearsLater } from './scene.ts';

type Rows = Parameters<RemovalExport['add']>[0];

onEveryDatabase('an export', (ground) => {
  const { store, session } = ground;
  const { trade, on, call, mark, counted, closedDay, finishRuns, close } = removalScene(ground);

  /** Keeps what it is given, but what `keeps` says no to. */
  const exportTo = (kept: Rows[number][], keeps: (one: Rows[number]) => boolean): RemovalExport => ({
    add: async (rows) => void kept.push(...rows.filter(keeps)),
    finish: async (tables) => {
      const counts = Object.fromEntries(
        tables.map((table) => [table, kept.filter((one) => one.table === table).length]),
      );
      return { kind: 'written', directory: 'memory', counts, manifestHash };
    },
  });
  /** The store as it answers years later: by the clock of the one connection that tests can set. */
  const later: RemovalDeps['store'] = {
    call: async (name: never, args: never) =>
      name === 'mark_removed' ? on(yearsLater(10), () => call('mark_removed', args)) : store.call(name, args),
  } as never;
  const remove = (to: RemovalExport) => removeClosing({ store: later }, today, { years: 8, by }, async () => to);

  test('has every row that goes, page by page', async () => {
    await trade('asha');
    await trade('ravi');
    await trade('asha', 'SELL', 5);
    await finishRuns();
    await close();
    const before = await counted();
    const kept: Rows[number][] = [];
    for (let after = null; ; ) {
      const page: Awaited<ReturnType<typeof readPage>> = await readPage(after);
      kept.push(...page.rows);
      if (page.next === null) break;
      after = page.next as never;
    }
    for (const table of [
      'orders',
      'order_events',
      'fills',
      'decisions',
      'run_users',
      'run_signals',
      'run_prices',
      'messages',
    ])
      expect(kept.filter((one) => one.table === table).length, table).toBe(before[table]);
    expect(new Set(kept.map((one) => JSON.stringify(one))).size).toBe(kept.length);
  });
  const readPage = (after: null) => store.call('read_removable', { through: today, after, limit: 1 });

  test.each(['orders', 'fills', 'decisions', 'messages'])('that lacks one of the %s removes nothing', async (table) => {
    await closedDay();
    const all = await counted();
    const answer = await remove(exportTo([], (one) => one.table !== table));
    expect(answer).toEqual({ kind: 'not_written', what: table });
    expect(await counted()).toEqual(all);
  });

  test('of other records than there are now removes nothing', async () => {
    await closedDay();
    const counts = { orders: 0 };
    const args = { through: today, years: 8, manifestHash, counts, by };
    expect(await later.call('mark_removed', args)).toMatchObject({ kind: 'not_exported' });
    expect(await session.query('select from public.removed_periods')).toEqual([]);
    expect(await mark(today, null)).toMatchObject({ kind: 'would_remove' });
  });

  test('that has all of it removes it', async () => {
    await closedDay();
    const kept: Rows[number][] = [];
    expect(await remove(exportTo(kept, () => true))).toMatchObject({ kind: 'removed' });
    expect(await counted()).toMatchObject({ orders: 0, decisions: 0 });
    expect(await store.call('read_removed', { day: today })).toMatchObject({ through: today, by: by.who, why: by.why });
    expect(await store.call('read_removed', { day: addDays(today, 1) })).toBeNull();
    const all = await store.call('export_user', { userId: 'asha' });
    expect(all).toMatchObject({ orders: [], removedPeriods: [{ through: today, manifest_hash: manifestHash }] });
    expect(kept.length).toBeGreaterThan(8);
  });
});
