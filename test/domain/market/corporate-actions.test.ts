import { describe, expect, test } from 'vitest';
import {
  actionsSincePreviousClose,
  bandProvesBasis,
  type CorporateAction,
  corporateActionText,
} from '../../../src/domain/market/corporate-actions.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import { decideCase, decideOne, holding, quoteNow, set } from '../decide-case.ts';

const split: CorporateAction = { exchange: 'NSE', symbol: 'TITAN', exDate: '2025-08-28', kind: 'split', ratio: '5:1' };

describe('a corporate action', () => {
  test.each([
    ['on the day itself', '2025-08-28', '2025-08-28', true],
    ['the trading day before, which had a close of its own', '2025-08-26', '2025-08-28', false],
    ['tomorrow', '2025-08-29', '2025-08-28', false],
    ['on the Saturday before a Monday', '2025-08-30', '2025-09-01', true],
    ['on Friday before a Monday', '2025-08-29', '2025-09-01', false],
    ['on a holiday (15 August) before a Monday', '2025-08-15', '2025-08-18', true],
  ])('%s lies, or does not, between a day and its previous close', (_what, exDate, tradeDate, lies) => {
    expect(actionsSincePreviousClose(xnse, [{ ...split, exDate }], tradeDate, [])).toHaveLength(lies ? 1 : 0);
  });

  test.each([
    ['split', '5:1', true],
    ['split', '2:1', true],
    ['consolidation', '1:10', true],
    ['bonus', '1:1', true],
    ['bonus', '1:2', true],
    // 0.91 of before: a share that rose 7 % looks as if nothing had happened.
    ['bonus', '1:10', false],
    ['split', null, false],
    ['rights', '1:5', false],
    ['demerger', null, false],
  ] as const)('%s %s can be told by the band: %s', (kind, ratio, isProven) => {
    expect(bandProvesBasis({ ...split, kind, ratio }, 300)).toBe(isProven);
  });

  test('is named with its ratio and day', () => {
    expect(corporateActionText(split)).toBe('5:1 split on 2025-08-28');
    expect(corporateActionText({ ...split, kind: 'special_dividend', ratio: null })).toBe(
      'special dividend on 2025-08-28',
    );
  });
});

describe('a signal on the ex-date of its share', () => {
  const denied = { reason: 'price_unavailable', limit: null, actual: 'demerger on 2025-08-28' };
  const demerger: CorporateAction = { ...split, kind: 'demerger', ratio: null };

  test('has no reference price where the band can not tell an old one from a new one', () => {
    const one = decideCase('BUY');
    one.planned.action = demerger;
    expect(decideOne(one)).toMatchObject(denied);
  });

  test('is traded where the band proves that its reference is of the new price, and refused by the band else', () => {
    const one = decideCase('BUY');
    one.planned.action = split;
    expect(decideOne(one)).toMatchObject({ outcome: 'accepted' });
    one.planned.quote = quoteNow('TITAN', 712_90);
    expect(decideOne(one)).toMatchObject({ reason: 'price_outside_band' });
  });

  test('may be sold, and bought by who asks for it themselves', () => {
    const sale = decideCase('SELL');
    sale.planned.action = demerger;
    expect(decideOne(sale)).toMatchObject({ outcome: 'accepted' });
    const buy = decideCase('BUY');
    set(buy.planned, { action: demerger, requested: { quantity: 1, limitPriceMinor: null } });
    expect(decideOne(buy)).toMatchObject({ outcome: 'accepted' });
  });

  test('a holding whose previous close is gone makes no loss', () => {
    const one = decideCase('BUY');
    one.account.positions = [holding('INFY', 100)];
    set(one.account.settings, { dailyLossLimitBps: 100 });
    one.frame.quotes = new Map([['NSE:INFY', quoteNow('INFY', 1350_00, 1500_00)]]);
    expect(decideOne(one)).toMatchObject({ reason: 'daily_loss_limit', actual: '-15000.00' });
    one.frame.quotes = new Map([['NSE:INFY', quoteNow('INFY', 1350_00, null)]]);
    expect(decideOne(one)).toMatchObject({ reason: 'daily_loss_limit', actual: null });
  });
});
