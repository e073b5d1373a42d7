// Books are closed for a day that is over: what comes later adds up on top of it, or opens the account again.
import { expect, test } from 'vitest';
import { addDays, istDate } from '../../../src/domain/market/india-time.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

/** The day everything here is recorded on, by the database's clock. */
const today = istDate(Date.now());

onEveryDatabase('closings', ({ store, session, value }) => {
  let orders = 0;
  const send = async (userId: string, side: 'BUY' | 'SELL' = 'BUY') => {
    orders += 1;
    const of = signal('TITAN', { side, strategy: `strategy-${orders}` });
    const testRun = await openTestRun(store, { runId: `run-${orders}`, signals: [of], users: [user(userId)] });
    await decideAll(testRun);
    const { orderId, clientOrderId } = await sendOne(store, `claim-${orders}`);
    return { orderId, order: clientOrderId };
  };
  const at = (minutes: number) => nowMs + minutes * 60_000;
  const trade = async (userId: string, side: 'BUY' | 'SELL' = 'BUY', minutes = 0) => {
    const sent = await send(userId, side);
    const fills = [{ ...fill(`f${orders}`, 10), atMs: at(minutes) }];
    await settle(store, [settlement(sent.orderId, 'filled', { fills })]);
    return sent;
  };
  /** As somebody does it so many days later. */
  const close = async (through = today, days = 4) => {
    const args = JSON.stringify({ through, after: null, limit: 100 });
    const now = `${addDays(today, days)}T12:00:00+05:30`;
    await session.exec(`set daily_scan.now = '${now}'`);
    const answer = await value('select public.close_books($1::jsonb)', [args]);
    await session.exec('reset daily_scan.now');
    return answer;
  };
  const closed = async () =>
    session.query(`select a.user_id as "user", b.through::text, b.cash_minor::int as cash,
      (select json_agg(json_build_array(p.quantity, p.cost_minor, p.realised_minor)) from public.closed_positions p
        where (p.account_id, p.through) = (b.account_id, b.through)) as positions
      from public.closed_balances b join public.accounts a on a.id = b.account_id order by 1, 2`);
  const cash = (userId: string) => value(`select cash_minor::int from public.accounts where user_id = $1`, [userId]);
  /** Nothing is wrong in the rest, nor in any closing. */
  const allAddsUp = async () => {
    expect(await store.call('check_books', {})).toEqual([]);
    for (const { through } of (await store.call('read_closings', {})).closings)
      expect(await store.call('check_books', { closing: through }), through).toEqual([]);
  };

  test('an account is closed with what its records make, and what comes after adds up on top of it', async () => {
    await trade('asha');
    expect(await close()).toEqual({ kind: 'closed', closed: 1, next: expect.any(Number) });
    expect(await closed()).toEqual([
      { user: 'asha', through: today, cash: await cash('asha'), positions: [[10, 1000_00, 0]] },
    ]);
    await allAddsUp();
    await trade('asha', 'SELL', 5);
    await trade('asha', 'BUY', 6);
    await allAddsUp();
    expect(await close()).toEqual({ kind: 'closed', closed: 0, next: null });
  });

  test('a later closing goes on from the one before, and keeps the positions that were traded since', async () => {
    await trade('asha');
    await trade('ravi');
    await close(today);
    await trade('asha', 'SELL', 5);
    await close(addDays(today, 1));
    expect(await closed()).toEqual([
      { user: 'asha', through: today, cash: expect.any(Number), positions: [[10, 1000_00, 0]] },
      { user: 'asha', through: addDays(today, 1), cash: await cash('asha'), positions: [[0, 0, 0]] },
      { user: 'ravi', through: today, cash: await cash('ravi'), positions: [[10, 1000_00, 0]] },
      { user: 'ravi', through: addDays(today, 1), cash: await cash('ravi'), positions: null },
    ]);
    await allAddsUp();
    await trade('ravi', 'SELL', 7);
    await allAddsUp();
  });

  test.each(['a late fill', 'a correction', 'shares that had come before'])(
    '%s opens its account again, and no other',
    async (what) => {
      await trade('ravi');
      const { orderId, order } = await trade('asha');
      await close(today);
      await close(addDays(today, 1));
      if (what === 'a late fill') {
        await settle(store, [settlement(orderId, 'filled', { fills: [fill(`f${orders}`, 10), fill('late', 1)] })]);
        await acknowledgeDrifts(store, { userId: 'asha', venue: 'paper', mode: 'paper' }, nowMs);
      } else if (what === 'a correction') {
        await store.call('correct_fill', { order, fill: null, quantity: 4, priceMinor: null, by: tester, nowMs });
      } else {
        const share = {
          venue: 'paper',
          mode: 'paper',
          exchange: 'NSE',
          symbol: 'TITAN',
          quantity: 3,
          priceMinor: 90_00,
        };
        const named = { userId: 'asha', tradeDate: today, reference: 'demat' };
        await store.call('import_holdings', { holdings: [{ ...share, ...named }], nowMs: at(-1) });
      }
      expect((await closed()).map((row) => [row['user'], row['through']])).toEqual([
        ['ravi', today],
        ['ravi', addDays(today, 1)],
      ]);
      await allAddsUp();
      // A late fill and a correction belong to their order; what has a number of its own, to the next closing.
      const next = addDays(today, what.startsWith('shares') ? 2 : 1);
      await close(next, 5);
      expect((await closed())[0]).toMatchObject({ user: 'asha', through: next, cash: await cash('asha') });
      expect((await closed()).map((row) => row['user']).filter((name) => name === 'asha')).toHaveLength(1);
      await allAddsUp();
    },
  );

  test('what a later order was filled is no part of it, though an order between was filled after it', async () => {
    const between = await send('ravi');
    const later = await send('asha');
    for (const [run, days] of [
      [`run-${orders - 1}`, -2],
      [`run-${orders}`, -1],
    ] as const) {
      const recorded = `${addDays(today, days)}T09:20:00+05:30`;
      await session.query('update public.scan_runs set recorded_at = $1 where id = $2', [recorded, run]);
    }
    await settle(store, [settlement(later.orderId, 'filled', { fills: [fill('first', 10)] })]);
    await settle(store, [settlement(between.orderId, 'filled', { fills: [fill('second', 10)] })]);
    await close(addDays(today, -3), 0);
    expect((await closed()).map((row) => [row['user'], row['positions']])).toEqual([
      ['asha', null],
      ['ravi', null],
    ]);
    await allAddsUp();
  });

  test('an account is left open that has an open order, a late fill nobody has seen, or books that are wrong', async () => {
    await send('asha');
    const { orderId } = await trade('ravi');
    await settle(store, [settlement(orderId, 'filled', { fills: [fill(`f${orders}`, 10), fill('late', 1)] })]);
    await trade('devi');
    await trade('kabir');
    const spoil = `begin; set local session_replication_role = replica;
      update public.fills set price_minor = price_minor + $ where account_id
        = (select id from public.accounts where user_id = 'devi'); commit`;
    await session.exec(spoil.replace('$', '1'));
    await close();
    expect((await closed()).map((row) => row['user'])).toEqual(['kabir']);
    await session.exec(spoil.replace('$', '(-1)'));
  });

  test.each(['a late fill', 'a correction'])(
    '%s counts on from what is closed before its order, and reads nothing older',
    async (what) => {
      await trade('asha');
      await close();
      // Then only what is closed says what these came to: as if they were not there any more.
      const older = `begin; set local session_replication_role = replica;
        update public.fills set price_minor = price_minor $ where id <= (select last_fill_id
          from public.closings); commit`;
      const first = { ...fill('first', 4), atMs: at(5) };
      const { orderId, order } = await send('asha', 'SELL');
      await settle(store, [settlement(orderId, 'canceled', { fills: [first] })]);
      await session.exec(older.replace('$', '+ 7'));
      if (what === 'a late fill') {
        const late = { ...fill('late', 2), atMs: at(5) };
        await settle(store, [settlement(orderId, 'canceled', { fills: [first, late] })]);
        await acknowledgeDrifts(store, { userId: 'asha', venue: 'paper', mode: 'paper' }, nowMs);
      } else {
        await store.call('correct_fill', { order, fill: null, quantity: 3, priceMinor: null, by: tester, nowMs });
      }
      await session.exec(older.replace('$', '- 7'));
      expect(await closed()).toHaveLength(1);
      await allAddsUp();
    },
  );

  test('a day is closed once it is over for two, never before the last closing, and not while another call is at it', async () => {
    await trade('asha');
    expect(await close(today, 1)).toEqual({ kind: 'too_early' });
    expect(await store.call('close_books', { through: today, after: null, limit: 1 })).toEqual({ kind: 'too_early' });
    await close(addDays(today, 1));
    expect(await close(today)).toEqual({ kind: 'closed_further' });
    expect(await store.call('read_closings', {})).toEqual({
      firstDay: today,
      closings: [{ through: addDays(today, 1), accounts: 1 }],
      days: [],
      removedThrough: null,
    });
  });
});
