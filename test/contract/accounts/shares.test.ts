import { expect, test } from 'vitest';
import { instrument, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  decideAll,
  fill,
  limits,
  openTestRun,
  sendAll,
  sendOne,
  settle,
  settlement,
} from '../support/test-run.ts';

const isin = 'INE280A01028';
const titanAt = (exchange: string, symbol: string) => instrument(symbol, { exchange, isin });

onEveryDatabase('one share under several listings', ({ store, session }) => {
  /** Asha holds 10 TITAN, bought under that listing. */
  const bought = async (exchange: string, symbol: string) => {
    const of = signal(symbol, { exchange, strategy: 'first' });
    const quotes = [{ ...quoteOf(exchange, symbol) }];
    const testRun = await openTestRun(store, { runId: 'first', signals: [of], quotes });
    await decideAll(testRun, { quantity: 10 });
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
  };
  const quoteOf = (exchange: string, symbol: string) => {
    const none = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    return { exchange, symbol, priceMinor: 100_00, ...none, atMs: Date.parse(`${tradeDate}T09:20:00+05:30`) };
  };
  const reasons = () => session.query("select reason from public.decisions where run_id = 'second' order by signal_id");
  const orders = () =>
    session.query(`select i.exchange || ':' || i.symbol as listing, o.side, o.quantity::int from public.orders o
      join public.instruments i on i.id = o.instrument_id where o.run_id = 'second' order by o.id`);

  test.each([
    ['BSE', 'TITAN'],
    ['NSE', 'TITAN-BE'],
  ])('what is held as %s:%s is not bought again as NSE:TITAN', async (exchange, symbol) => {
    await store.call('import_instruments', { by: tester, instruments: [instrument('TITAN', { isin })] });
    await bought(exchange, symbol);
    await acceptAll(await openTestRun(store, { runId: 'second', signals: [signal('TITAN')] }), { quantity: 5 });
    expect(await reasons()).toEqual([{ reason: 'already_holding' }]);
  });

  test('an open order under one listing is a working order of the other', async () => {
    const first = signal('TITANLTD', { exchange: 'BSE', strategy: 'first' });
    await decideAll(
      await openTestRun(store, { runId: 'first', signals: [first], quotes: [quoteOf('BSE', 'TITANLTD')] }),
    );
    await sendAll(store);
    const testRun = await openTestRun(store, { runId: 'second', signals: [signal('TITAN')] });
    // Two names, one ISIN.
    await store.call('import_instruments', {
      by: tester,
      instruments: [titanAt('NSE', 'TITAN'), titanAt('BSE', 'TITANLTD')],
    });
    await acceptAll(testRun);
    expect(await reasons()).toEqual([{ reason: 'working_order' }]);
  });

  test('a sale goes out under the listing that is held', async () => {
    await bought('BSE', 'TITAN');
    const sale = signal('TITAN', { side: 'SELL' });
    await acceptAll(await openTestRun(store, { runId: 'second', signals: [sale] }), { quantity: 10 });
    expect(await orders()).toEqual([{ listing: 'BSE:TITAN', side: 'SELL', quantity: 10 }]);
  });

  test('a sale of more than any one listing has is no sale', async () => {
    await bought('BSE', 'TITAN');
    const sale = signal('TITAN', { side: 'SELL' });
    await acceptAll(await openTestRun(store, { runId: 'second', signals: [sale] }), { quantity: 11 });
    expect(await reasons()).toEqual([{ reason: 'no_position' }]);
  });

  test('a cap and a number of positions count a share once, whatever its listings', async () => {
    const signals = [signal('TITAN'), signal('TITAN', { exchange: 'BSE', rank: 2, strategy: 'other' })];
    const quotes = [quoteOf('NSE', 'TITAN'), quoteOf('BSE', 'TITAN')];
    const capped = { ...limits, symbolCapMinor: 1_500_00 };
    const users = [user('asha'), user('ravi')];
    const testRun = await openTestRun(store, { runId: 'second', signals, quotes, users, limits: capped });
    await acceptAll(testRun, { quantity: 10 });
    const outcomes = await session.query(
      'select outcome, reason from public.decisions order by position, queue_position',
    );
    // The first takes 1000.00 of the 1500.00; the second would take 1000.00 more, under either listing.
    expect(outcomes).toEqual([
      { outcome: 'accepted', reason: null },
      { outcome: 'denied', reason: 'symbol_cap' },
      { outcome: 'skipped', reason: 'working_order' },
      { outcome: 'denied', reason: 'symbol_cap' },
    ]);
  });

  test('an ISIN that becomes known later joins the listings of its share', async () => {
    await bought('BSE', 'TITAN');
    const shares = () => session.query('select symbol, share from public.instruments order by exchange, symbol');
    expect(await shares()).toEqual(Array(2).fill({ symbol: 'TITAN', share: 'TITAN' }));
    await store.call('import_instruments', { by: tester, instruments: [titanAt('NSE', 'TITAN'), instrument('INFY')] });
    const joined = { symbol: 'TITAN', share: isin };
    expect(await shares()).toEqual([joined, { symbol: 'INFY', share: 'INFY' }, joined]);
  });
});
