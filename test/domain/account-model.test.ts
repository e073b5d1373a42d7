import { describe, expect, test } from 'vitest';
import { type AccountFacts, modelOf } from '../../src/domain/account-model.ts';
import { external, FOREVER, facts, fill, funds, mtfBuy, order } from './account-facts.ts';

function booksOf(facts: AccountFacts, untilMs = FOREVER, key = '7 delivery') {
  const model = modelOf(facts, untilMs);
  const held = model.positions.get(key);
  const rows = [...model.fills.values()];
  return {
    cash: Number(model.cashMinor) / 100,
    held: Number(model.heldMinor) / 100,
    quantity: Number(held?.quantity ?? 0n),
    cost: Number(held?.costMinor ?? 0n) / 100,
    margin: Number(held?.marginMinor ?? 0n) / 100,
    realised: Number(held?.realisedMinor ?? 0n) / 100,
    rows: rows.map((row) => [Number(row.realisedMinor) / 100, Number(row.freedMarginMinor) / 100]),
  };
}

const buy = order(1, 'BUY');
const sale = order(2, 'SELL');

describe('the model of an account', () => {
  test('a buy with leverage 5 binds a fifth, and its charges are those of the contract note', () => {
    const titan = order(1, 'BUY', { leverageCenti: 500n, rate: mtfBuy });
    const model = modelOf(facts([titan], [fill(titan, 10, 3500)]), FOREVER);
    expect(model.positions.get('7 mtf')).toMatchObject({
      quantity: 10n,
      costMinor: 35_000_00n,
      marginMinor: 7_000_00n,
    });
    expect(model.orders.get(1)).toEqual({
      filledQuantity: 10n,
      filledValueMinor: 35_000_00n,
      chargesMinor: 65_16n,
      releasedMinor: 0n,
      cashMinor: -7_065_16n,
      heldMinor: 0n,
    });
    expect(model.cashMinor).toBe(2_934_84n);
  });

  test('an open order holds its money, and moves none', () => {
    const open = order(1, 'BUY', { holdMinor: 1_001_00n, endedAtMs: null });
    expect(booksOf(facts([open], [fill(open, 10, 100)]))).toMatchObject({
      cash: 10_000,
      held: 1_001,
      quantity: 10,
      margin: 1_000,
    });
  });

  test('a sale takes out its share at the average cost, rounded down', () => {
    const books = booksOf(
      facts([buy, sale], [fill(buy, 2, 100), fill(buy, 1, 101, { venueFillId: '2' }), fill(sale, 1, 110)]),
    );
    expect(books).toMatchObject({ quantity: 2, cost: 200.67, margin: 200.67, realised: 9.67, cash: 9_809 });
    expect(books.rows.at(-1)).toEqual([9.67, 100.33]);
  });

  test('margin is rounded up per order, not per fill', () => {
    const third = order(1, 'BUY', { leverageCenti: 300n });
    const fills = ['1', '2', '3'].map((venueFillId) => fill(third, 1, 100, { venueFillId }));
    expect(booksOf(facts([third], fills), FOREVER, '7 mtf')).toMatchObject({ margin: 100, cash: 9_900 });
  });

  test('what is sold beyond the shares is owed, and what is bought covers it first', () => {
    const short = booksOf(facts([buy, sale], [fill(buy, 10, 100), fill(sale, 15, 110)]));
    expect(short).toMatchObject({ quantity: -5, cost: -550, margin: -550, realised: 100, cash: 10_650 });
    const again = order(3, 'BUY');
    const covered = booksOf(facts([buy, sale, again], [fill(buy, 10, 100), fill(sale, 15, 110), fill(again, 8, 90)]));
    expect(covered).toMatchObject({ quantity: 3, cost: 270, margin: 270, realised: 200, cash: 9_930 });
  });

  test('a sale of shares we never ordered frees what they were worth, and they moved no cash', () => {
    const books = booksOf(facts([sale], [external('BUY', 10, 100, { filledAtMs: 1 }), fill(sale, 10, 130)]));
    expect(books).toMatchObject({ quantity: 0, cost: 0, margin: 0, realised: 300, cash: 11_300 });
  });

  test('a sale that was told before its buy has the same books', () => {
    const before = booksOf(facts([buy, sale], [fill(buy, 10, 100), fill(sale, 10, 130)]));
    const after = booksOf(facts([buy, sale], [fill(sale, 10, 130), fill(buy, 10, 100)]));
    expect({ ...after, rows: [] }).toEqual({ ...before, rows: [] });
    expect(after.rows).toEqual([
      [0, 1_300],
      [300, -300],
    ]);
  });

  test('oversold shares that came from outside at what they were sold for close the short without profit', () => {
    const fills = [fill(sale, 10, 130), external('BUY', 10, 130)];
    expect(booksOf(facts([sale], fills))).toMatchObject({ quantity: 0, cost: 0, realised: 0, cash: 11_300 });
  });

  test('the last correction of a fill stands in its place', () => {
    const rows = [fill(buy, 10, 100), fill(sale, 4, 110)];
    const fixed = (quantity: number, rupees: number) =>
      fill(buy, quantity, rupees, { corrects: 1, venueFillId: 'fix' });
    expect(booksOf(facts([buy, sale], [...rows, fixed(10, 90), fixed(8, 95)]))).toMatchObject({
      quantity: 4,
      cost: 380,
      realised: 60,
      cash: 9_680,
    });
    expect(booksOf(facts([buy, sale], [...rows, fixed(0, 100)]))).toMatchObject({
      quantity: -4,
      cost: -440,
      cash: 10_440,
    });
  });

  test('an earlier moment knows what was told by then, and an order that ended later by its hold', () => {
    const late = fill(buy, 5, 100, { venueFillId: '2', reportedAtMs: 3000 });
    const later = order(2, 'BUY', { holdMinor: 50_00n, createdAtMs: 1500, endedAtMs: 2500 });
    const account = facts([buy, later], [fill(buy, 5, 100), late], [...funds, { cashMinor: -1_00n, atMs: 2000 }]);
    expect(booksOf(account, 1000)).toMatchObject({ cash: 9_500, held: 0, quantity: 5 });
    expect(booksOf(account, 2000)).toMatchObject({ cash: 9_499, held: 50, quantity: 5 });
    expect(booksOf(account, 3000)).toMatchObject({ cash: 8_999, held: 0, quantity: 10 });
  });

  test('fills of one moment follow each other by order and number, as bytes do', () => {
    const early = order(1, 'BUY', { clientOrderId: 'a' });
    const other = order(2, 'SELL', { clientOrderId: 'b' });
    const rows = [
      fill(other, 1, 130, { filledAtMs: 5, venueFillId: '10' }),
      fill(early, 1, 100, { filledAtMs: 5, venueFillId: '9' }),
      fill(early, 1, 120, { filledAtMs: 5, venueFillId: '10' }),
    ];
    expect(booksOf(facts([early, other], rows))).toMatchObject({ quantity: 1, cost: 110, realised: 20 });
  });
});
