import { describe, expect, test } from 'vitest';
import { readSignals } from '../../../src/adapters/files/signals-file.ts';
import { fileWith, good } from './temp-file.ts';

const header = 'trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target';
const titan = '2025-08-28,1,breakout-20d,TITAN,NSE,BUY,3564.80,3400,3900.5';
const read = (...rows: string[]) => good(readSignals(fileWith([header, ...rows].join('\n'))));

/** What is said of a row that differs from the good one in one cell. */
function problemOf(change: Record<string, string>) {
  const names = `${header},valid_until`.split(',');
  const row = `${titan},`.split(',').map((value, index) => change[names[index] ?? ''] ?? value);
  const text = [names.join(','), row.join(','), '2025-08-28,2,s,TCS,NSE,BUY,1,,,'].join('\n');
  const [problem] = good(readSignals(fileWith(text))).problems;
  return problem && { line: problem.line, field: problem.field, reason: problem.reason, value: problem.value };
}

test('a share of NASDAQ, Arca or the NYSE is one of US, under one name', () => {
  const rowsOf = ['US', 'NASDAQ', 'ARCA', 'NYSE'].map((code) => `2025-08-28,1,s,AAPL,${code},BUY,231.40,,`);
  const { rows, problems } = read(...rowsOf);
  expect(rows.map(({ id }) => id)).toEqual(['US:2025-08-28:s:AAPL:BUY']);
  expect(problems.map(({ reason }) => reason)).toEqual(Array(3).fill(problems[0]?.reason));
});

test('a row is a signal with a derived id and prices in paise; empty stop and target are none', () => {
  const { rows, problems } = read(titan, '2025-08-28,2,breakout-20d,M&M,NSE,SELL,100,,');
  expect(problems).toEqual([]);
  expect(rows).toEqual([
    {
      id: 'NSE:2025-08-28:breakout-20d:TITAN:BUY',
      tradeDate: '2025-08-28',
      rank: 1,
      strategy: 'breakout-20d',
      exchange: 'NSE',
      symbol: 'TITAN',
      side: 'BUY',
      referencePriceMinor: 356480,
      stopLossMinor: 340000,
      targetMinor: 390050,
      validUntilMs: null,
    },
    {
      id: 'NSE:2025-08-28:breakout-20d:M&M:SELL',
      tradeDate: '2025-08-28',
      rank: 2,
      strategy: 'breakout-20d',
      exchange: 'NSE',
      symbol: 'M&M',
      side: 'SELL',
      referencePriceMinor: 10000,
      stopLossMinor: null,
      targetMinor: null,
      validUntilMs: null,
    },
  ]);
});

describe('one wrong cell is one problem naming it:', () => {
  test.each([
    ['trade_date', '2025-02-30', 'not a date (YYYY-MM-DD)'],
    ['trade_date', '28-08-2025', 'not a date (YYYY-MM-DD)'],
    ['trade_date', '2025-8-28', 'not a date (YYYY-MM-DD)'],
    ['rank', '0', 'must be a whole number from 1 to 1000000'],
    ['rank', '1.5', 'must be a whole number from 1 to 1000000'],
    ['strategy', 'a:b', 'must be 1 to 60 characters without : and |'],
    ['strategy', 'a|b', 'must be 1 to 60 characters without : and |'],
    ['strategy', '', 'must be 1 to 60 characters without : and |'],
    ['symbol', 'A_B', 'may be A&B or A-B: write it as the NSE does'],
    ['symbol', 'NASDAQ:AAPL', 'is of NASDAQ, not of the exchange NSE: give exchange US'],
    ['valid_until', '2025-08-28 15:00', 'must be an instant with its offset, such as 2025-08-28T15:00:00+05:30'],
    [
      'valid_until',
      '2025-08-29T15:00:00+05:30',
      'must be on the trade date 2025-08-28 (India): a signal is for that day only',
    ],
    ['symbol', '', 'must be 1 to 30 of A-Z 0-9 & - _ .'],
    ['exchange', 'BSE', 'unknown exchange: write NSE or US'],
    ['side', 'buy', 'unknown side: write BUY or SELL'],
    ['side', 'HOLD', 'unknown side: write BUY or SELL'],
    ['stop_loss', '3564.80', 'stop_loss must be below the reference price for a BUY'],
    ['target', '3564.80', 'target must be above the reference price for a BUY'],
  ])('%s %j', (field, value, reason) => {
    expect(problemOf({ [field]: value })).toEqual({ line: 2, field, reason, value });
  });

  test.each(['', '0', '-3564.80', 'NaN', '1e5', '3564.805', '₹3564', '.5', '5.', '1000000000000', '0x10'])(
    'reference_price %j',
    (value) => {
      const reason = 'must be a positive amount with at most two decimals, such as 1250.00';
      expect(problemOf({ reference_price: value })).toEqual({ line: 2, field: 'reference_price', reason, value });
    },
  );

  test('a price with thousands separators says how to write it', () => {
    expect(problemOf({ reference_price: '"3,564.80"' })).toEqual({
      line: 2,
      field: 'reference_price',
      reason: 'has thousands separators: write 1250.00',
      value: '3,564.80',
    });
  });

  test('a SELL has its stop above and its target below', () => {
    expect(problemOf({ side: 'SELL', target: '' })?.reason).toBe(
      'stop_loss must be above the reference price for a SELL',
    );
    expect(problemOf({ side: 'SELL', stop_loss: '' })?.reason).toBe(
      'target must be below the reference price for a SELL',
    );
    expect(problemOf({ side: 'SELL', stop_loss: '3600', target: '3000' })).toBeUndefined();
  });
});

test('the same signal twice is a problem, another date, strategy or side is another signal', () => {
  const { rows, problems } = read(
    titan,
    titan.replace('3564.80', '3600').replace(',1,', ',9,'),
    titan.replace('28', '29'),
    titan.replace('20d', '55d'),
    '2025-08-28,1,breakout-20d,TITAN,NSE,SELL,3564.80,,',
  );
  expect(rows.map((row) => row.referencePriceMinor)).toEqual([356480, 356480, 356480, 356480]);
  expect(problems).toMatchObject([{ line: 3, field: 'symbol', reason: 'duplicate of line 2', value: 'TITAN' }]);
});

test('a signal may say until when on its day it is valid; every spelling of a symbol is the same signal', () => {
  const rows = ['TITAN,2025-08-28T15:00:00+05:30', 'titan.ns,', 'NSE:M_M,'].map((end) => {
    const [symbol, validUntil] = end.split(',');
    return `2025-08-28,1,s,${symbol},NSE,BUY,100,,,${validUntil}`;
  });
  const file = good(readSignals(fileWith([`${header},valid_until`, ...rows].join('\n'))));
  expect(file.rows.map(({ symbol, validUntilMs }) => [symbol, validUntilMs])).toEqual([
    ['TITAN', Date.parse('2025-08-28T15:00:00+05:30')],
    ['M&M', null],
  ]);
  expect(file.problems).toMatchObject([{ line: 3, field: 'symbol', reason: 'duplicate of line 2', value: 'titan.ns' }]);
});
