// Records of closed months are removed by a person: what accounts have, and how they trade on, stays as it was.
import { expect, test } from 'vitest';
import { addDays } from '../../../src/domain/market/india-time.ts';
import { nowMs } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { fill, settle, settlement } from '../support/test-run.ts';
import { by, removalScene, today, yearsLater } from './scene.ts';

onEveryDatabase('removal', (ground) => {
  const { store, session, value } = ground;
  const { trade, on, call, finishRuns, close, mark, page, removeAll, counted, accounts, allAddsUp, closedDay } =
    removalScene(ground);

  test.each([1, 3, 100])(
    '%i rows at a time: all of a closed day goes but what later books begin with',
    async (limit) => {
      await trade('asha');
      await trade('ravi');
      await trade('asha', 'SELL', 5);
      await finishRuns();
      await close();
      await trade('devi', 'BUY', 7);
      const before = await accounts();
      const all = await counted();

      const would = await mark(today, null);
      expect(would).toMatchObject({
        kind: 'would_remove',
        counts: { orders: 3, fills: 3, decisions: 3, ledger_entries: 6 },
      });
      expect(await counted()).toEqual(all);
      expect(await page(limit)).toEqual({ kind: 'removed', rows: 0 });

      expect(await mark()).toEqual({ kind: 'marked', counts: would['counts'] });
      // In the middle of it too: whoever does it may be stopped anywhere.
      await allAddsUp();
      await page(limit);
      await allAddsUp();
      await removeAll(limit);
      await allAddsUp();
      expect(await accounts()).toEqual(before);
      const gone = would['counts'] as Record<string, number>;
      const left = await counted();
      for (const [table, n] of Object.entries(all)) expect(left[table], table).toBe(Number(n) - (gone[table] ?? 0));
      expect(left).toMatchObject({ orders: 1, fills: 1, decisions: 1, run_users: 1, scan_runs: 4, signals: 4 });

      // What is sold later was bought for what it cost then.
      await trade('ravi', 'SELL', 8);
      await allAddsUp();
      expect(await value('select realised_minor::int from public.fills order by id desc limit 1')).toBe(0);
      expect(await mark()).toEqual({ kind: 'marked', counts: would['counts'] });
    },
  );

  test('no row goes but of a day that is marked, whoever deletes it', async () => {
    await closedDay();
    await mark();
    await trade('devi', 'BUY', 7);
    const later = 'where order_id > (select last_order_id from public.removed_periods)';
    const removing = `set local daily_scan.removing = '${today}'`;
    for (const sql of [
      `delete from public.fills ${later}`,
      `delete from public.ledger_entries where kind = 'deposit'`,
      `delete from public.ledger_entries ${later}`,
      `delete from public.order_events ${later}`,
    ])
      await expect(
        session.exec(`begin; ${removing}; ${sql}; commit`).finally(() => session.exec('rollback')),
        sql,
      ).rejects.toThrow('keeps its rows until their month is removed');
    // Without the word of the one function that removes, nothing of a marked day either.
    for (const table of [
      'fills',
      'orders',
      'ledger_entries',
      'order_events',
      'decisions',
      'run_signals',
      'removed_periods',
      'removed_cash',
    ])
      await expect(session.exec(`delete from public.${table}`), table).rejects.toThrow(/append-only|keeps its rows/);
    await expect(session.exec('delete from public.closed_balances')).rejects.toThrow('what they came to stays');
    await removeAll();
  });

  test('what is left of a removal shows in the evening until it is gone, and what was kept can’t be changed unseen', async () => {
    await closedDay();
    await mark();
    const tomorrow = addDays(yearsLater(10), 1);
    const evening = (args: object = {}) => on(tomorrow, () => call('check_books', args)) as Promise<unknown>;
    expect(await evening()).toMatchObject([{ rule: 'what was removed is gone', leftToAPerson: true }]);
    await removeAll();
    expect(await evening()).toEqual([]);
    await session.exec(`begin; update public.closed_balances set cash_minor = cash_minor + 1`);
    const changed = (await evening({ closing: today }).finally(() => session.exec('rollback'))) as object[];
    expect(changed).toMatchObject([{ rule: 'closed cash is what was kept and what was removed' }]);
  });

  test('a late fill of what is marked is not booked, and a person is told', async () => {
    const { orderId, order } = await closedDay();
    await mark();
    const before = await accounts();
    const answer = await settle(store, [settlement(orderId, 'filled', { fills: [fill(`f1`, 10), fill('late', 1)] })]);
    expect(answer).toMatchObject({ fills: 0, lateFills: [], wrongFills: [{ clientOrderId: order }] });
    expect(await accounts()).toEqual(before);
    const correction = { order, fill: null, quantity: 4, priceMinor: null, by: tester, nowMs };
    expect(await store.call('correct_fill', correction)).toEqual({ kind: 'no_such_order' });
    await removeAll();
  });

  test('a legal hold that comes in the middle stops it, and lifted lets it go on', async () => {
    await closedDay();
    await mark();
    await store.call('set_legal_hold', { isOn: true, by });
    expect(await page()).toEqual({ kind: 'legal_hold', why: by.why });
    await store.call('set_legal_hold', { isOn: false, by });
    expect(await removeAll()).toBeGreaterThan(0);
  });

  test('shares that say they came before what was removed count right after it, and a removed order is not found', async () => {
    const { orderId, order } = await closedDay();
    await mark();
    await removeAll();
    const share = { venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'TITAN', quantity: 3, priceMinor: 90_00 };
    const holdings = [{ ...share, userId: 'asha', tradeDate: today, reference: 'demat' }];
    await store.call('import_holdings', { holdings, nowMs: nowMs - 60_000 });
    await allAddsUp();
    const before = await accounts();
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('late', 1)] })]);
    const correction = { order, fill: null, quantity: 4, priceMinor: null, by: tester, nowMs };
    expect(await store.call('correct_fill', correction)).toEqual({ kind: 'no_such_order' });
    expect(await accounts()).toEqual(before);
    await trade('asha', 'SELL', 9);
    await allAddsUp();
  });
});
