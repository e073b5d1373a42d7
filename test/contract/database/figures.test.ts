import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { rateFor } from '../../../src/domain/decision/charges.ts';
import type { ChargeRate } from '../../../src/domain/decision/inputs.ts';
import { marginFor } from '../../../src/domain/decision/sizing.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import { orderStatuses, transitions } from '../../../src/domain/order.ts';
import { chargesOn } from '../../support/amounts.ts';
import { onEveryDatabase } from '../support/every-database.ts';

// What the database computes too must come out the same as in the domain, to the paisa.
onEveryDatabase('the same figures', ({ store, session }) => {
  const ratesOn = async (tradeDate: string, mic = 'XNSE'): Promise<ChargeRate[]> =>
    (await store.call('read_inputs', { mode: 'paper', tradeDate, runId: `${mic}:${tradeDate}:open:paper` })).rates;
  /** Small and typical values, and ones at the brokerage cap; up to a thousand crore. */
  const valueMinor = fc.oneof(fc.nat(1000), fc.nat(100_000_00), fc.nat(10_000_000_000_00), fc.constant(0));

  test('a status may follow where the domain says so, and nowhere else', async () => {
    const rows = await session.query('select from_status, to_status from core.order_transitions');
    const inSql = rows.map(({ from_status, to_status }) => `${from_status} > ${to_status}`);
    const inDomain = orderStatuses.flatMap((from) => transitions[from].map((to) => `${from} > ${to}`));
    expect(inSql.toSorted()).toEqual(inDomain.toSorted());
  });

  test('charges, for every rate there is', async () => {
    const inForce = ['2025-08-28', '2026-08-28'].map((date) => ratesOn(date));
    const inNewYork = ['2025-01-02', '2025-08-28', '2026-08-28'].map((date) => ratesOn(date, 'XNYS'));
    const rates = (await Promise.all([...inForce, ...inNewYork])).flat();
    expect(new Set(rates.map(({ id }) => id)).size).toBe(20);
    const values = fc.array(valueMinor, { minLength: 50, maxLength: 50 });
    const check = async (sample: number[]) => {
      const rows = await session.query(
        `select rate.id, v.value::text as value, core.charges_on(v.value, rate)::text as charges
         from public.charge_rates rate, unnest($1::bigint[]) as v(value)`,
        [sample],
      );
      for (const { id, value, charges } of rows) {
        const rate = rates.find((one) => one.id === id);
        if (!rate) throw new Error(`rate ${id} is given to no run`);
        expect({ id, value, charges: Number(charges) }).toEqual({ id, value, charges: chargesOn(Number(value), rate) });
      }
    };
    await fc.assert(fc.asyncProperty(values, check), { numRuns: 8 });
  });

  test('margins, for any leverage', async () => {
    const cases = fc.array(fc.tuple(valueMinor, fc.integer({ min: 100, max: 2000 })), { minLength: 50, maxLength: 50 });
    const check = async (sample: [number, number][]) => {
      const rows = await session.query(
        `select core.margin_on(v.value, v.leverage)::text as margin
         from unnest($1::bigint[], $2::integer[]) with ordinality as v(value, leverage, n) order by v.n`,
        [sample.map(([value]) => value), sample.map(([, leverage]) => leverage)],
      );
      expect(rows.map(({ margin }) => Number(margin))).toEqual(
        sample.map(([value, leverage]) => marginFor(value, leverage)),
      );
    };
    await fc.assert(fc.asyncProperty(cases, check), { numRuns: 8 });
  });

  test('amounts as people read them', async () => {
    const amounts = fc.array(fc.integer({ min: -(10 ** 13), max: 10 ** 13 }), { minLength: 50, maxLength: 50 });
    const check = async (sample: number[]) => {
      const rows = await session.query(
        'select core.decimal(m) as text from unnest($1::bigint[]) with ordinality as v(m, n) order by n',
        [sample],
      );
      expect(rows.map(({ text }) => text)).toEqual(sample.map((minor) => formatMinor(minor, INR)));
    };
    await fc.assert(fc.asyncProperty(amounts, check), { numRuns: 8, examples: [[[0, 1, -1, 99, -99, 100]]] });
  });

  test('the rate of a leg is the one in force on the trade date', async () => {
    const before = rateFor(await ratesOn('2026-03-31'), 'BUY', 'delivery');
    const after = rateFor(await ratesOn('2026-04-01'), 'BUY', 'delivery');
    expect([before.exchangePpb, after.exchangePpb]).toEqual([29_700, 30_700]);
    expect(await ratesOn('2024-09-30')).toEqual([]);
  });

  test('a run is given the rates of its own market, and none where none is known', async () => {
    const rateOf = async (date: string, side: 'BUY' | 'SELL') => rateFor(await ratesOn(date, 'XNYS'), side, 'delivery');
    const sales = [];
    for (const date of ['2025-05-13', '2025-05-14', '2026-04-03', '2026-04-06']) sales.push(await rateOf(date, 'SELL'));
    expect(sales.map(({ regulatorPpb }) => regulatorPpb)).toEqual([27_800, 0, 0, 20_600]);
    // $20.60 for a million dollars sold, nothing for buying them, and the least sale costs a cent.
    expect(sales.map((rate) => chargesOn(1_000_000_00, rate))).toEqual([27_80, 0, 0, 20_60]);
    expect(chargesOn(1, await rateOf('2026-04-06', 'SELL'))).toBe(1);
    expect(chargesOn(1_000_000_00, await rateOf('2026-04-06', 'BUY'))).toBe(0);
    expect((await ratesOn('2026-04-06')).map(({ id }) => id)).toEqual([21, 22, 23, 24]);
    expect([await ratesOn('2026-04-06', 'XBOM'), await ratesOn('2026-04-06', 'SOLANA')]).toEqual([[], []]);
  });

  test('an instant comes back as the millisecond it was', async () => {
    const instants = fc.array(fc.integer({ min: 0, max: 4_102_444_800_000 }), { minLength: 50, maxLength: 50 });
    const check = async (sample: number[]) => {
      const rows = await session.query(
        'select core.ms(core.at(m))::text as ms from unnest($1::bigint[]) with ordinality as v(m, n) order by n',
        [sample],
      );
      expect(rows.map(({ ms }) => Number(ms))).toEqual(sample);
    };
    await fc.assert(fc.asyncProperty(instants, check), { numRuns: 5 });
  });
});
