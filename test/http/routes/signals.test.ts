import { describe, expect, test } from 'vitest';
import { buy, tradeDate } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { idOf, signalsService, titan } from '../support/signals-service.ts';

const { open, service, answerTo, stored, received } = signalsService();

describe('a list of signals', () => {
  test('is taken in, with what it does not say filled in', async () => {
    const full = {
      ...titan,
      symbol: 'M&M',
      tradeDate: '2025-08-29',
      rank: 3,
      exchange: 'NSE',
      stopLoss: 3500,
      target: '3700.5',
    };
    expect(await answerTo({ signals: [titan, full] })).toEqual({
      status: 202,
      accepted: [
        { index: 0, id: idOf('TITAN') },
        { index: 1, id: idOf('M&M', '2025-08-29') },
      ],
      duplicates: [],
      rejected: [],
    });
    expect(await stored()).toEqual([{ ...buy('TITAN', 1000, 3560_00), id: idOf('TITAN') }]);
    const change = { tradeDate: '2025-08-29', stopLossMinor: 3500_00, targetMinor: 3700_50 };
    expect(await stored('2025-08-29')).toEqual([buy('M&M', 3, 3560_00, change)]);
  });

  test('may say until when on its day each is valid', async () => {
    const validUntil = '2025-08-28T09:30:00+05:30';
    const infy = { ...titan, symbol: 'INFY', valid_until: '2025-08-28T04:15:00Z' };
    expect(await answerTo({ signals: [{ ...titan, validUntil }, infy] })).toMatchObject({ status: 202, rejected: [] });
    expect((await stored()).map(({ symbol, validUntilMs }) => [symbol, validUntilMs])).toEqual([
      ['INFY', Date.parse('2025-08-28T09:45:00+05:30')],
      ['TITAN', Date.parse(validUntil)],
    ]);
    open().clock.jump(10 * 60_000 + 1);
    const report = await (await open().cron()).json();
    expect(report).toMatchObject({ totals: { signals: 2 } });
    const reasons = await open().session.query('select distinct reason from public.decisions where signal_id like $1', [
      '%TITAN%',
    ]);
    expect(reasons).toEqual([{ reason: 'signal_expired' }]);
  });

  test('has a symbol read however it is spelled, among what is listed', async () => {
    const { store } = open();
    const listed = (symbol: string) => {
      const none = { isin: null, freezeQuantity: null, restricted: null, fno: false };
      return { exchange: 'NSE', symbol, name: symbol, tickMinor: 5, lotSize: 1, ...none };
    };
    await store.call('import_instruments', { by: tester, instruments: ['ABB-BE', 'A&B', 'C-D', 'C&D'].map(listed) });
    const spelled = ['titan.ns', 'M_M', 'ABB', 'A_B', 'C_D', 'NASDAQ:AAPL'];
    const apple = { ...titan, exchange: 'NASDAQ', symbol: 'AAPL' };
    expect(await answerTo({ signals: [...spelled.map((symbol) => ({ ...titan, symbol })), apple] })).toMatchObject({
      accepted: [...['TITAN', 'M&M', 'ABB-BE', 'A&B'].map((one) => idOf(one)), idOf('AAPL').replace('NSE', 'US')].map(
        (id) => ({
          id,
        }),
      ),
      rejected: [
        { index: 4, field: 'symbol', reason: 'may be C&D or C-D: write which', value: 'C_D' },
        { index: 5, field: 'symbol', reason: expect.stringContaining('give exchange US'), value: 'NASDAQ:AAPL' },
      ],
    });
  });

  test('is traded by the scan that follows', async () => {
    await answerTo({ signals: [titan] });
    expect(await (await open().cron()).json()).toMatchObject({ totals: { signals: 1, filled: 5 } });
  });

  test('has its bad rows named and its good ones used', async () => {
    const rows = [titan, { ...titan, side: 'SHORT' }, 'TITAN', { ...titan, symbol: 'INFY', stopLoss: '3600' }];
    expect(await answerTo({ signals: rows })).toMatchObject({
      status: 202,
      accepted: [{ index: 0 }],
      rejected: [
        { index: 1, field: 'side', reason: 'must be BUY or SELL', value: 'SHORT' },
        { index: 2, field: null, reason: 'must be an object', value: 'TITAN' },
        { index: 3, field: 'stopLoss', reason: 'must be below the reference price for a BUY', value: '3600.00' },
      ],
    });
    expect((await received()).map(({ outcome, problem }) => [outcome, problem])).toEqual([
      ['accepted', null],
      ['rejected', 'side: must be BUY or SELL'],
      ['rejected', 'must be an object'],
      ['rejected', 'stopLoss: must be below the reference price for a BUY'],
    ]);
  });

  test.each([
    ['referencePrice', '3560.005'],
    ['referencePrice', 3560.005],
    ['referencePrice', 0.1 + 0.2],
    ['referencePrice', '3,560.00'],
    ['referencePrice', '0'],
    ['referencePrice', -1],
    ['referencePrice', 1e21],
    ['referencePrice', '1e3'],
    ['referencePrice', null],
    ['stopLoss', true],
    ['target', '3500'],
    ['rank', 0],
    ['rank', 1.5],
    ['rank', '7'],
    ['strategy', 'a:b'],
    ['strategy', 'a|b'],
    ['strategy', ''],
    ['strategy', 'line\nbreak'],
    ['symbol', 'A_B'],
    ['symbol', 'BSE:TITAN'],
    ['symbol', 'TITAN:BUY'],
    ['exchange', 'BSE'],
    ['tradeDate', '28-08-2025'],
    ['tradeDate', '2025-02-30'],
    ['tradeDate', '2025-08-30'],
    ['tradeDate', '2031-01-01'],
    ['tradeDate', 20250829],
    ['stoploss', '3500'],
    ['validUntil', '2025-08-28'],
    ['valid_until', '2025-08-28T15:00:00'],
    ['validUntil', '2025-08-29T10:00:00+05:30'],
    ['valid_until', '2025-08-28T09:10:00+05:30'],
  ])('with %s %j in it has that row rejected for it', async (field, value) => {
    const answer = await answerTo({ signals: [{ ...titan, [field]: value }] });
    expect(answer).toMatchObject({
      status: 422,
      code: 'no_good_signal',
      accepted: [],
      rejected: [{ index: 0, field }],
    });
    expect(await stored()).toEqual([]);
    expect(await received()).toHaveLength(1);
  });

  test.each([
    ['text', 'TITAN BUY 3560'],
    ['half of it', '{"signals": ['],
    ['no rows', { signals: [] }],
    ['rows that are no list', { signals: { 0: titan } }],
    ['too many rows', { signals: Array(501).fill(1) }],
    ['neither signals nor an alert', titan],
    ['a list without its name', [titan]],
    ['nothing', 'null'],
    ['no bottom', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ])('that is %s is refused as a whole', async (_what, body) => {
    expect(await answerTo(body)).toMatchObject({ status: 422, code: 'no_signals' });
    expect(await received()).toEqual([]);
  });
});

describe('a row with something odd in it', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const fields: [string, string, string | null][] = [
    ...['constructor', '__proto__', 'prototype', 'valueOf', 'toString', 'hasOwnProperty', 'then'].map(
      (name): [string, string, string] => [`a field named ${name}`, `"${name}":1`, name],
    ),
    ['a prototype of its own', '"__proto__":{"symbol":"INFY","side":"SELL"}', '__proto__'],
    ['a NUL', '"strategy":"a\\u0000b"', 'strategy'],
    ['half a letter', '"strategy":"a\\ud800b"', 'strategy'],
    ['a NUL in the name of a field', '"a\\u0000b":1', 'a\ufffdb'],
    ['no bottom', `"note":${deep}`, 'note'],
    ['no bottom in what is known', `"symbol":${deep}`, 'symbol'],
    ['a whole number beyond exact ones', '"rank":9007199254740993', 'rank'],
    ['a number beyond all numbers', '"referencePrice":1e400', 'referencePrice'],
    ['a field said twice', '"side":"BUY","side":"SHORT"', 'side'],
    ['a very long symbol', `"symbol":"${'A'.repeat(40_000)}"`, 'symbol'],
    ['a direction override', '"strategy":"\u202egnol"', 'strategy'],
  ];

  test.each(fields)('(%s) is rejected by itself, and the field is named', async (_what, odd, field) => {
    const good = JSON.stringify(titan);
    const body = `{"signals":[${good.slice(0, -1)},${odd}},${good.replace('TITAN', 'INFY')}]}`;
    expect(await answerTo(body)).toMatchObject({
      status: 202,
      accepted: [{ index: 1, id: idOf('INFY') }],
      rejected: [{ index: 0, field }],
    });
    expect((await received()).map(({ outcome }) => String(outcome)).toSorted()).toEqual(['accepted', 'rejected']);
  });

  test.each(['constructor', '__proto__', 'toString'])('in an alert, a field named %s is let be', async (name) => {
    const body = `{"ticker":"NSE:TITAN","action":"buy","price":3560,"${name}":{"action":"sell"}}`;
    expect(await answerTo(body)).toMatchObject({ status: 202, accepted: [{ index: 0 }] });
  });
});

describe('a signal that is known', () => {
  test('is a duplicate, and its first word stands', async () => {
    await answerTo({ signals: [titan] });
    const again = { ...titan, referencePrice: '1.00', rank: 1 };
    const other = { ...titan, side: 'SELL' };
    expect(await answerTo({ signals: [again, other, other] })).toMatchObject({
      status: 202,
      accepted: [{ index: 1 }],
      duplicates: [
        { index: 0, id: idOf('TITAN') },
        { index: 2, id: expect.stringContaining('SELL') },
      ],
      rejected: [],
    });
    expect((await stored()).map(({ side, referencePriceMinor }) => [side, referencePriceMinor]).toSorted()).toEqual([
      ['BUY', 3560_00],
      ['SELL', 3560_00],
    ]);
  });

  test('may be sent again as often as it likes: it is no error', async () => {
    await answerTo({ signals: [titan] });
    expect(await answerTo({ signals: [titan] })).toMatchObject({
      status: 202,
      accepted: [],
      duplicates: [{ index: 0 }],
    });
  });
});

describe('the trade date', () => {
  test.each([
    ['07:00', '2025-08-28'],
    ['09:34', '2025-08-28'],
    ['09:35', '2025-08-29'],
    ['23:59', '2025-08-29'],
  ])('of a signal that comes at %s and names none is %s', async (time, date) => {
    const at = await service({ time });
    expect(await answerTo({ signals: [titan] }, at)).toMatchObject({ accepted: [{ id: idOf('TITAN', date) }] });
  });

  test('goes over the weekend and over the days the operator closed', async () => {
    const day = { exchange: 'NSE', date: '2025-08-29', kind: 'closed', name: 'a cyclone' } as const;
    await open().store.call('set_calendar_day', { by: tester, ...day, openTime: null, closeTime: null });
    const at = await service({ time: '16:00' });
    expect(await answerTo({ signals: [titan] }, at)).toMatchObject({ accepted: [{ id: idOf('TITAN', '2025-09-01') }] });
  });

  test('that is over, or whose run is open, is too late: kept on record, for no other day', async () => {
    await answerTo({ signals: [titan] });
    await open().cron();
    const infy = { ...titan, symbol: 'INFY' };
    const late = { field: 'tradeDate', reason: 'too_late', value: tradeDate };
    expect(await answerTo({ signals: [infy, { ...infy, tradeDate: '2025-08-25' }] })).toMatchObject({
      status: 422,
      rejected: [
        { index: 0, ...late },
        { index: 1, ...late, value: '2025-08-25' },
      ],
    });
    expect((await received()).map(({ outcome, problem }) => `${outcome} ${problem}`)).toEqual([
      'accepted null',
      'rejected too_late',
      'rejected tradeDate: too_late',
    ]);
    expect(await stored()).toHaveLength(1);
    open().clock.jump(20 * 60_000);
    expect(await answerTo({ signals: [{ ...infy, tradeDate }] })).toMatchObject({ status: 422, rejected: [late] });
  });
});
