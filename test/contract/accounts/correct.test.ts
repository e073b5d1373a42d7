import { expect, test } from 'vitest';
import { brokenPromises } from '../../support/broken-promises.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

onEveryDatabase('correcting a fill', ({ store, session, value }) => {
  let orders = 0;
  const send = async (userId: string, side: 'BUY' | 'SELL' = 'BUY', leverageCenti = 300) => {
    orders += 1;
    const of = signal('TITAN', { side, strategy: `strategy-${orders}` });
    const testRun = await openTestRun(store, {
      ...{ runId: `run-${orders}`, signals: [of], users: [user(userId, { leverageCenti })] },
    });
    await decideAll(testRun, { limitPriceMinor: side === 'BUY' ? 120_00 : 90_00 });
    const { orderId, clientOrderId } = await sendOne(store, `claim-${orders}`);
    return { orderId, order: clientOrderId };
  };
  const correct = (order: string, quantity: number, more: { fill?: string; priceMinor?: number } = {}) =>
    store.call('correct_fill', { order, quantity, fill: null, priceMinor: null, ...more, by: tester, nowMs });
  const books = async (userId: string) => ({
    account: await session.query(`select cash_minor::int as cash, held_minor::int as held from public.accounts
      where user_id = '${userId}'`),
    positions: await session.query(`select p.quantity::int, p.cost_minor::int as cost, p.margin_minor::int as margin
      from public.positions p join public.accounts a on a.id = p.account_id where a.user_id = '${userId}'`),
    orders: await session.query(`select side, status, filled_quantity::int as filled, filled_value_minor::int as value,
      charges_minor::int as charges from public.orders where user_id = '${userId}' order by id`),
    realised:
      await value(`select sum(f.realised_minor)::int from public.fills f join public.accounts a on a.id = f.account_id
      where a.user_id = '${userId}'`),
  });
  const unblock = () => session.exec('update public.accounts set not_ready = null');

  test('more filled than ordered is booked, alarmed and blocks; corrected, the books are those of the truth', async () => {
    const { orderId, order } = await send('asha');
    const wrong = await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 100)] })]);
    expect(wrong.wrongFills).toEqual([{ clientOrderId: order, what: 'filled 100 of 10' }]);
    expect(await value('select not_ready from public.accounts')).toBe(
      `order ${order}: filled 100 of 10: correct or acknowledge it`,
    );
    expect(await correct(order, 10)).toMatchObject({
      ...{ kind: 'corrected', was: { quantity: 100 }, now: { quantity: 10, priceMinor: 100_00 } },
    });
    const again = await send('ravi');
    await settle(store, [settlement(again.orderId, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await books('asha')).toEqual(await books('ravi'));
    expect(await violations(session)).toEqual([]);
    expect(await brokenPromises(store)).toEqual([]);
    expect(await correct(order, 10)).toMatchObject({ kind: 'unchanged' });
    const entries = await session.query("select kind from public.ledger_entries where kind = 'correction'");
    expect(entries).toHaveLength(1);
    const [action] = await store.call('read_actions', {
      ...{ beforeId: null, limit: 1, userId: null, action: 'correct_fill', sinceMs: null },
    });
    expect(action).toMatchObject({
      who: tester.who,
      target: `order:${order}`,
      before: { quantity: 100 },
      after: { quantity: 10 },
    });
  });

  test('a fill beyond its limit is booked, alarmed and blocks', async () => {
    const { orderId, order } = await send('asha');
    const settled = await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10, 120_01)] })]);
    expect(settled.wrongFills).toEqual([{ clientOrderId: order, what: 'filled at 120.01, its limit is 120.00' }]);
    // Told again, it is the same fill: nothing is said twice.
    const again = await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10, 120_01)] })]);
    expect(again.wrongFills).toEqual([]);
    expect(await correct(order, 10, { priceMinor: 120_00 })).toMatchObject({ kind: 'corrected' });
  });

  test('corrected after its shares were sold, and corrected once more: as if it had been told right at first', async () => {
    for (const [userId, first] of [
      ['asha', 105_00],
      ['ravi', 101_00],
    ] as const) {
      const bought = await send(userId);
      await settle(store, [settlement(bought.orderId, 'canceled', { fills: [fill('b1', 10, first)] })]);
      const sold = await send(userId, 'SELL');
      const sale = { ...fill('s1', 5, 111_11), atMs: nowMs + 1000 };
      await settle(store, [settlement(sold.orderId, 'canceled', { fills: [sale] })]);
      if (userId === 'asha') {
        await correct(bought.order, 9, { priceMinor: 99_00 });
        await correct(bought.order, 10, { priceMinor: 101_00 });
      }
      await unblock();
    }
    expect(await books('asha')).toEqual(await books('ravi'));
    expect(await violations(session)).toEqual([]);
  });

  test('stays where it was traded among fills of the same moment', async () => {
    for (const [userId, first] of [
      ['asha', 5],
      ['ravi', 4],
    ] as const) {
      const bought = await send(userId);
      await settle(store, [
        settlement(bought.orderId, 'filled', { fills: [fill('b1', 7, 99_90), fill('b2', 3, 100_13)] }),
      ]);
      const sold = await send(userId, 'SELL');
      const sales = [fill('4-2', first, 111_11), fill('8-4', 3, 99_97)].map((one) => ({ ...one, atMs: nowMs + 1000 }));
      await settle(store, [settlement(sold.orderId, 'canceled', { fills: sales })]);
      if (userId === 'asha') await correct(sold.order, 4, { fill: '4-2' });
    }
    expect(await books('asha')).toEqual(await books('ravi'));
  });

  test('one that never was leaves nothing but charges of 0', async () => {
    const { orderId, order } = await send('asha');
    await settle(store, [settlement(orderId, 'canceled', { fills: [fill('f1', 10)] })]);
    await correct(order, 0);
    expect(await books('asha')).toMatchObject({
      account: [{ cash: 1_00_000_00, held: 0 }],
      positions: [{ quantity: 0, cost: 0, margin: 0 }],
      orders: [{ filled: 0, value: 0, charges: 0 }],
      realised: 0,
    });
    expect(await violations(session)).toEqual([]);
  });

  test('it says which fill, and refuses what can not be', async () => {
    const { orderId, order } = await send('asha');
    expect(await correct(order, 5)).toEqual({ kind: 'still_open', status: 'submitting' });
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 4), fill('f2', 6)] })]);
    expect(await correct(order, 5)).toMatchObject({
      ...{
        kind: 'which_fill',
        fills: [
          { venueFillId: 'f1', quantity: 4 },
          { venueFillId: 'f2', quantity: 6 },
        ],
      },
    });
    expect(await correct(order, 5, { fill: 'f3' })).toMatchObject({ kind: 'which_fill' });
    expect(await correct(order, 7, { fill: 'f2' })).toEqual({
      kind: 'wrong_quantity',
      quantity: 10,
      filledQuantity: 4,
    });
    expect(await correct(order, 6, { fill: 'f2', priceMinor: 121_00 })).toEqual({
      ...{ kind: 'wrong_price', limitPriceMinor: 120_00 },
    });
    expect(await correct('nobody', 1)).toEqual({ kind: 'no_such_order' });
    expect(await value('select count(*)::int from public.fills where corrects is not null')).toBe(0);
  });
});
