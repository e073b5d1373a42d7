import { expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { rateFor } from '../../../src/domain/decision/charges.ts';
import { decide } from '../../../src/domain/decision/decide.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import type { Side } from '../../../src/domain/types.ts';
import { frame, planned, quoteNow as priced } from '../../domain/decide-case.ts';
import { chargesOn } from '../../support/amounts.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  decideAll,
  fill,
  openTestRun,
  sendOne,
  settle,
  settlement,
  type TestRun,
  undecided,
} from '../support/test-run.ts';

/** One lakh: 1 % is 1,000.00, 3 % is 3,000.00. */
const limited = (bps: number) => [user('asha', { dailyLossLimitBps: bps, capitalMinor: 1_00_000_00 })];

// What is read of the day's fills, and what the limit makes of it: the figures of three ways in which it measured
// something else than the day's profit and loss.
onEveryDatabase('the daily loss limit', ({ store, session, value, breaks }) => {
  let runs = 0;
  /** Trades all of it at one price, in a run of its own; gives its charges. */
  const trade = async (side: Side, symbol: string, quantity: number, priceMinor: number, bps: number) => {
    runs += 1;
    const of = signal(symbol, { side, strategy: `strategy-${runs}`, referencePriceMinor: priceMinor });
    const testRun = await openTestRun(store, { runId: `run-${runs}`, signals: [of], users: limited(bps) });
    await decideAll(testRun, { quantity, priceMinor, limitPriceMinor: priceMinor });
    const { orderId } = await sendOne(store, `claim-${runs}`);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill(`f${runs}`, quantity, priceMinor)] })]);
    return { chargesMinor: chargesOn(quantity * priceMinor, rateFor(testRun.rates, side, 'delivery')), orderId };
  };
  const held = (symbol: string, quantity: number, priceMinor: number, reference = 'h1') => {
    const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol, quantity, priceMinor };
    return store.call('import_holdings', { holdings: [{ ...holding, tradeDate, reference }], nowMs });
  };
  /** A scan of the day, with a price and a previous close of what is held or was traded. */
  const scan = async (bps: number, symbol: string, price: number, close: number | null) => {
    runs += 1;
    const testRun: TestRun = await openTestRun(store, {
      runId: `run-${runs}`,
      signals: [signal('ITC', { strategy: `strategy-${runs}` })],
      users: limited(bps),
    });
    const [account] = await undecided(testRun);
    if (!account) throw new Error('asha is in the run');
    const one = frame([planned('BUY', 'ITC', 400_00)]);
    one.quotes = new Map([[`NSE:${symbol}`, priced(symbol, price, close)]]);
    return decide(one, account, new Map())[0];
  };
  const settled = async () =>
    store.call('import_users', {
      by: { who: 'me', how: 'cli' },
      users: limited(100),
      mode: 'paper',
      source: 'test',
      nowMs,
    });

  test('is not switched off by selling the loss', async () => {
    await settled();
    // Long in profit, and 15,000.00 down since yesterday.
    await held('INFY', 100, 1300_00);
    expect(await scan(300, 'INFY', 1350_00, 1500_00)).toMatchObject({ limit: '-3000.00', actual: '-15000.00' });
    const { chargesMinor } = await trade('SELL', 'INFY', 100, 1350_00, 300);
    expect(await value('select quantity::int from public.positions')).toBe(0);
    const sold = { reason: 'daily_loss_limit', actual: formatMinor(-15_000_00 - chargesMinor, INR) };
    expect(await scan(300, 'INFY', 1350_00, 1500_00)).toMatchObject(sold);
    // It stays one, whatever the share does afterwards.
    expect(await scan(300, 'INFY', 1550_00, 1500_00)).toMatchObject(sold);
  });

  test('does not deny who is up 500.00 since yesterday at the -30,000.00 of years', async () => {
    await settled();
    await held('INFY', 100, 1805_00);
    await trade('SELL', 'INFY', 100, 1505_00, 300);
    expect(await value('select realised_minor::int from public.fills where order_id is not null')).toBe(-30_000_00);
    expect(await scan(300, 'INFY', 1505_00, 1500_00)).toMatchObject({ outcome: 'accepted' });
  });

  test('refuses a real loss of 2 % under a limit of 1 %, also of what was bought above its previous close', async () => {
    await settled();
    const { chargesMinor } = await trade('BUY', 'INFY', 50, 1500_00, 100);
    // Closed at 1400.00 yesterday; bought at 1500.00; 1460.00 now: 2,000.00 of one lakh.
    expect(await scan(100, 'INFY', 1460_00, 1400_00)).toMatchObject({
      reason: 'daily_loss_limit',
      limit: '-1000.00',
      actual: formatMinor(-2_000_00 - chargesMinor, INR),
    });
    // Unchanged it costs its charges.
    expect(await scan(1, 'INFY', 1500_00, 1400_00)).toMatchObject({ actual: formatMinor(-chargesMinor, INR) });
  });

  test('counts what is imported today as held before, and a late fill as of the day of its order', async () => {
    await settled();
    const testRun = await openTestRun(store, { runId: 'yesterday', signals: [signal('INFY')], users: limited(100) });
    await session.exec("update public.scan_runs set trade_date = '2025-08-26' where id = 'yesterday'");
    breaks('a run is opened, decided and done in this order, on its day', 'an order is filled at its limit or better');
    await decideAll(testRun, { quantity: 11 });
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'canceled', { fills: [fill('f1', 1)] })]);
    await held('INFY', 9, 100_00);
    expect(await scan(1, 'INFY', 90_00, 100_00)).toMatchObject({ actual: '-100.00' });
    // Ten more, which the venue tells only today: they fell with the others, and what they cost is yesterday's.
    await settle(store, [settlement(orderId, 'canceled', { fills: [fill('late', 10, 130_00)] })]);
    expect(await value("select trade_date::text from public.fills where venue_fill_id = 'late'")).toBe('2025-08-26');
    await session.exec('update public.accounts set not_ready = null');
    expect(await scan(1, 'INFY', 90_00, 100_00)).toMatchObject({ actual: '-200.00' });
  });

  test('follows a fill that a person corrects', async () => {
    await settled();
    const { orderId } = await trade('BUY', 'INFY', 10, 1500_00, 100);
    expect(await scan(100, 'INFY', 1390_00, 1400_00)).toMatchObject({ reason: 'daily_loss_limit' });
    const corrected = {
      order: String(orderId),
      fill: null,
      quantity: 10,
      priceMinor: 1390_00,
      why: 'as told',
      by: tester,
    };
    expect(await store.call('correct_fill', { ...corrected, nowMs })).toMatchObject({ kind: 'corrected' });
    const [charges] = await session.query('select charges_minor::int as minor from public.orders where side = $1', [
      'BUY',
    ]);
    expect(await scan(1, 'INFY', 1390_00, 1400_00)).toMatchObject({
      actual: formatMinor(-Number(charges?.['minor']), INR),
    });
  });

  test('asks for quotes of what was traded today, also where nobody holds it any more', async () => {
    await settled();
    await trade('BUY', 'INFY', 10, 1500_00, 100);
    await trade('SELL', 'INFY', 10, 1490_00, 100);
    const inputs = { mode: 'paper', tradeDate, runId: 'next' };
    expect((await store.call('read_inputs', inputs)).held).toEqual([{ exchange: 'NSE', symbol: 'INFY' }]);
    expect((await store.call('read_inputs', { ...inputs, tradeDate: '2025-08-29' })).held).toEqual([]);
    expect((await store.call('read_inputs', { ...inputs, mode: 'live' })).held).toEqual([]);
  });
});
