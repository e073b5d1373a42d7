import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readInstruments, readRestrictions } from '../../../src/adapters/files/instruments-file.ts';
import { fileWith, good, unusable } from './temp-file.ts';

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

test('the series stays part of what is listed; who may not enter, and what money it is in, may be said', () => {
  const columns = `${header},restricted,currency,quantity_scale,price_scale`;
  const file = readInstruments(
    fileWith(
      [
        columns,
        'NSE,TITAN-EQ,,Titan,0.05,1,,1,,INR,0,2',
        'NSE,ABB-BE,,Abb,0.05,1,,0,T2T,,,',
        'NSE,M_M,,Mahindra,0.05,1,,1,ban list,,,',
        'NSE,A,,A,0.05,1,,1,,USD,0,2',
        'NSE,B,,B,0.05,1,,1,,INR,3,2',
        'NSE,C,,C,0.05,1,,1,,INR,0,4',
        'NSE,D,,D,0.05,1,,1,,usd,0,2',
      ].join('\n'),
    ),
  );
  expect(file.keeps).toEqual([]);
  expect(good(file).rows.map(({ symbol, restricted }) => [symbol, restricted])).toEqual([
    ['TITAN', null],
    ['ABB-BE', 'T2T'],
    ['M&M', 'ban list'],
  ]);
  expect(good(file).problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
    '5 currency',
    '6 quantity_scale',
    '7 price_scale',
    '8 currency',
  ]);
  expect(good(file).problems[0]?.reason).toBe('must be INR: this version trades in rupees only');
  expect(good(file).problems[3]?.reason).toBe('is none of the currencies there are: INR, USD, USDC, SOL');
  expect(readInstruments(fileWith([header, 'NSE,A,,A,0.05,1,,1'].join('\n'))).keeps).toEqual(['restricted']);
});

describe('Kite’s dump', () => {
  const dump = fileURLToPath(new URL('fixtures/kite-instruments.csv', import.meta.url));

  test('is read as it is: shares of the NSE, and who has derivatives; the rest is not due and counted', () => {
    const file = readInstruments(dump);
    expect(file.keeps).toEqual(['isin', 'freezeQuantity', 'restricted']);
    const { rows, problems, warnings } = good(file);
    expect(problems).toEqual([]);
    expect(rows.map(({ symbol, name, tickMinor, fno }) => [symbol, name, tickMinor, fno])).toEqual([
      ['CENTRALBK-BE', 'CENTRAL BANK OF INDIA', 5, false],
      ['ADANIPORTS', 'ADANI PORT & SEZ', 5, true],
      expect.arrayContaining([expect.stringMatching(/-SM$/)]),
    ]);
    expect(warnings.join()).toContain('not due are');
    for (const text of ['1 of BSE', '2 of NFO', '2 bonds', '1 of block deals']) expect(warnings.join()).toContain(text);
  });

  test('without derivatives says nothing of who has them, and one bad row is a problem of its own', () => {
    const [top = ''] = readFileSync(dump, 'utf8').split('\n');
    const row = (symbol: string, tick: string, rest = 'EQ,NSE,NSE') =>
      `1,1,${symbol},${symbol} LTD,0,,0,${tick},1,${rest}`;
    const nifty = row('NIFTY 50', '0', 'EQ,INDICES,NSE');
    const file = readInstruments(fileWith([top, row('TITAN', '0.050000'), nifty, row('INFY', 'x')].join('\n')));
    expect(file.keeps).toContain('fno');
    const { rows, problems, warnings } = good(file);
    expect(rows.map(({ symbol, tickMinor }) => [symbol, tickMinor])).toEqual([['TITAN', 5]]);
    expect(problems).toMatchObject([{ line: 4, field: 'tick_size', value: 'x' }]);
    expect(warnings).toEqual([expect.stringContaining('not due are 1 indices')]);
    const future = readInstruments(
      fileWith([top, row('TITAN', '0.05'), row('TITAN26DECFUT', '0.05', 'FUT,NFO-FUT,NFO')].join('\n')),
    );
    expect(good(future).rows[0]).toMatchObject({ symbol: 'TITAN', fno: false });
  });

  test('with none of our shares is refused with what it has', () => {
    const [top = ''] = readFileSync(dump, 'utf8').split('\n');
    const message = readInstruments(fileWith(`${top}\n1,1,GOLD26FUT,GOLD,0,,0,1,1,FUT,MCX-FUT,MCX`));
    expect(unusable(message).message).toContain('has no share of the NSE: 1 of MCX');
  });
});

test('a list of restrictions may be empty', () => {
  const columns = 'exchange,symbol,restricted';
  expect(good(readRestrictions(fileWith(`${columns}\n`))).rows).toEqual([]);
  expect(good(readRestrictions(fileWith(`${columns}\nNSE,titan.ns,ASM stage 1\nNSE,INFY,\n`)))).toMatchObject({
    rows: [{ exchange: 'NSE', symbol: 'TITAN', restricted: 'ASM stage 1' }],
    problems: [{ line: 3, field: 'restricted' }],
  });
});
