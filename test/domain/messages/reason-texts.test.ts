import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import { languages, messageTexts } from '../../../src/domain/messages/texts/en.ts';
import { type Clause, decisionReason, type ReasonClauses } from '../../../src/domain/messages/texts/reason-clause.ts';
import { englishReasons } from '../../../src/domain/messages/texts/reasons-en.ts';
import { hindiReasons } from '../../../src/domain/messages/texts/reasons-hi.ts';
import { orderReasons } from '../../../src/domain/order.ts';
import { summaryText } from './summary-text.ts';

const decisionCodes = [...skipReasons, ...denyReasons];
const tables: [string, ReasonClauses][] = [
  ['English', englishReasons],
  ['Hindi', hindiReasons],
];

describe.each(tables)('the reasons in %s', (_, { decisions, orders }) => {
  test('have words for every code, and for no other', () => {
    expect(Object.keys(decisions).toSorted()).toEqual([...decisionCodes].toSorted());
    expect(Object.keys(orders).toSorted()).toEqual([...orderReasons].toSorted());
  });

  test('are clauses, never the code, and no two of a table are the same', () => {
    for (const table of [decisions, orders]) {
      const clauses = Object.entries<Clause>(table);
      for (const [code, { you }] of clauses) {
        expect(you).not.toBe('');
        expect(you).not.toContain('_');
        expect(you.toLowerCase()).not.toBe(code.replaceAll('_', ' '));
        expect(you).not.toMatch(/[.।]$/);
      }
    }
    const texts = Object.values<Clause>(decisions).map(({ you }) => you);
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('say of an order another thing than of a decision, where one code is in both', () => {
    for (const code of ['user_inactive', 'trading_disabled', 'not_subscribed', 'symbol_not_allowed'] as const)
      expect(orders[code].you).not.toBe(decisions[code].you);
  });
});

describe('the languages', () => {
  test('tell the same: the same figures in the same units, the same clauses shared, the same one for what is not measured', () => {
    for (const table of ['decisions', 'orders'] as const) {
      const english: Readonly<Record<string, Clause>> = englishReasons[table];
      const hindi: Readonly<Record<string, Clause>> = hindiReasons[table];
      const codes = Object.keys(english);
      for (const code of codes) {
        const [en, hi] = [english[code], hindi[code]];
        expect([code, hi?.measure?.unit]).toEqual([code, en?.measure?.unit]);
        expect([code, hi?.unmeasured === undefined]).toEqual([code, en?.unmeasured === undefined]);
        expect([code, hi?.you]).not.toEqual([code, en?.you]);
        expect(hi?.you).toMatch(/^[\p{Script=Devanagari}\p{M}\s,]+$/u);
        // One thing under two codes is so in both languages or in none.
        const sameAs = (of: Readonly<Record<string, Clause>>) => codes.filter((one) => of[one]?.you === of[code]?.you);
        expect([code, sameAs(hindi)]).toEqual([code, sameAs(english)]);
      }
    }
  });

  test('speak of a limit and the market where a named limit is out of its band, and of no signal', () => {
    const texts = [englishReasons, hindiReasons].map((reasons) =>
      decisionReason(reasons, 'price_outside_band', '4272.00', '5000.00', INR, 'limit order'),
    );
    expect(texts).toEqual([
      {
        you: 'your limit price is too far from the market price',
        figures: 'your limit ₹5,000.00, nearest we take ₹4,272.00',
      },
      { you: 'आपका लिमिट भाव बाज़ार भाव से बहुत दूर है', figures: 'आपकी लिमिट ₹5,000.00, सबसे नज़दीकी मान्य ₹4,272.00' },
    ]);
    // Any other reason is the same whatever was asked for.
    const halted = decisionReason(englishReasons, 'halted', null, null, INR, 'limit order');
    expect(halted).toEqual(decisionReason(englishReasons, 'halted', null, null, INR));
  });

  test('an unsent order’s reason is the order’s in both', () => {
    const stopped = {
      symbol: 'ITC',
      side: 'BUY',
      limit: null,
      actual: null,
      message: null,
      reason: 'user_inactive',
    } as const;
    const textOf = (language: 'en' | 'hi', what: 'canceled' | 'skipped') =>
      summaryText({
        ...{
          userName: 'Asha',
          language,
          isCorrection: false,
          date: '2025-08-28',
          mode: 'live',
          currency: INR,
          bought: [],
        },
        ...{ pending: [], unknown: [], notDone: [{ ...stopped, what }] },
        totals: { signals: 1, chargesMinor: 0, availableMinor: null },
      });
    expect(textOf('en', 'canceled')).toContain('ITC: canceled: your account was paused before it was sent');
    expect(textOf('hi', 'canceled')).toContain('भेजे जाने से पहले आपका खाता रोक दिया गया');
    expect(textOf('hi', 'skipped')).toContain('ITC: आपका खाता रोका हुआ है');
  });

  test('a code of tomorrow is never an English word in a Hindi message', () => {
    expect(messageTexts.hi.reason('constructor', null, null, INR)).toEqual({ you: 'किसी और कारण से', figures: null });
    expect(messageTexts.hi.orderReason('penny_stock')).toBe('किसी और कारण से');
    expect(messageTexts.en.reason('penny_stock', '1', '2', INR)).toEqual({ you: 'penny stock', figures: null });
    for (const language of languages) expect(messageTexts[language].orderReason('toString')).not.toContain('function');
  });
});
