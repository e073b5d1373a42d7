import { describe, expect, test } from 'vitest';
import {
  exchangeNamed,
  possibleSymbols,
  shareReader,
  symbolReader,
  unsureReader,
} from '../../../src/domain/market/symbols.ts';

const at = (...symbols: string[]) => symbols.map((symbol) => ({ exchange: 'NSE', symbol }));

describe('a symbol, where nobody knows what is listed', () => {
  test.each([
    ['TITAN', 'TITAN'],
    ['titan', 'TITAN'],
    [' TITAN ', 'TITAN'],
    ['NSE:TITAN', 'TITAN'],
    ['nse:titan', 'TITAN'],
    ['XNSE:TITAN', 'TITAN'],
    ['TITAN-EQ', 'TITAN'],
    ['NSE:TITAN-EQ', 'TITAN'],
    ['TITAN.NS', 'TITAN'],
    ['M&M.NS', 'M&M'],
    ['ABB-BE', 'ABB'],
    ['ABB-BE.NS', 'ABB'],
    ['M&M', 'M&M'],
    ['BAJAJ-AUTO', 'BAJAJ-AUTO'],
    ['BAJAJ-AUTO-EQ', 'BAJAJ-AUTO'],
    ['M_M', 'M&M'],
    ['NSE:M_M', 'M&M'],
    ['M_MFIN', 'M&MFIN'],
    ['BAJAJ_AUTO', 'BAJAJ-AUTO'],
    ['J_KBANK', 'J&KBANK'],
    ['L_TFH', 'L&TFH'],
    ['AXIS_IT_T', 'AXIS-IT&T'],
    ['SGBAUG28V-GB', 'SGBAUG28V-GB'],
  ])('%j names %s', (text, symbol) => {
    expect(symbolReader([])(text)).toEqual({ value: symbol });
  });

  test.each([
    ['A_B', 'may be A&B or A-B: write it as the NSE does'],
    ['TITAN.BO', 'BSE is not traded here: only shares at the NSE and the NYSE are, give NSE or US'],
    ['BSE:TITAN', 'BSE is not traded here: only shares at the NSE and the NYSE are, give NSE or US'],
    ['NASDAQ:AAPL', 'is of NASDAQ, not of the exchange NSE: give exchange US'],
    ['BINANCE:BTCUSDT', 'BINANCE is not traded here: only shares at the NSE and the NYSE are, give NSE or US'],
    ['NSE_DLY:TITAN', expect.stringContaining('prices of 15 minutes ago')],
    ['BSE_DLY:TITAN', expect.stringContaining('is not traded here')],
    ['NFO:TITAN25AUGFUT', expect.stringContaining('is not traded here')],
    ['TITAN:BUY', expect.stringContaining('TITAN is not traded here')],
    ['NSE:NIFTY1!', expect.stringContaining('must be 1 to 30')],
    ['', expect.stringContaining('must be 1 to 30')],
    ['NSE:', expect.stringContaining('must be 1 to 30')],
    ['-BE', expect.stringContaining('must be 1 to 30')],
    ['ＴＩＴＡＮ', expect.stringContaining('must be 1 to 30')],
  ])('%j is refused', (text, reason) => {
    expect(symbolReader([])(text)).toEqual({ reason });
  });
});

describe('a symbol, among known instruments', () => {
  test('is the one it names, with the series it trades in', () => {
    const read = symbolReader(at('TITAN', 'ABB-BE', 'A&B', 'X', 'X-BE'));
    expect(['ABB', 'abb.ns', 'ABB-EQ', 'ABB-BE', 'ABB-BZ'].map((one) => read(one))).toEqual(
      Array(5).fill({ value: 'ABB-BE' }),
    );
    expect(read('A_B')).toEqual({ value: 'A&B' });
    expect(['X', 'X-EQ', 'X-BE'].map((one) => read(one))).toEqual([{ value: 'X' }, { value: 'X' }, { value: 'X-BE' }]);
    expect(read('A-B'), 'another sign is another symbol').toEqual({ value: 'A-B' });
    expect(read('UNKNOWN-BE'), 'what is not listed is let by: whoever decides refuses it').toEqual({
      value: 'UNKNOWN',
    });
  });

  test('is refused where it may be several, naming them', () => {
    expect(symbolReader(at('A&B', 'A-B'))('A_B')).toEqual({ reason: 'may be A&B or A-B: write which' });
    expect(symbolReader(at('X-BE', 'X-SM'))('X')).toEqual({ reason: 'may be X-BE or X-SM: write which' });
  });

  test('is not one of another exchange', () => {
    const read = symbolReader([{ exchange: 'BSE', symbol: 'ABB-BE' }]);
    expect(read('ABB')).toEqual({ value: 'ABB' });
  });
});

test('in a list of shares the BSE’s is the same share', () => {
  expect(['TITAN.BO', 'BSE:TITAN', 'TITAN'].map((one) => shareReader([])(one))).toEqual(
    Array(3).fill({ value: 'TITAN' }),
  );
  expect(shareReader([])('NASDAQ:TITAN')).toHaveProperty('reason');
});

test('only the NSE is traded', () => {
  expect(['NSE', 'XNSE'].map(exchangeNamed)).toEqual([{ value: 'NSE' }, { value: 'NSE' }]);
  for (const code of ['BSE', 'MCX', 'NFO', 'nse']) expect(exchangeNamed(code)).toHaveProperty('reason');
});

describe('a symbol of another exchange', () => {
  test.each([symbolReader(at('BRK-B', 'A&B')), unsureReader])('is as that exchange writes it', (read) => {
    expect(read('BRK.B', 'US')).toEqual({ value: 'BRK.B' });
    expect(read(' AAPL ', 'US')).toEqual({ value: 'AAPL' });
    expect(read('aapl', 'US'), 'small letters may mean another share').toHaveProperty('reason');
    expect(read('A_B', 'US'), 'only the NSE has & and - for it').toEqual({ value: 'A_B' });
    expect(read('ABB-BE', 'US'), 'nor has it series').toEqual({ value: 'ABB-BE' });
    expect(read('AAPL US', 'US')).toEqual({ reason: expect.stringContaining('must be 1 to 30') });
    expect(read('NSE:TITAN', 'US')).toEqual({ reason: 'is of NSE, not of the exchange US: give exchange NSE' });
  });
});

test('what a symbol could name is looked up with every sign it could have', () => {
  expect(possibleSymbols('ABB-BE')).toEqual(['ABB']);
  expect(possibleSymbols('NSE:M_M')).toEqual(['M_M', 'M&M', 'M-M']);
  expect(possibleSymbols('A_B_C_D_E')).toEqual(['A_B_C_D_E']);
  expect(possibleSymbols('no symbol')).toEqual([]);
});
