import fc from 'fast-check';
import { expect, test } from 'vitest';
import { valueDown, valueUp } from '../../../src/domain/value.ts';
import { onEveryDatabase } from '../support/every-database.ts';

const CASES = 3_000;
/** Most of them of amounts as people trade; some so large that nothing but integers of any size is exact. */
const amount = fc.oneof(fc.bigInt(0n, 10_000n), fc.bigInt(0n, 10n ** 12n), fc.bigInt(0n, 2n ** 53n - 1n));
const inRange = ([quantity, price, places]: readonly [bigint, bigint, number]) =>
  quantity * price < 2n ** 53n * 10n ** BigInt(places);

onEveryDatabase('what a fill is worth', ({ session }) => {
  test('comes to the same in the database as in the program, to the last unit', async () => {
    const drawn = fc.tuple(amount, amount, fc.integer({ min: 0, max: 18 })).filter(inRange);
    const cases = fc.sample(drawn, { numRuns: CASES, seed: 18 });
    const [quantities, prices, places] = [0, 1, 2].map((n) => cases.map((one) => String(one[n])));
    const rows = await session.query(
      `select core.value_up(q, p, n)::text as up, core.value_down(q, p, n)::text as down
       from unnest($1::bigint[], $2::bigint[], $3::integer[]) with ordinality as drawn(q, p, n, place) order by place`,
      [quantities, prices, places],
    );
    expect(rows).toEqual(cases.map((one) => ({ up: String(valueUp(...one)), down: String(valueDown(...one)) })));
  });

  test('is paid rounded up and got rounded down: no more than a unit apart, and the same where nothing is lost', () => {
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 0, max: 18 }), (quantity, price, places) => {
        const unit = 10n ** BigInt(places);
        const [up, down] = [valueUp(quantity, price, places), valueDown(quantity, price, places)];
        expect(up - down).toBe((quantity * price) % unit === 0n ? 0n : 1n);
        expect(down * unit <= quantity * price && quantity * price <= up * unit).toBe(true);
      }),
    );
  });
});
