import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencies, INR } from '../../../src/domain/currency.ts';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import { messageLimit, oneLine, shortDate } from '../../../src/domain/messages/summary.ts';
import type { SummaryInput, SummaryNotDone } from '../../../src/domain/messages/summary-input.ts';
import { summaryText } from './summary-text.ts';

const nothing: SummaryInput = {
  userName: 'Asha Rao',
  language: 'en',
  isCorrection: false,
  date: '2025-08-28',
  mode: 'paper',
  currency: INR,
  bought: [],
  pending: [],
  unknown: [],
  notDone: [],
  totals: { signals: 2, chargesMinor: 0, availableMinor: null },
};
const titan = {
  symbol: 'TITAN',
  side: 'BUY',
  quantity: 28,
  averagePriceMinor: 356480,
  amountMinor: 9981440,
  marginMinor: 1996288,
} as const;

function notDoneItem(symbol: string, over: Partial<SummaryNotDone>): SummaryNotDone {
  return { symbol, side: 'BUY', what: 'skipped', reason: null, limit: null, actual: null, message: null, ...over };
}

describe('the message', () => {
  test('says what was bought, what waits, what is unknown, what was not bought and why, each in its own words', () => {
    const text = summaryText({
      ...nothing,
      bought: [
        titan,
        { ...titan, symbol: 'M&M', quantity: 10, amountMinor: 3564800, marginMinor: 712960, partial: { ordered: 28 } },
      ],
      pending: [
        { symbol: 'INFY', side: 'BUY', quantity: 14, limitPriceMinor: 151755, status: 'working' },
        { symbol: 'LT', side: 'BUY', quantity: 3, limitPriceMinor: null, status: 'queued' },
      ],
      unknown: [{ symbol: 'HDFCBANK', side: 'BUY', quantity: 5 }],
      notDone: [
        notDoneItem('ITC', { reason: 'already_holding', actual: '40' }),
        notDoneItem('SBIN', { what: 'denied', reason: 'insufficient_funds', limit: '3200.00', actual: '20100.00' }),
        notDoneItem('WIPRO', { what: 'rejected', reason: 'venue', message: 'RMS: margin exceeds' }),
        notDoneItem('TCS', { what: 'canceled', reason: 'breaker_open' }),
        notDoneItem('LTIM', { what: 'expired' }),
        notDoneItem('TRENT', { what: 'expired', reason: 'not_sent_in_time' }),
        notDoneItem('M&M', { what: 'canceled' }),
        notDoneItem('DMART', { what: 'expired', reason: 'never_reached_venue' }),
      ],
      totals: { signals: 11, chargesMinor: 23640, availableMinor: 4512000 },
    });
    expect(text).toBe(`daily-scan · 28 Aug 2025
Hello Asha Rao
Paper trading: no real money

Bought 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (margin ₹19,962.88)
Bought 10 of 28 × M&M @ ₹3,564.80 = ₹35,648.00 (margin ₹7,129.60)
Still open: Buy 14 × INFY for at most ₹1,517.55: waiting at the exchange
Still open: Buy 3 × LT at the market: waiting to be sent
Not confirmed yet: Buy 5 × HDFCBANK: the broker's answer is missing; we are checking and will not send it again
Not bought ITC: you already hold it
Not bought SBIN: not enough free money (needed ₹20,100.00, available ₹3,200.00)
Not bought WIPRO: rejected by the broker: "RMS: margin exceeds"
Not bought TCS: canceled: we stopped sending because too many orders were failing
Not bought LTIM: not filled in time, so the order has expired
Not bought TRENT: expired: it could not be sent in time
Not bought M&M: the rest was canceled
Not bought DMART: not placed: it never reached the broker

Total: bought 2 of 11 signals
Spent ₹1,35,462.40, margin ₹27,092.48, charges ₹236.40, cash available ₹45,120.00`);
  });

  test('says so when nothing was placed, and does not speak of paper when money is real', () => {
    const notDone = [notDoneItem('ITC', { what: 'denied', reason: 'max_open_positions', limit: '5', actual: '5' })];
    expect(summaryText({ ...nothing, mode: 'live', notDone })).toBe(`daily-scan · 28 Aug 2025
Hello Asha Rao

No order was placed for you today.
Not bought ITC: you have as many open positions as you allow (open 5, limit 5)

Total: bought 0 of 2 signals`);
  });

  test('tells an order that came to nothing from no order, and a day without signals from both', () => {
    const rejected = [notDoneItem('ITC', { what: 'rejected' })];
    expect(summaryText({ ...nothing, notDone: rejected })).toContain('Nothing was filled today.');
    const none = { ...nothing, totals: { ...nothing.totals, signals: 0 } };
    expect(summaryText(none)).toContain('There was no signal today, so no order was placed.');
  });

  test('a sale is sold, not bought, has no margin, and says what it brought; cash is said', () => {
    const sale = { ...titan, side: 'SELL', marginMinor: 0, profitMinor: 123_400 } as const;
    const totals = { signals: 2, chargesMinor: 11_820, availableMinor: 5_000_000 };
    const one = summaryText({ ...nothing, bought: [sale], totals });
    expect(one).toContain('Sold 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (profit ₹1,234.00)\n');
    expect(one).toContain(
      'Total: bought 0, sold 1 of 2 signals\nSold for ₹99,814.40, charges ₹118.20, cash available ₹50,000.00',
    );
    const lost = { ...sale, symbol: 'ITC', profitMinor: -200_000 };
    const two = summaryText({ ...nothing, bought: [sale, lost], totals });
    expect(two).toContain('Sold 28 × ITC @ ₹3,564.80 = ₹99,814.40 (loss ₹2,000.00)\n');
    expect(two).toContain('\nSold for ₹1,99,628.80 (loss ₹766.00), charges ₹118.20');
    expect(summaryText({ ...nothing, bought: [sale, { ...lost, profitMinor: null }], totals })).toContain(
      '\nSold for ₹1,99,628.80, charges',
    );
    expect(summaryText({ ...nothing, language: 'hi', bought: [sale], totals })).toContain('(लाभ ₹1,234.00)');
  });

  test('what does not fit is counted, and the totals stand', () => {
    const bought = Array.from({ length: 40 }, (_, n) => ({ ...titan, symbol: `SYM${n}` }));
    const text = summaryText({ ...nothing, bought });
    const shown = text.split('\n').filter((line) => line.startsWith('Bought')).length;
    expect(text.length).toBeLessThanOrEqual(messageLimit);
    expect(shown).toBeGreaterThan(15);
    expect(text).toContain(`\n+${40 - shown} more\n\nTotal: bought 40 of 2 signals`);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('{{1}}', 'A\nBought\n99 × GOLD', '\u202eevil', '```', '', ' \t ', 'कृष्णा क्षत्रिय', '👩‍👩‍👧'.repeat(40)),
);
const what = fc.constantFrom('skipped', 'denied', 'rejected', 'canceled', 'expired');
const reason = fc.oneof(fc.constantFrom(null, ...skipReasons, ...denyReasons), anyText);
const figure = fc.option(fc.oneof(fc.constantFrom('3200.00', '5'), anyText));

function inputs(maxItems: number): fc.Arbitrary<SummaryInput> {
  const minor = fc.nat({ max: 10 ** 12 });
  const side = fc.constantFrom('BUY', 'SELL');
  const quantity = fc.nat();
  return fc.record({
    userName: anyText,
    language: fc.constantFrom('en', 'hi'),
    isCorrection: fc.boolean(),
    date: fc.constantFrom('2025-08-28', '2026-01-01'),
    mode: fc.constantFrom('paper', 'live'),
    currency: fc.constantFrom(...Object.values(currencies)),
    bought: fc.array(
      fc.record({ symbol: anyText, side, quantity, averagePriceMinor: minor, amountMinor: minor, marginMinor: minor }),
      { maxLength: maxItems },
    ),
    pending: fc.array(
      fc.record({
        symbol: anyText,
        side,
        quantity,
        limitPriceMinor: fc.option(minor),
        status: fc.constantFrom('queued', 'working'),
      }),
      { maxLength: maxItems },
    ),
    unknown: fc.array(fc.record({ symbol: anyText, side, quantity }), { maxLength: maxItems }),
    notDone: fc.array(
      fc.record({ symbol: anyText, side, what, reason, limit: figure, actual: figure, message: fc.option(anyText) }),
      { maxLength: maxItems },
    ),
    totals: fc.record({ signals: fc.nat({ max: 500 }), chargesMinor: minor, availableMinor: fc.option(minor) }),
  });
}

test('a buy says where its strategy would leave it, and that these are no orders', () => {
  const text = (more: object, language: 'en' | 'hi' = 'en') =>
    summaryText({ ...nothing, language, bought: [{ ...titan, ...more }] });
  expect(text({ stopMinor: 3_400_00, targetMinor: 3_900_00 })).toContain(
    '(margin ₹19,962.88); not placed: stop ₹3,400.00, target ₹3,900.00',
  );
  expect(text({ stopMinor: 3_400_00, targetMinor: null })).toContain('; not placed: stop ₹3,400.00\n');
  expect(text({ targetMinor: 3_900_00 }, 'hi')).toContain('; ऑर्डर नहीं दिए: लक्ष्य ₹3,900.00');
  expect(text({ side: 'SELL', stopMinor: 3_400_00 })).not.toContain('not placed');
  expect(text({})).not.toContain('not placed');
});

describe('whatever comes from outside', () => {
  test('the message is never longer than the limit, is well formed, and holds no control or template character', () => {
    fc.assert(
      fc.property(inputs(30), (input) => {
        const text = summaryText(input);
        expect(text.length).toBeLessThanOrEqual(messageLimit);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/(?!\n)\p{Cc}|[\u2028\u2029\u202a-\u202e{}`]| {2}|\n{3}/u);
      }),
    );
  });

  test('no text can add or remove a line', () => {
    const tame = (text: string | null) => (text === null ? null : 'x');
    const codes = new Set<string | null>([...skipReasons, ...denyReasons]);
    fc.assert(
      fc.property(inputs(1), (input) => {
        // Names that were one stay one: orders of one share are folded.
        const names = new Map<string, string>();
        const named = (symbol: string) => {
          const name = names.get(symbol) ?? `x${names.size}`;
          names.set(symbol, name);
          return name;
        };
        const tamed: SummaryInput = {
          ...input,
          userName: 'x',
          bought: input.bought.map((one) => ({ ...one, symbol: named(one.symbol) })),
          pending: input.pending.map((one) => ({ ...one, symbol: named(one.symbol) })),
          unknown: input.unknown.map((one) => ({ ...one, symbol: named(one.symbol) })),
          notDone: input.notDone.map((one) => ({
            ...one,
            symbol: named(one.symbol),
            message: tame(one.message),
            // What is grouped by its reason stays in its group; a reason nobody knows is text like any other.
            reason: codes.has(one.reason) ? one.reason : tame(one.reason),
          })),
        };
        expect(summaryText(input).split('\n').length).toBe(summaryText(tamed).split('\n').length);
      }),
    );
  });

  test('what is shown and what is counted as more add up to everything', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), (count) => {
        const bought = Array.from({ length: count }, () => titan);
        const text = summaryText({ ...nothing, bought });
        const more = Number(/^\+(\d+) more$/m.exec(text)?.[1] ?? 0);
        expect(text.split('\n').filter((line) => line.startsWith('Bought')).length + more).toBe(count);
      }),
    );
  });

  test('a cut never splits a letter', () => {
    expect(oneLine('ab👍👍', 5)).toBe('ab👍…');
    expect(oneLine('कृष्णा', 4)).toBe('कृ…');
    expect(oneLine('Asha', 4)).toBe('Asha');
  });

  test('a date is written out, and what is none is left alone', () => {
    expect(['2026-09-01', 'today'].map((date) => shortDate(date))).toEqual(['1 Sep 2026', 'today']);
  });
});
