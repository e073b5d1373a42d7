import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rateFor } from '../../../src/domain/decision/charges.ts';
import { chargesOn } from '../../support/amounts.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { accepted, decideAll, fill, openTestRun, sendOne, settle, settlement, undecided } from '../support/test-run.ts';

type Fill = ReturnType<typeof fill>;

onEveryDatabase('positions', ({ store, session, value, breaks }) => {
  let orders = 0;
  /** An order for TITAN at the venue, from a run of its own. */
  const send = async (side: 'BUY' | 'SELL', quantity: number, users = [user('asha')]) => {
    orders += 1;
    const limitPriceMinor = side === 'BUY' ? 200_00 : 50_00;
    const testRun = await openTestRun(store, {
      runId: `run-${orders}`,
      signals: [signal('TITAN', { side, strategy: `strategy-${orders}` })],
      users,
    });
    await decideAll(testRun, { quantity, limitPriceMinor });
    const { orderId } = await sendOne(store, `claim-${orders}`);
    return { testRun, orderId };
  };
  const at = (seconds: number, one: Fill): Fill => ({ ...one, atMs: nowMs + seconds * 1000 });
  const held = () =>
    session.query(`select product, quantity::int, cost_minor::int as cost, margin_minor::int as margin
      from public.positions order by 1`);
  const books = async (userId: string) => ({
    account: await session.query(`select cash_minor::int as cash, held_minor::int as held from public.accounts
      where user_id = '${userId}'`),
    positions: await session.query(`select i.symbol, p.product, p.quantity::int, p.cost_minor::int as cost,
      p.margin_minor::int as margin from public.positions p join public.accounts a on a.id = p.account_id
      join public.instruments i on i.id = p.instrument_id where a.user_id = '${userId}' order by 1, 2`),
    realised: await value(`select sum(f.realised_minor)::int from public.fills f
      join public.accounts a on a.id = f.account_id where a.user_id = '${userId}'`),
  });
  const unblock = () => session.exec('update public.accounts set not_ready = null');

  test('a sale has the product and the charges of what it sells, whatever the leverage is by then', async () => {
    const bought = await send('BUY', 10, [user('asha', { leverageCenti: 500 })]);
    await settle(store, [settlement(bought.orderId, 'filled', { fills: [fill('b1', 10)] })]);
    expect(await held()).toEqual([{ product: 'mtf', quantity: 10, cost: 1000_00, margin: 200_00 }]);
    const { testRun, orderId } = await send('SELL', 10, [user('asha', { leverageCenti: 100 })]);
    expect(await value(`select product from public.orders where id = ${orderId}`)).toBe('mtf');
    await settle(store, [settlement(orderId, 'filled', { fills: [at(60, fill('s1', 10, 110_00))] })]);
    const charges =
      chargesOn(1000_00, rateFor(testRun.rates, 'BUY', 'mtf')) +
      chargesOn(1100_00, rateFor(testRun.rates, 'SELL', 'mtf'));
    expect(await value('select cash_minor::int from public.accounts')).toBe(1_00_000_00 + 100_00 - charges);
    expect(await held()).toEqual([{ product: 'mtf', quantity: 0, cost: 0, margin: 0 }]);
  });

  test('shares held outright are sold outright on an account that buys with leverage', async () => {
    await store.call('import_users', {
      ...{ by: tester, users: [user('asha', { leverageCenti: 500 })], mode: 'paper', source: 's', nowMs: 0 },
    });
    const listing = { userId: 'asha', venue: 'paper', mode: 'paper' as const, exchange: 'NSE', symbol: 'TITAN' };
    await store.call('import_holdings', {
      holdings: [{ ...listing, tradeDate: '2025-08-01', quantity: 10, priceMinor: 90_00, reference: 'h1' }],
      nowMs: 0,
    });
    const { testRun, orderId } = await send('SELL', 10, [user('asha', { leverageCenti: 500 })]);
    const rate = rateFor(testRun.rates, 'SELL', 'delivery');
    expect(await value(`select rate_id from public.orders where id = ${orderId}`)).toBe(rate.id);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('s1', 10, 100_00)] })]);
    expect(await value('select charges_minor::int from public.orders')).toBe(chargesOn(1000_00, rate));
  });

  test('a sale takes nothing of another product than it was decided for', async () => {
    const bought = await send('BUY', 10, [user('asha', { leverageCenti: 500 })]);
    await settle(store, [settlement(bought.orderId, 'filled', { fills: [fill('b1', 10)] })]);
    const of = signal('TITAN', { side: 'SELL', strategy: 'exit' });
    const testRun = await openTestRun(store, { runId: 'exit', signals: [of] });
    const [account] = await undecided(testRun);
    if (!account) throw new Error('nobody is undecided');
    const decision = { ...accepted(testRun, account, of), product: 'delivery' as const };
    await store.call('accept_page', { runId: 'exit', nowMs, decisions: [decision] });
    expect(await value("select reason from public.decisions where run_id = 'exit'")).toBe('no_position');
  });

  test('the same fills give the same books in any order and grouping, also beyond what is held', async () => {
    // Sales are made of buys below: the same money, and more of them than were held.
    breaks(
      'an order holds what it may cost at most',
      'an order is charged at the rate of its side and product on its day',
      'an order is for the share and on the side of its signal',
    );
    let played = 0;
    const check = async (order: number[], together: boolean[], leverageCenti: number) => {
      // Two buys, two sales of what the first brought, told wrong: together they sell more than both brought.
      const fills = [
        at(10, fill('b', 10, 100_00)),
        at(20, fill('s', 10, 110_03)),
        at(30, fill('b', 7, 120_01)),
        at(40, fill('s', 9, 99_97)),
      ];
      const sides = ['BUY', 'SELL', 'BUY', 'SELL'] as const;
      const results = [];
      for (const [sequence, grouped] of [
        [
          [0, 1, 2, 3],
          [false, false, false, false],
        ] as const,
        [order, together] as const,
      ]) {
        played += 1;
        const userId = `u${played}`;
        const users = [user(userId, { leverageCenti })];
        const sent: number[] = [];
        for (const side of sides) {
          const { orderId } = await send('BUY', 10, users);
          sent.push(orderId);
          // All four end without a fill; what they filled is told late, each sale as a sale.
          if (side === 'SELL')
            await session.exec(`update public.orders set side = 'SELL', limit_price_minor = 1 where id = ${orderId}`);
          await settle(store, [settlement(orderId, 'canceled')]);
        }
        let group: ReturnType<typeof settlement>[] = [];
        for (const [index, which] of sequence.entries()) {
          const [one, orderId] = [fills[which], sent[which]];
          if (!one || !orderId) throw new Error('no such fill');
          group.push(settlement(orderId, 'canceled', { fills: [one] }));
          if (grouped[index] && index < sequence.length - 1) continue;
          await settle(store, group);
          group = [];
        }
        results.push(await books(userId));
        await unblock();
      }
      expect(results[1]).toEqual(results[0]);
    };
    const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
    const groups = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    await fc.assert(fc.asyncProperty(orders, groups, fc.constantFrom(100, 300, 500), check), { numRuns: 4 });
  });

  test('what was sold beyond what is held is a drift of its own, and acknowledging it settles it', async () => {
    const bought = await send('BUY', 10);
    await settle(store, [settlement(bought.orderId, 'filled', { fills: [fill('b1', 10)] })]);
    const first = await send('SELL', 10);
    await settle(store, [settlement(first.orderId, 'expired')]);
    const second = await send('SELL', 10);
    await settle(store, [settlement(second.orderId, 'filled', { fills: [at(60, fill('s2', 10, 101_00))] })]);
    await settle(store, [settlement(first.orderId, 'expired', { fills: [at(30, fill('s1', 10, 102_00))] })]);
    expect(await held()).toEqual([{ product: 'delivery', quantity: -10, cost: -1010_00, margin: -1010_00 }]);
    const drifts = () =>
      session.query('select kind, what, ours, theirs, acknowledged_at is null as open from public.drifts');
    expect(await drifts()).toEqual([{ kind: 'oversold', what: 'NSE:TITAN', ours: '-10', theirs: '0', open: true }]);
    const cash = await value('select cash_minor::int from public.accounts');
    await acknowledgeDrifts(store, { userId: 'asha', venue: 'paper', mode: 'paper' });
    expect(await held()).toEqual([{ product: 'delivery', quantity: 0, cost: 0, margin: 0 }]);
    expect(await value('select cash_minor::int from public.accounts')).toBe(cash);
    expect(await value('select not_ready from public.accounts')).toBeNull();
    expect(await value("select sum(realised_minor)::int from public.fills where source = 'external'")).toBe(0);
  });
});
