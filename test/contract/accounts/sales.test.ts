import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rateFor } from '../../../src/domain/decision/charges.ts';
import { chargesOn } from '../../support/amounts.ts';
import { signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement, undecided } from '../support/test-run.ts';

onEveryDatabase('sales and late fills', ({ store, session, value }) => {
  let claims = 0;
  /** An order for TITAN at the venue, from a run of its own. */
  const send = async (
    side: 'BUY' | 'SELL',
    quantity: number,
    users = [user('asha')],
    limitPriceMinor = side === 'BUY' ? 102_00 : 90_00,
  ) => {
    claims += 1;
    const of = signal('TITAN', { side, strategy: `strategy-${claims}` });
    const testRun = await openTestRun(store, { runId: `run-${claims}`, signals: [of], users });
    await decideAll(testRun, { quantity, limitPriceMinor });
    const { orderId } = await sendOne(store, `claim-${claims}`);
    return { testRun, orderId };
  };
  const position = async () => {
    const [row] = await session.query(
      'select quantity::int, cost_minor::int as cost, margin_minor::int as margin from public.positions',
    );
    return row;
  };
  const account = async () => {
    const [row] = await session.query(
      'select cash_minor::int as cash, held_minor::int as held, not_ready from public.accounts',
    );
    return row;
  };
  const latePosts = () =>
    session.query(
      "select cash_delta_minor::int as cash, held_delta_minor::int as held from public.ledger_entries where kind = 'late_post' order by id",
    );
  const blocked = 'a fill came after its order had ended: acknowledge it';

  test('a sale gives back margin, and profit or loss, exactly', async () => {
    const users = [user('asha', { leverageCenti: 300 })];
    const bought = await send('BUY', 7, users);
    await settle(store, [settlement(bought.orderId, 'filled', { fills: [fill('b1', 7, 100_01)] })]);
    expect(await position()).toEqual({ quantity: 7, cost: 700_07, margin: Math.ceil(700_07 / 3) });

    const sold = await send('SELL', 7, users);
    await settle(store, [settlement(sold.orderId, 'partially_filled', { fills: [fill('s1', 3, 101_00)] })]);
    const cost = Math.floor((700_07 * 3) / 7);
    expect(await value("select realised_minor::int from public.fills where venue_fill_id = 's1'")).toBe(303_00 - cost);
    await settle(store, [settlement(sold.orderId, 'filled', { fills: [fill('s2', 2, 99_00), fill('s3', 2, 103_00)] })]);
    expect(await position()).toEqual({ quantity: 0, cost: 0, margin: 0 });

    const proceeds = 303_00 + 198_00 + 206_00;
    const charges =
      chargesOn(700_07, rateFor(bought.testRun.rates, 'BUY', 'mtf')) +
      chargesOn(proceeds, rateFor(sold.testRun.rates, 'SELL', 'mtf'));
    expect(await account()).toEqual({ cash: 1_00_000_00 + proceeds - 700_07 - charges, held: 0, not_ready: null });
    expect(await value('select sum(realised_minor)::int from public.fills')).toBe(proceeds - 700_07);
  });

  test('a sale in any pieces, in any calls, loses no paisa', async () => {
    const pieces = fc.array(
      fc.record({
        quantity: fc.integer({ min: 1, max: 40 }),
        priceMinor: fc.integer({ min: 1, max: 200_00 }),
        together: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const leverages = fc.constantFrom(100, 133, 500, 700);
    await fc.assert(
      fc.asyncProperty(pieces, pieces, leverages, async (buys, sells, leverageCenti) => {
        const name = `asha-${claims}`;
        const users = [user(name, { leverageCenti, capitalMinor: 1_00_00_000_00 })];
        const total = (of: typeof buys) => of.reduce((sum, { quantity }) => sum + quantity, 0);
        const deal = async (side: 'BUY' | 'SELL', of: typeof buys, quantity: number) => {
          const { orderId } = await send(side, quantity, users, side === 'BUY' ? 200_00 : 1);
          let fills: ReturnType<typeof fill>[] = [];
          for (const [index, piece] of of.entries()) {
            fills.push(fill(`${orderId}-${index}`, piece.quantity, piece.priceMinor));
            if (piece.together && index < of.length - 1) continue;
            await settle(store, [settlement(orderId, 'partially_filled', { fills })]);
            fills = [];
          }
          await settle(store, [settlement(orderId, 'canceled')]);
        };
        await deal('BUY', buys, total(buys));
        const held = total(buys);
        const selling = sells.filter((_, index) => total(sells.slice(0, index + 1)) <= held);
        if (selling.length > 0) await deal('SELL', selling, held);
        const [sums] = await session.query(
          `select count(*)::int as broken from public.accounts a join public.positions p on p.account_id = a.id
           where a.user_id = $1 and p.cost_minor + (select coalesce(sum(f.value_minor - f.realised_minor), 0)
             from public.fills f where f.account_id = a.id and side = 'SELL')
             <> (select sum(value_minor) from public.fills f where f.account_id = a.id and side = 'BUY')`,
          [name],
        );
        expect(sums).toEqual({ broken: 0 });
      }),
      { numRuns: 12 },
    );
  });

  test('a fill of a canceled order pays for itself, marks the order and blocks the account', async () => {
    const { testRun, orderId } = await send('BUY', 10);
    const rate = rateFor(testRun.rates, 'BUY', 'delivery');
    await settle(store, [settlement(orderId, 'canceled', { fills: [fill('f1', 4)] })]);
    const before = await account();
    const late = settlement(orderId, 'canceled', {
      fills: [fill('f1', 4), fill('f2', 2, 101_00), fill('f3', 1, 102_00)],
    });
    await settle(store, [late]);
    const charges = [400_00, 602_00, 704_00].map((valueMinor) => chargesOn(valueMinor, rate));
    expect(await latePosts()).toEqual([
      { cash: -(202_00 + (charges[1] ?? 0) - (charges[0] ?? 0)), held: 0 },
      { cash: -(102_00 + (charges[2] ?? 0) - (charges[1] ?? 0)), held: 0 },
    ]);
    const cash = Number(before?.['cash']) - 304_00 - ((charges[2] ?? 0) - (charges[0] ?? 0));
    expect(await account()).toEqual({ cash, held: 0, not_ready: blocked });
    expect(
      await session.query(
        'select status, late_fill, filled_quantity::int as filled, charges_minor::int as charges from public.orders',
      ),
    ).toEqual([{ status: 'canceled', late_fill: true, filled: 7, charges: charges[2] }]);
    expect(await position()).toEqual({ quantity: 7, cost: 704_00, margin: 704_00 });
    await settle(store, [late]);
    expect(await latePosts()).toHaveLength(2);
    const next = await openTestRun(store, { runId: 'next', signals: [signal('INFY')] });
    expect((await undecided(next))[0]?.notReady).toBe(blocked);
  });

  test('a fill of a rejected order may take the account below zero, which blocks it', async () => {
    const { orderId } = await send('BUY', 10, [user('asha', { capitalMinor: 1100_00 })]);
    await settle(store, [settlement(orderId, 'rejected')]);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10, 200_00)] })]);
    expect(Number((await account())?.['cash'])).toBeLessThan(0);
    expect(await account()).toMatchObject({ not_ready: blocked, held: 0 });
    expect(await position()).toEqual({ quantity: 10, cost: 2000_00, margin: 2000_00 });
    expect(await value('select status from public.orders')).toBe('rejected');
  });

  test('late fills of a sale, beside fills of the next one, in one call', async () => {
    const bought = await send('BUY', 10);
    await settle(store, [
      settlement(bought.orderId, 'filled', { fills: [fill('b1', 7, 99_99), fill('b2', 3, 100_01)] }),
    ]);
    const first = await send('SELL', 10);
    await settle(store, [settlement(first.orderId, 'canceled', { fills: [fill('s1', 3, 101_01)] })]);
    const second = await send('SELL', 7);
    await settle(store, [
      settlement(first.orderId, 'canceled', { fills: [fill('s2', 1, 102_02), fill('s3', 1, 97_77)] }),
      settlement(second.orderId, 'partially_filled', { fills: [fill('s4', 2, 103_03)] }),
    ]);
    expect(await latePosts()).toHaveLength(2);
    expect(await position()).toMatchObject({ quantity: 3 });
    await settle(store, [settlement(second.orderId, 'canceled', { fills: [fill('s5', 3, 98_00)] })]);
    expect(await position()).toEqual({ quantity: 0, cost: 0, margin: 0 });
  });

  test('a late buy and a sale of the same share in one call', async () => {
    const first = await send('BUY', 10);
    await settle(store, [settlement(first.orderId, 'canceled', { fills: [fill('b1', 4, 99_00)] })]);
    const sale = await send('SELL', 4);
    await settle(store, [
      settlement(first.orderId, 'canceled', { fills: [fill('b2', 6, 101_00)] }),
      settlement(sale.orderId, 'filled', { fills: [fill('s1', 4, 105_00)] }),
    ]);
    const cost = Math.floor(((4 * 99_00 + 6 * 101_00) * 4) / 10);
    expect(await value("select realised_minor::int from public.fills where venue_fill_id = 's1'")).toBe(420_00 - cost);
    expect(await position()).toMatchObject({ quantity: 6, cost: 4 * 99_00 + 6 * 101_00 - cost });
  });

  test('a holding from outside is sold for all it brings: it was paid for outside', async () => {
    await store.call('import_users', { by: tester, users: [user('asha')], mode: 'paper', source: 's', nowMs: 0 });
    const holding = {
      userId: 'asha',
      venue: 'paper',
      mode: 'paper',
      exchange: 'NSE',
      symbol: 'TITAN',
      tradeDate: '2025-08-01',
    };
    await store.call('import_holdings', {
      holdings: [{ ...holding, quantity: 5, priceMinor: 90_00, reference: 'h1' }],
      nowMs: 0,
    });
    const { testRun, orderId } = await send('SELL', 5);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('s1', 5, 110_00)] })]);
    const charges = chargesOn(550_00, rateFor(testRun.rates, 'SELL', 'delivery'));
    expect(await account()).toEqual({ cash: 1_00_000_00 + 550_00 - charges, held: 0, not_ready: null });
    expect(await value("select realised_minor::int from public.fills where side = 'SELL'")).toBe(100_00);
  });

  test('a rejected sale leaves the position as it was', async () => {
    const bought = await send('BUY', 10);
    await settle(store, [settlement(bought.orderId, 'filled', { fills: [fill('b1', 10)] })]);
    const before = [await position(), await account()];
    const { orderId } = await send('SELL', 10);
    await settle(store, [settlement(orderId, 'rejected')]);
    expect([await position(), await account()]).toEqual(before);
  });
});
