import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DenyReason, SkipReason } from '../../../src/domain/decision/decision.ts';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import type { Side } from '../../../src/domain/types.ts';
import { nowMs } from '../../support/builders.ts';
import type { DecideCase } from '../decide-case.ts';
import { decideCase, decideOne, holding, set } from '../decide-case.ts';

type Reason = SkipReason | DenyReason;

/** What makes each reason apply, and the limit and actual it then gives for a BUY (for a SELL: no_position). */
const faults: Record<Reason, { breakIt: (s: DecideCase) => void; limit: string | null; actual: string | null }> = {
  user_inactive: { breakIt: (s) => set(s.account, { active: false }), limit: null, actual: null },
  trading_disabled: { breakIt: (s) => set(s.account, { tradingEnabled: false }), limit: null, actual: null },
  not_subscribed: { breakIt: (s) => set(s.account, { strategies: ['momentum'] }), limit: null, actual: null },
  no_account_in_currency: { breakIt: (s) => set(s.account, { currency: 'USD' }), limit: null, actual: 'USD' },
  account_not_ready: { breakIt: (s) => set(s.account, { notReady: 'no login' }), limit: null, actual: 'no login' },
  already_decided: {
    breakIt: (s) => set(s.account, { decidedSignalIds: [s.planned.signal.id] }),
    limit: null,
    actual: null,
  },
  already_holding: { breakIt: (s) => set(s.account, { positions: [holding('TITAN', 7)] }), limit: null, actual: '7' },
  working_order: {
    breakIt: (s) => set(s.account, { working: [{ exchange: 'NSE', symbol: 'TITAN', share: 'TITAN', side: 'SELL' }] }),
    limit: null,
    actual: null,
  },
  no_position: { breakIt: (s) => set(s.account, { positions: [] }), limit: null, actual: null },
  symbol_not_allowed: { breakIt: (s) => set(s.account, { denySymbols: ['TITAN'] }), limit: null, actual: null },
  halted: { breakIt: (s) => set(s.frame, { halted: 'exchange outage' }), limit: null, actual: 'exchange outage' },
  cut_off: { breakIt: (s) => set(s.frame, { cutOffMs: nowMs }), limit: null, actual: null },
  signal_expired: { breakIt: (s) => set(s.planned.signal, { validUntilMs: nowMs }), limit: null, actual: null },
  price_unavailable: { breakIt: (s) => set(s.planned, { quote: null }), limit: null, actual: null },
  price_outside_band: {
    breakIt: (s) => set(s.planned.signal, { referencePriceMinor: 3691_00 }),
    limit: '3.00',
    actual: '-3.42',
  },
  margin_unavailable: { breakIt: (s) => set(s.account.settings, { leverageCenti: 99 }), limit: null, actual: null },
  instrument_restricted: {
    breakIt: (s) => set(s.instrument, { restricted: 'ban list' }),
    limit: null,
    actual: 'ban list',
  },
  daily_loss_limit: {
    breakIt: (s) => {
      s.account.settings.dailyLossLimitBps = 200;
      s.account.today = { traded: [], chargesMinor: '200000' };
    },
    limit: '-2000.00',
    actual: '-2000.00',
  },
  max_open_positions: { breakIt: (s) => set(s.account.settings, { maxOpenPositions: 0 }), limit: '0', actual: '0' },
  quantity_zero: {
    breakIt: (s) => set(s.account.settings, { allocationBps: 70 }),
    limit: '700.00',
    actual: '712.96',
  },
  below_min_value: {
    breakIt: (s) => set(s.frame.limits, { minOrderValueMinor: 1_00_000_00 }),
    limit: '100000.00',
    actual: '99814.40',
  },
  max_order_value: {
    breakIt: (s) => set(s.frame.limits, { maxOrderValueMinor: 10_000_00 }),
    limit: '10000.00',
    actual: '100312.80',
  },
  max_orders_per_day: {
    breakIt: (s) => {
      s.account.settings.maxOrdersPerDay = 2;
      s.account.ordersToday = 2;
    },
    limit: '2',
    actual: '2',
  },
  freeze_quantity: { breakIt: (s) => set(s.instrument, { freezeQuantity: 4 }), limit: '4', actual: '28' },
  symbol_cap: {
    breakIt: (s) => set(s.frame.limits, { symbolCapMinor: 90_000_00 }),
    limit: '90000.00',
    actual: '99814.40',
  },
  insufficient_funds: { breakIt: (s) => set(s.account, { availableMinor: 5_00 }), limit: '5.00', actual: '20205.28' },
};

const contractOrder: readonly Reason[] = [...skipReasons, ...denyReasons];
const onlyForBuys: readonly Reason[] = [
  'symbol_not_allowed',
  'already_holding',
  'price_outside_band',
  'instrument_restricted',
  'daily_loss_limit',
  'max_open_positions',
  'quantity_zero',
  'below_min_value',
  'max_order_value',
  'max_orders_per_day',
  'freeze_quantity',
  'symbol_cap',
  'insufficient_funds',
];
const forBuys = contractOrder.filter((reason) => reason !== 'no_position');
const forSells = contractOrder.filter((reason) => !onlyForBuys.includes(reason));
const isSkip = (reason: Reason) => skipReasons.some((skip) => skip === reason);

describe('the reasons', () => {
  test.each(forBuys)('a buy alone in its fault is refused with %s, its limit and its actual', (reason) => {
    const one = decideCase('BUY');
    expect(decideOne(one)?.outcome).toBe('accepted');
    faults[reason].breakIt(one);
    expect(decideOne(one)).toMatchObject({
      outcome: isSkip(reason) ? 'skipped' : 'denied',
      reason,
      limit: faults[reason].limit,
      actual: faults[reason].actual,
      quantity: 0,
      limitPriceMinor: null,
      marginMinor: 0,
      chargesMinor: 0,
      holdMinor: 0,
    });
  });

  test.each(forSells)('a sell is refused with %s too', (reason) => {
    const one = decideCase('SELL');
    expect(decideOne(one)?.outcome).toBe('accepted');
    faults[reason].breakIt(one);
    expect(decideOne(one)).toMatchObject({ outcome: isSkip(reason) ? 'skipped' : 'denied', reason });
  });

  test('limits on entering, all together, do not keep a sell from leaving', () => {
    const one = decideCase('SELL');
    for (const reason of onlyForBuys) faults[reason].breakIt(one);
    one.account.positions = [holding('TITAN', 28)];
    // What an exchange takes at once is what goes: the rest stays held.
    expect(decideOne(one)).toMatchObject({ outcome: 'accepted', quantity: 4, holdMinor: 5_00 });
    one.instrument.freezeQuantity = null;
    expect(decideOne(one)).toMatchObject({ outcome: 'accepted', quantity: 28, holdMinor: 5_00 });
  });

  test.each([
    ['BUY', forBuys],
    ['SELL', forSells],
  ] as const)('of any two faults of a %s the first in the contract stands', (side, possible) => {
    for (const [index, earlier] of possible.entries()) {
      for (const later of possible.slice(index + 1)) {
        expect([earlier, later, reasonOf(side, [earlier, later])]).toEqual([earlier, later, earlier]);
      }
    }
  });

  test.each([
    ['BUY', forBuys],
    ['SELL', forSells],
  ] as const)('whatever faults a %s has, the first in the contract stands', (side, possible) => {
    fc.assert(
      fc.property(fc.subarray([...possible], { minLength: 1 }), (chosen) => {
        expect(reasonOf(side, chosen)).toBe(chosen[0]);
      }),
    );
  });
});

function reasonOf(side: Side, chosen: readonly Reason[]): Reason | null | undefined {
  const one = decideCase(side);
  if (side === 'SELL') one.account.positions = [holding('TITAN', 28)];
  for (const reason of chosen) faults[reason].breakIt(one);
  return decideOne(one)?.reason;
}
