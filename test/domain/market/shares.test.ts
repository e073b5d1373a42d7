import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/domain/decision/decide.ts';
import type { Decision } from '../../../src/domain/decision/decision.ts';
import { account, frame, holding, planned } from '../decide-case.ts';

const outcomes = (decisions: Decision[]) => decisions.map(({ outcome, reason }) => reason ?? outcome);

describe('shares and sales', () => {
  test('a share is one share under another listing, another series and for the cap', () => {
    const user = account();
    user.positions = [{ exchange: 'BSE', symbol: 'TITAN', share: 'INE280A01028', product: 'delivery', quantity: 10 }];
    const buy = { ...planned('BUY', 'TITAN', 3564_80), share: 'INE280A01028' };
    expect(decide(frame([buy]), user, new Map())[0]).toMatchObject({ reason: 'already_holding', actual: '10' });
    const sell = { ...planned('SELL', 'TITAN', 3564_80), share: 'INE280A01028' };
    expect(decide(frame([sell]), user, new Map())[0]).toMatchObject({ outcome: 'accepted', quantity: 10 });
    user.positions.push({
      exchange: 'NSE',
      symbol: 'TITAN-BE',
      share: 'INE280A01028',
      product: 'delivery',
      quantity: 3,
    });
    const several = { reason: 'no_position', limit: null, actual: '10 BSE:TITAN, 3 NSE:TITAN-BE' };
    expect(decide(frame([sell]), user, new Map())[0]).toMatchObject(several);
    const sellOf = (quantity: number | null) => ({ ...sell, requested: { quantity, limitPriceMinor: null } });
    expect(decide(frame([sellOf(null)]), user, new Map())[0]).toMatchObject(several);
    expect(decide(frame([sellOf(10)]), user, new Map())[0]).toMatchObject({ outcome: 'accepted', quantity: 10 });
    expect(decide(frame([sellOf(11)]), user, new Map())[0]).toMatchObject({ reason: 'no_position', limit: '10' });
    user.positions = [];
    user.working = [{ exchange: 'BSE', symbol: 'TITAN', share: 'INE280A01028', side: 'BUY' }];
    expect(decide(frame([buy]), user, new Map())[0]).toMatchObject({ reason: 'working_order' });
  });

  test('on paper, what is no instrument is not traded once instruments are known', () => {
    const one = frame([{ ...planned('BUY', 'TITAN', 3564_80), instrument: null }]);
    expect(outcomes(decide(one, account(), new Map()))).toEqual(['accepted']);
    const reasons = decide({ ...one, instrumentsKnown: true }, account(), new Map());
    expect(reasons[0]).toMatchObject({ reason: 'instrument_restricted', actual: 'unknown instrument' });
  });

  test('a sale goes in whole lots, and with money for none of its charges', () => {
    const user = account();
    user.positions = [holding('TITAN', 215)];
    user.availableMinor = 50;
    const sale = planned('SELL', 'TITAN', 3500_00);
    if (sale.instrument) sale.instrument.lotSize = 10;
    expect(decide(frame([sale]), user, new Map())[0]).toMatchObject({
      outcome: 'accepted',
      quantity: 210,
      holdMinor: 50,
    });
    user.availableMinor = -7_00;
    expect(decide(frame([sale]), user, new Map())[0]).toMatchObject({ outcome: 'accepted', holdMinor: 0 });
    user.positions = [holding('TITAN', 9)];
    expect(decide(frame([sale]), user, new Map())[0]).toMatchObject({ reason: 'quantity_zero' });
  });
});
