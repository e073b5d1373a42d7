import { expect, test } from 'vitest';
import { readPrices } from '../../../src/adapters/files/prices-file.ts';
import { quotesOn } from '../../../src/adapters/quotes/quotes.ts';
import { fileWith, good } from './temp-file.ts';

const header = 'date,symbol,open,high,low,close,volume';
const read = (...rows: string[]) => good(readPrices(fileWith([header, ...rows].join('\n'))));

test("a row is one symbol's day in paise", () => {
  expect(read('2025-08-28,TITAN,3552.10,3600,3540.05,3564.80,12345').rows).toEqual([
    {
      date: '2025-08-28',
      exchange: 'NSE',
      symbol: 'TITAN',
      openMinor: 355210,
      closeMinor: 356480,
    },
  ]);
});

test('open and close lie between low and high, and a date and symbol comes once', () => {
  const { rows, problems } = read(
    '2025-08-28,A,10,12,9,11,0',
    '2025-08-28,B,13,12,9,11,0',
    '2025-08-28,C,10,12,9,8.99,0',
    '2025-08-28,D,10,9,12,10,0',
    '2025-08-28,E,0,12,9,11,0',
    '2025-08-28,F,10,12,9,11,-1',
    '2025-08-28,A,10,12,9,11,0',
    '2025-08-29,A,10,10,10,10,0',
  );
  expect(rows.map((row) => `${row.date} ${row.symbol}`)).toEqual(['2025-08-28 A', '2025-08-29 A']);
  expect(problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
    '3 open',
    '4 close',
    '5 low',
    '6 open',
    '7 volume',
    '8 symbol',
  ]);
});

test("a quote is the day's open with the close of the latest earlier row, whatever the order of rows", () => {
  const { rows } = read(
    '2025-08-28,A,10,12,9,11,0',
    '2025-08-26,A,20,22,19,21.50,0',
    '2025-08-29,A,90,92,89,91,0',
    '2025-08-25,A,30,32,29,31,0',
    '2025-08-28,NEW,5,5,5,5,0',
    '2025-08-26,GONE,5,5,5,5,0',
  );
  const common = { exchange: 'NSE', lowerCircuitMinor: null, upperCircuitMinor: null, atMs: 1_756_352_400_000 };
  expect(quotesOn(rows, '2025-08-28', 1_756_352_400_000)).toEqual([
    { ...common, symbol: 'A', priceMinor: 1000, previousCloseMinor: 2150 },
    { ...common, symbol: 'NEW', priceMinor: 500, previousCloseMinor: null },
  ]);
  expect(quotesOn(rows, '2025-08-30', 0)).toEqual([]);
});

test('at the open a row needs no more than its open, and an unknown close is no previous close', () => {
  const open = good(readPrices(fileWith('date,symbol,open\n2025-08-28,TITAN,3552.10')));
  expect(open).toMatchObject({ rows: [{ openMinor: 355210, closeMinor: null }], problems: [], warnings: [] });
  const { rows, problems } = read('2025-08-27,A,10,,,,', '2025-08-28,A,11,12,,,', '2025-08-28,B,13,12,,,');
  expect(problems.map(({ line, field }) => `${line} ${field}`)).toEqual(['4 open']);
  expect(quotesOn(rows, '2025-08-28', 0)).toMatchObject([{ symbol: 'A', priceMinor: 1100, previousCloseMinor: null }]);
});

test('a row may be of another market’s exchange: its symbol is as written there, and another instrument', () => {
  const { rows, problems } = good(
    readPrices(
      fileWith(
        [
          'date,exchange,symbol,open,close',
          ...['2026-07-01,US,BRK.B,482.60,', '2026-06-30,US,TITAN,3.10,3.20', '2026-06-30,NSE,TITAN,3500,3510'],
          ...['2026-07-01,,TITAN,3520,', '2026-07-01,US,TITAN,3.30,', '2026-07-01,US,TITAN,3.40,'],
          ...['2026-07-01,NYSE,aapl,1,', '2026-07-01,LSE,VOD,1,', '2026-07-01,XNYS,IBM,1,'],
        ].join('\n'),
      ),
    ),
  );
  expect(quotesOn(rows, '2026-07-01', 0)).toMatchObject([
    { exchange: 'US', symbol: 'BRK.B', priceMinor: 482_60, previousCloseMinor: null },
    { exchange: 'NSE', symbol: 'TITAN', priceMinor: 3520_00, previousCloseMinor: 3510_00 },
    { exchange: 'US', symbol: 'TITAN', priceMinor: 3_30, previousCloseMinor: 3_20 },
  ]);
  expect(problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
    '7 symbol',
    '8 symbol',
    '9 exchange',
    '10 exchange',
  ]);
});
