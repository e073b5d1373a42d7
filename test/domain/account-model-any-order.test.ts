import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AccountFacts, type FillFact, modelOf, type OrderFact } from '../../src/domain/account-model.ts';
import { FOREVER, fill, funds, mtfBuy, order } from './account-facts.ts';

interface Drawn {
  orders: OrderFact[];
  rows: { fills: FillFact[]; fixed: { quantity: number; paise: number } | null }[];
}

const anyAccount = fc
  .array(
    fc.record({
      side: fc.constantFrom('BUY' as const, 'BUY' as const, 'SELL' as const),
      leverageCenti: fc.constantFrom(100n, 200n, 300n, 333n, 500n),
      fills: fc.array(
        fc.record({
          quantity: fc.integer({ min: 1, max: 40 }),
          paise: fc.integer({ min: 1, max: 5_000_00 }),
          at: fc.nat(20),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      fixed: fc.option(fc.record({ quantity: fc.nat(40), paise: fc.integer({ min: 1, max: 5_000_00 }) })),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((drawn): Drawn => {
    const both = drawn.map(({ side, leverageCenti, fills, fixed }, n) => {
      const of = order(n + 1, side, { leverageCenti, rate: mtfBuy });
      const reported = fills.map(({ quantity, paise, at }, m) =>
        fill(of, quantity, 0, { product: 'mtf', priceMinor: BigInt(paise), filledAtMs: at, venueFillId: `${m}` }),
      );
      return { of, fills: reported, fixed };
    });
    return { orders: both.map(({ of }) => of), rows: both };
  });

/** The same facts with their rows booked in an order of its own; a correction comes after what it corrects. */
function booked({ orders, rows }: Drawn, shuffle: number): AccountFacts {
  const fills = rows.flatMap((row) => row.fills);
  const turn = shuffle % fills.length;
  const turned =
    shuffle % 2
      ? [...fills.slice(turn), ...fills.slice(0, turn)].reverse()
      : fills.slice(turn).concat(fills.slice(0, turn));
  const numbered = turned.map((row, n) => ({ ...row, fillId: n + 1 }));
  const corrections = rows.flatMap(({ fills: [first], fixed }) => {
    if (!fixed || !first) return [];
    const original = numbered.find((row) => row.orderId === first.orderId && row.venueFillId === first.venueFillId);
    return [
      {
        ...first,
        quantity: BigInt(fixed.quantity),
        priceMinor: BigInt(fixed.paise),
        corrects: original?.fillId ?? 0,
        venueFillId: 'fix',
      },
    ];
  });
  return { cash: funds, orders, fills: [...numbered, ...corrections.map((row, n) => ({ ...row, fillId: 1000 + n }))] };
}

describe('whatever happened', () => {
  test('the same facts told in another order are the same books', () => {
    fc.assert(
      fc.property(anyAccount, fc.nat(1000), (account, shuffle) => {
        const [one, other] = [modelOf(booked(account, 0), FOREVER), modelOf(booked(account, shuffle), FOREVER)];
        expect(other.positions).toEqual(one.positions);
        expect(other.cashMinor).toBe(one.cashMinor);
      }),
    );
  });

  test('what is held has a cost and no more margin than that; what is owed has both below zero; what is flat has none', () => {
    fc.assert(
      fc.property(anyAccount, (account) => {
        for (const held of modelOf(booked(account, 0), FOREVER).positions.values()) {
          if (held.quantity > 0n) expect(0n <= held.marginMinor && held.marginMinor <= held.costMinor).toBe(true);
          if (held.quantity < 0n) expect(held.marginMinor === held.costMinor && held.costMinor < 0n).toBe(true);
          if (held.quantity === 0n) expect([held.costMinor, held.marginMinor]).toEqual([0n, 0n]);
        }
      }),
    );
  });

  test('cash is what came in and was realised, less what is bound and what was charged', () => {
    fc.assert(
      fc.property(anyAccount, (account) => {
        const model = modelOf(booked(account, 0), FOREVER);
        const total = (amounts: bigint[]) => amounts.reduce((all, one) => all + one, 0n);
        const earned = total([...model.positions.values()].map((held) => held.realisedMinor - held.marginMinor));
        const charged = total([...model.orders.values()].map((each) => each.chargesMinor));
        expect(model.cashMinor).toBe(10_000_00n + earned - charged);
      }),
    );
  });
});
