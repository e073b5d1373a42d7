import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencies, INR } from '../../../src/domain/currency.ts';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import { summaryParts } from '../../../src/domain/messages/summary.ts';
import type { SummaryInput } from '../../../src/domain/messages/summary-input.ts';
import {
  filledTemplate,
  operatorMessage,
  operatorTemplate,
  sampleSlots,
  slotsIn,
  templateLimit,
  templateSlots,
  templates,
} from '../../../src/domain/messages/template.ts';
import { languages } from '../../../src/domain/messages/texts/en.ts';

const plain: SummaryInput = {
  userName: 'Asha Rao',
  language: 'en',
  isCorrection: false,
  date: '2025-08-28',
  mode: 'live',
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
const itc = {
  symbol: 'ITC',
  side: 'BUY',
  what: 'skipped',
  reason: 'already_holding',
  limit: null,
  actual: '40',
  message: null,
} as const;
const inTemplate = (input: SummaryInput) =>
  filledTemplate(templates[input.language], templateSlots(summaryParts(input), input.language));

/** How many slots a template has, as it was approved. */
const slotCount = 11;

describe('the template', () => {
  test('reads as one message on a phone, in English and in Hindi', () => {
    const input: SummaryInput = { ...plain, bought: [titan], notDone: [itc], mode: 'paper' };
    expect(inTemplate(input)).toBe(`daily-scan, 28 Aug 2025
Hello Asha Rao, this is the summary of your orders.
Paper trading: no real money

Your orders:
1) Bought: 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (margin ₹19,962.88)
2) –
3) –
4) –
5) –
6) –

Not done, and why: ITC: you already hold it

Total: bought 1 of 2 signals; Spent ₹99,814.40, margin ₹19,962.88, charges ₹0.00

You asked us for this message. Reply STOP to end it.`);
    const hindi = inTemplate({ ...input, language: 'hi', userName: 'आशा राव', isCorrection: true });
    expect(hindi).toContain('नमस्ते आशा राव, यह आपके ऑर्डर का सारांश है।\nसुधार: यह हमारे पिछले संदेश की जगह लेता है');
    expect(hindi).toContain('1) खरीदा: 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (मार्जिन ₹19,962.88)');
    expect(hindi).toContain('ITC: यह शेयर आपके पास पहले से है');
  });

  test.each(languages)(
    '%s can be approved: slots 1 to 11 once each, none at an end, none beside another, a sample for each',
    (language) => {
      const text = templates[language];
      expect(slotsIn(text)).toEqual(Array.from({ length: slotCount }, (_, n) => n + 1));
      expect(text.match(/\{\{/g)).toHaveLength(slotCount);
      expect(text).not.toMatch(/^\{\{|\}\}$|\}\}\s*\{\{/);
      expect(sampleSlots[language]).toHaveLength(slotCount);
      expect(filledTemplate(text, sampleSlots[language]).length).toBeLessThanOrEqual(templateLimit);
    },
  );

  test('more orders than slots: the last slot counts the rest, and the totals stand', () => {
    const bought = Array.from({ length: 12 }, (_, n) => ({ ...titan, symbol: `SYM${n}` }));
    const slots = templateSlots(summaryParts({ ...plain, bought }), 'en');
    expect(slots.slice(3, 9).map((slot) => /SYM\d+|\+\d+ more/.exec(slot)?.[0])).toEqual([
      'SYM0',
      'SYM1',
      'SYM2',
      'SYM3',
      'SYM4',
      '+7 more',
    ]);
    expect(slots.at(-1)).toMatch(/^bought 12 of 2 signals; Spent ₹11,97,772\.80/);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '{{1}}',
    'A\nB\tC',
    '     ',
    '\u202eevil',
    '',
    'कृष्णा क्षत्रिय',
    '👩‍👩‍👧'.repeat(30),
    'علي',
    '\u200b\u200b',
  ),
);
const side = fc.constantFrom('BUY', 'SELL');
const minor = fc.nat({ max: 10 ** 12 });
const any: fc.Arbitrary<SummaryInput> = fc.record({
  userName: anyText,
  language: fc.constantFrom(...languages),
  isCorrection: fc.boolean(),
  date: fc.constantFrom('2025-08-28', '2026-01-01'),
  mode: fc.constantFrom('paper', 'live'),
  currency: fc.constantFrom(...Object.values(currencies)),
  bought: fc.array(
    fc.record({
      symbol: anyText,
      side,
      quantity: fc.nat(),
      averagePriceMinor: minor,
      amountMinor: minor,
      marginMinor: minor,
    }),
    { maxLength: 12 },
  ),
  pending: fc.array(
    fc.record({
      symbol: anyText,
      side,
      quantity: fc.nat(),
      limitPriceMinor: fc.option(minor),
      status: fc.constantFrom('queued', 'working'),
    }),
    { maxLength: 6 },
  ),
  unknown: fc.array(fc.record({ symbol: anyText, side, quantity: fc.nat() }), { maxLength: 6 }),
  notDone: fc.array(
    fc.record({
      symbol: anyText,
      side,
      what: fc.constantFrom('skipped', 'denied', 'rejected', 'canceled', 'expired'),
      reason: fc.oneof(fc.constantFrom(null, ...skipReasons, ...denyReasons), anyText),
      limit: fc.option(anyText),
      actual: fc.option(anyText),
      message: fc.option(anyText),
    }),
    { maxLength: 12 },
  ),
  totals: fc.record({ signals: fc.nat({ max: 500 }), chargesMinor: minor, availableMinor: fc.option(minor) }),
});

describe('whatever comes from outside', () => {
  test('no variable is illegal: no line break, tab, run of spaces, slot or empty value, and the whole fits', () => {
    fc.assert(
      fc.property(any, (input) => {
        const slots = templateSlots(summaryParts(input), input.language);
        expect(slots).toHaveLength(slotCount);
        for (const slot of slots) {
          expect(slot.trim()).not.toBe('');
          expect(slot).not.toMatch(/\p{Cc}|[\u2028\u2029{}]| {2}/u);
          expect(slot.isWellFormed()).toBe(true);
        }
        expect(filledTemplate(templates[input.language], slots).length).toBeLessThanOrEqual(templateLimit);
      }),
    );
  });

  test('every order is in a slot or counted', () => {
    fc.assert(
      fc.property(any, (input) => {
        const slots = templateSlots(summaryParts(input), input.language).slice(3, 9);
        const count = input.bought.length + input.pending.length + input.unknown.length;
        const more = slots.map((slot) => Number(/^\+(\d+) /.exec(slot)?.[1] ?? 0)).reduce((sum, n) => sum + n, 0);
        expect(slots.filter((slot) => slot !== '–' && !/^\+\d+ /.test(slot)).length + more).toBe(count);
      }),
    );
  });

  test('an operator’s line is legal, too', () => {
    fc.assert(
      fc.property(anyText, fc.string({ unit: 'binary', maxLength: 3000 }), (about, facts) => {
        const { slots, text } = operatorMessage(about, facts);
        for (const slot of slots) expect(slot).not.toMatch(/^$|\p{Cc}| {2}/u);
        expect(text.length).toBeLessThanOrEqual(templateLimit);
      }),
    );
    expect(slotsIn(operatorTemplate)).toEqual([1, 2]);
  });
});
