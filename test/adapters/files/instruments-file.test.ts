import { expect, test } from 'vitest';
import { readInstruments } from '../../../src/adapters/files/instruments-file.ts';
import { fileWith, good } from './scratch.ts';

const header = 'exchange,symbol,isin,name,tick_size,lot_size,freeze_quantity,fno';
const read = (...rows: string[]) => good(readInstruments(fileWith([header, ...rows].join('\n'))));

test('a row is an instrument with its tick in paise and no restriction', () => {
  const { rows, problems } = read('NSE,TITAN,INE280A01026,"Titan Company, Ltd",0.10,1,5000,yes', 'NSE,ABC,,Abc,1,5,,0');
  expect(problems).toEqual([]);
  expect(rows).toEqual([
    {
      exchange: 'NSE',
      symbol: 'TITAN',
      isin: 'INE280A01026',
      name: 'Titan Company, Ltd',
      tickMinor: 10,
      lotSize: 1,
      freezeQuantity: 5000,
      fno: true,
      restricted: null,
    },
    {
      exchange: 'NSE',
      symbol: 'ABC',
      isin: null,
      name: 'Abc',
      tickMinor: 100,
      lotSize: 5,
      freezeQuantity: null,
      fno: false,
      restricted: null,
    },
  ]);
});

test('each wrong cell is reported under its column, and a symbol comes once', () => {
  const { rows, problems } = read(
    'NSE,TITAN,,Titan,0.05,1,,TRUE',
    'BSE,TITAN,,Titan,0.05,1,,1',
    'NSE,A,INE28,A,0.05,1,,1',
    'NSE,A,,,0.05,1,,1',
    'NSE,A,,A,0,1,,1',
    'NSE,A,,A,0.0025,1,,1',
    'NSE,A,,A,0.05,0,,1',
    'NSE,A,,A,0.05,1,0,1',
    'NSE,A,,A,0.05,1,,maybe',
    'NSE,TITAN,,Titan,0.10,1,,no',
  );
  expect(rows.map((row) => [row.symbol, row.tickMinor, row.fno])).toEqual([['TITAN', 5, true]]);
  expect(problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
    '3 exchange',
    '4 isin',
    '5 name',
    '6 tick_size',
    '7 tick_size',
    '8 lot_size',
    '9 freeze_quantity',
    '10 fno',
    '11 symbol',
  ]);
});
