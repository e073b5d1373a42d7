import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Settlement, StoredOrder } from '../../../src/ports/store/orders.ts';
import { differences } from '../../support/audit-differences.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

type Fill = Settlement['fills'][number];

/** Orders of one share: buys that ended with nothing, one that filled, sales that ended with nothing. */
const plans = [
  { side: 'BUY', status: 'canceled', quantity: 9 },
  { side: 'BUY', status: 'canceled', quantity: 14 },
  { side: 'BUY', status: 'filled', quantity: 12 },
  { side: 'SELL', status: 'canceled', quantity: 12 },
  { side: 'SELL', status: 'canceled', quantity: 5 },
  { side: 'SELL', status: 'canceled', quantity: 11 },
] as const;

/** What comes late: of which order, how much, at what price, and when (moments of two orders never meet). */
const lateFills = fc
  .array(
    fc.record({
      of: fc.nat(plans.length - 1),
      quantity: fc.integer({ min: 1, max: 14 }),
      priceMinor: fc.integer({ min: 1, max: 200_00 }),
      second: fc.nat(3),
    }),
    { minLength: 2, maxLength: 8 },
  )
  .map((drawn) =>
    drawn.map(({ of, quantity, priceMinor, second }, n) => {
      const atMs = nowMs + second * 1000 + of;
      return { of, fill: { venueFillId: `${(n * 7) % 10}-${n}`, quantity, priceMinor, atMs } };
    }),
  );

/** An order to tell them in, and after which of them a call ends. */
const anyReporting = fc.record({
  turn: fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 }),
  ends: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
});

onEveryDatabase('the same facts, told in any order and grouping', ({ store }) => {
  let runs = 0;

  /** Two accounts alike, with the orders of the plans. */
  const alike = async (leverageCenti: number): Promise<Map<string, StoredOrder[]>> => {
    runs += 1;
    const users = ['one', 'two'].map((id) => user(`${id}-${runs}`, { leverageCenti, capitalMinor: 1_00_000_00 }));
    const sent = new Map<string, StoredOrder[]>(users.map(({ id }) => [id, []]));
    for (const [n, { side, status, quantity }] of plans.entries()) {
      const runId = `run-${runs}-${n}`;
      const of = signal('TITAN', { side, strategy: runId });
      const limitPriceMinor = side === 'BUY' ? 200_00 : 1;
      await decideAll(await openTestRun(store, { runId, signals: [of], users }), { quantity, limitPriceMinor });
      const orders = await sendAll(store, runId);
      const fills =
        status === 'filled' ? [{ venueFillId: 'first', quantity, priceMinor: 101_37, atMs: nowMs + n }] : [];
      await settle(
        store,
        orders.map(({ orderId }) => settlement(orderId, status, { fills })),
      );
      for (const order of orders) sent.get(order.userId)?.push(order);
    }
    return sent;
  };

  const emit = async (
    orders: StoredOrder[],
    fills: { of: number; fill: Fill }[],
    { turn, ends }: { turn: number[]; ends: boolean[] },
  ) => {
    const turned = fills.map((one, n) => ({ ...one, key: turn[n] ?? 0 })).sort((a, b) => a.key - b.key);
    let call = new Map<number, Fill[]>();
    for (const [n, { of, fill }] of turned.entries()) {
      const orderId = orders[of]?.orderId ?? 0;
      call.set(orderId, [...(call.get(orderId) ?? []), fill]);
      if (!ends[n] && n < turned.length - 1) continue;
      await settle(
        store,
        [...call].map(([id, fills]) => settlement(id, 'canceled', { fills: fills })),
      );
      call = new Map();
    }
  };

  const books = async (userId: string) => {
    const { accounts } = await store.call('read_facts', { mode: 'paper', userId, after: null, entries: 1 });
    const [account] = accounts;
    return { cash: account?.cashMinor, held: account?.heldMinor, positions: account?.positions };
  };

  test('are the same books, to the paisa', async () => {
    await fc.assert(
      fc.asyncProperty(
        lateFills,
        anyReporting,
        anyReporting,
        fc.constantFrom(100, 300, 333),
        fc.option(fc.record({ n: fc.nat(7), quantity: fc.nat(5) })),
        async (fills, one, two, leverageCenti, fixed) => {
          const sent = await alike(leverageCenti);
          for (const [[userId, orders], how] of [...sent].map((each, n) => [each, n === 0 ? one : two] as const)) {
            expect(orders).toHaveLength(plans.length);
            await emit(orders, fills, how);
            const wrong = fixed && fills[fixed.n];
            if (wrong) {
              const really = { fill: wrong.fill.venueFillId, quantity: fixed.quantity, priceMinor: null };
              const order = orders[wrong.of]?.clientOrderId ?? '';
              await store.call('correct_fill', { by: { ...tester, why: 'a test' }, order, ...really, nowMs });
            }
            expect(await differences(store, userId)).toEqual([]);
          }
          const [first, second] = await Promise.all([...sent.keys()].map(books));
          expect(second).toEqual(first);
        },
      ),
      { numRuns: 8, interruptAfterTimeLimit: 120_000 },
    );
  }, 150_000);
});
