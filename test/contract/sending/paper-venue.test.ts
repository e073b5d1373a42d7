import { expect, test } from 'vitest';
import type { Fault } from '../../../src/domain/faults.ts';
import { minuteMs, nowMs, quote, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('the paper venue', ({ store, value }) => {
  const prepare = (faults: Fault[] | null = [], priceMinor = 100_00) =>
    store.call('paper_venue_prepare', { tradeDate, quotes: [quote('TITAN', priceMinor)], faults });
  const buy = { clientOrderId: 'o1', userId: 'asha', exchange: 'NSE', symbol: 'TITAN', side: 'BUY', quantity: 10 };
  const order = (change: object = {}) => ({ ...buy, limitPriceMinor: 100_50, slippageBps: 0, nowMs, ...change });
  const submit = async (change: object = {}) => {
    const [answer] = await store.call('paper_venue_submit', { orders: [order(change)] });
    if (!answer) throw new Error('one order was to be answered');
    return answer;
  };
  const lookup = (clientOrderId = 'o1', atMs = nowMs) =>
    store.call('paper_venue_lookup', { clientOrderId, nowMs: atMs });
  const fills = (quantity = 10, priceMinor = 100_00, atMs = nowMs) => [
    { venueFillId: 'PO1-1', quantity, priceMinor, atMs },
  ];
  const report = (status: string, of: ReturnType<typeof fills> | [] = fills(), message: string | null = null) => ({
    venueOrderId: 'PO1',
    status,
    message,
    fills: of,
  });

  test('fills at the day’s price, and its book says the same', async () => {
    await prepare();
    expect(await submit()).toMatchObject({ kind: 'acknowledged', report: report('filled') });
    expect(await lookup()).toMatchObject({ kind: 'found', report: report('filled') });
    expect(await lookup('o2')).toEqual({ kind: 'missing' });
  });

  test('takes orders that come together one by one, and answers them in their order', async () => {
    await prepare();
    const orders = [order(), order({ clientOrderId: 'o2', limitPriceMinor: 99_00 }), order({ quantity: 99 })];
    const answers = await store.call('paper_venue_submit', { orders });
    expect(answers).toMatchObject([
      { kind: 'acknowledged', report: report('filled') },
      { kind: 'acknowledged', report: { venueOrderId: 'PO2', status: 'working' } },
      { kind: 'duplicate' },
    ]);
  });

  test('refuses a client order id it knows, whoever comes first', async () => {
    await prepare();
    const answers = await Promise.all([submit(), submit(), submit({ quantity: 99 })]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['acknowledged', 'duplicate', 'duplicate']);
    expect(await value('select count(*)::int from paper_venue.orders')).toBe(1);
  });

  test.each([
    ['BUY', 100, 100_50, 100_50],
    ['BUY', 20, 100_50, 100_20],
    ['SELL', 100, 99_50, 99_50],
    ['SELL', 20, 99_50, 99_80],
  ])(
    '%s slips by %i basis points, never past the limit of %i',
    async (side, slippageBps, limitPriceMinor, expected) => {
      await prepare();
      expect(await submit({ side, slippageBps, limitPriceMinor })).toMatchObject({
        report: report('filled', fills(10, expected)),
      });
    },
  );

  test.each([
    ['BUY', 99_99],
    ['SELL', 100_01],
  ])(
    'a %s whose limit (%i) the market does not reach rests and expires with the day',
    async (side, limitPriceMinor) => {
      await prepare();
      const message = 'the simulated market stays at 100.00 all day: this limit is not reached';
      expect(await submit({ side, limitPriceMinor })).toMatchObject({
        kind: 'acknowledged',
        report: report('working', [], message),
      });
      const closeMs = Date.parse(`${tradeDate}T15:30:00+05:30`);
      expect(await lookup('o1', closeMs - 1)).toMatchObject({ report: report('working', [], message) });
      expect(await lookup('o1', closeMs)).toMatchObject({ report: report('expired', [], message) });
    },
  );

  test('rejects what has no market that day', async () => {
    await prepare();
    expect(await submit({ symbol: 'INFY' })).toMatchObject({
      kind: 'rejected',
      report: report('rejected', [], 'no market in INFY'),
    });
    const tomorrow = { clientOrderId: 'o2', nowMs: nowMs + 24 * 60 * minuteMs };
    expect(await submit(tomorrow)).toMatchObject({ kind: 'rejected' });
  });

  test('a rejection comes with the words it was told', async () => {
    await prepare([{ fault: 'reject', message: 'RMS: margin shortfall' }]);
    expect(await submit()).toMatchObject({ kind: 'rejected', report: report('rejected', [], 'RMS: margin shortfall') });
    expect(await lookup()).toMatchObject({ kind: 'found', report: report('rejected', [], 'RMS: margin shortfall') });
  });

  test('a delayed order works until its time, then is filled', async () => {
    await prepare([{ fault: 'delay', delayMs: 5000 }]);
    expect(await submit()).toMatchObject({ kind: 'acknowledged', report: report('working', []) });
    expect(await lookup('o1', nowMs + 4999)).toMatchObject({ report: report('working', []) });
    expect(await lookup('o1', nowMs + 5000)).toMatchObject({
      report: report('filled', fills(10, 100_00, nowMs + 5000)),
    });
  });

  test.each([
    [4, 4],
    [undefined, 5],
  ])('a partial fill of %s leaves %i, the rest is canceled later', async (quantity, filled) => {
    await prepare([{ fault: 'partial', delayMs: 5000, ...(quantity === undefined ? {} : { quantity }) }]);
    expect(await submit()).toMatchObject({ report: { status: 'partially_filled', fills: fills(filled) } });
    expect(await lookup('o1', nowMs + 5000)).toMatchObject({ report: { status: 'canceled', fills: fills(filled) } });
  });

  test('silence before the book saw the order: nothing is there, and a second try gets through', async () => {
    await prepare([{ fault: 'timeout_before' }]);
    expect(await submit()).toEqual({ kind: 'silence' });
    expect(await lookup()).toEqual({ kind: 'missing' });
    expect(await submit()).toMatchObject({ kind: 'acknowledged', report: report('filled') });
  });

  test.each([
    ['timeout_after', 'silence'],
    ['garbage', 'garbage'],
  ] as const)('%s: the order is in the book all the same', async (fault, kind) => {
    await prepare([{ fault }]);
    expect(await submit()).toEqual({ kind });
    expect(await lookup()).toMatchObject({ kind: 'found', report: report('filled') });
    expect(await submit()).toEqual({ kind: 'duplicate' });
  });

  test('a fault hits the user and symbol it names, the first that fits', async () => {
    await prepare([
      { user: 'ravi', fault: 'garbage' },
      { user: 'asha', symbol: 'INFY', fault: 'garbage' },
      { user: 'asha', symbol: 'TITAN', fault: 'timeout_after' },
      { fault: 'reject' },
    ]);
    expect(await submit()).toEqual({ kind: 'silence' });
    expect(await submit({ clientOrderId: 'o2', userId: 'ravi' })).toEqual({ kind: 'garbage' });
    expect(await submit({ clientOrderId: 'o3', userId: 'meera' })).toMatchObject({ kind: 'rejected' });
  });

  test('a fault means a user by name or id, what names nobody is said, and it ends with its day', async () => {
    const quotes = [quote('TITAN')];
    await store.call('import_users', {
      by: tester,
      users: [user('asha-jain', { name: 'Asha Jain' }), user('c-17', { name: 'Ravi Sen' })],
      mode: 'paper',
      source: 'import:users.csv',
      nowMs,
    });
    const faults: Fault[] = [
      { user: 'asha-jain', fault: 'garbage' },
      { user: 'ravi SEN', symbol: 'TITAN', fault: 'garbage' },
      { user: 'Nobody', symbol: 'TITEN', fault: 'reject' },
    ];
    const prepared = await store.call('paper_venue_prepare', { tradeDate, quotes, faults });
    expect(prepared.unmatched.toSorted()).toEqual(['Nobody', 'TITEN']);
    expect(await submit({ userId: 'asha-jain' })).toEqual({ kind: 'garbage' });
    expect(await submit({ clientOrderId: 'o2', userId: 'c-17' })).toEqual({ kind: 'garbage' });

    const tomorrowMs = nowMs + 24 * 60 * minuteMs;
    await store.call('paper_venue_prepare', { tradeDate: '2025-08-29', quotes, faults: null });
    const later = { clientOrderId: 'o3', userId: 'asha-jain', nowMs: tomorrowMs };
    expect(await submit(later)).toMatchObject({ kind: 'acknowledged' });
  });

  test('prepared again it keeps its faults where none are given, and takes the new price', async () => {
    await prepare([{ fault: 'garbage' }]);
    await prepare(null, 100_10);
    expect(await submit()).toEqual({ kind: 'garbage' });
    expect(await lookup()).toMatchObject({ report: report('filled', fills(10, 100_10)) });
    await prepare([], 100_20);
    expect(await submit({ clientOrderId: 'o2' })).toMatchObject({ kind: 'acknowledged' });
  });
});
