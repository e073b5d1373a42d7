import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import {
  type OrderItems,
  type SingleOrdersInput,
  singleOrdersParts,
} from '../../../src/domain/messages/single-orders.ts';
import { messageLimit, textOf } from '../../../src/domain/messages/summary.ts';
import { filledTemplate, templateLimit, templateSlots, templates } from '../../../src/domain/messages/template.ts';

const none: OrderItems = { bought: [], pending: [], unknown: [], notDone: [] };
const titan = { symbol: 'TITAN', side: 'BUY' } as const;
const fill = { ...titan, quantity: 5, averagePriceMinor: 356480, amountMinor: 1782400, marginMinor: 356480 };
const rejection = { ...titan, what: 'rejected', reason: 'venue_rejected', limit: null, actual: null } as const;
const phone = { own: true, key: 'phone' };
const operator = { own: false, key: 'their key' };

const filled: SingleOrdersInput['orders'][number] = {
  placedBy: phone,
  quantity: 5,
  items: { ...none, bought: [fill] },
};
const rejected: SingleOrdersInput['orders'][number] = {
  placedBy: phone,
  quantity: 7,
  items: { ...none, notDone: [{ ...rejection, symbol: 'ITC', message: 'RMS: margin exceeds' }] },
};
const inPart: SingleOrdersInput['orders'][number] = {
  placedBy: operator,
  quantity: 9,
  items: {
    ...none,
    bought: [{ ...fill, partial: { ordered: 9 } }],
    notDone: [{ ...rejection, what: 'canceled', reason: null, message: null }],
  },
};
const input = (change: Partial<SingleOrdersInput> = {}): SingleOrdersInput => {
  return {
    userName: 'Asha Rao',
    language: 'en',
    date: '2025-08-28',
    mode: 'live',
    currency: INR,
    orders: [filled, rejected],
    ...change,
  };
};
const text = (change: Partial<SingleOrdersInput> = {}) => textOf(singleOrdersParts(input(change)));
const inTemplate = (of: SingleOrdersInput) =>
  filledTemplate(templates[of.language], templateSlots(singleOrdersParts(of), of.language));

describe('a message of orders placed one by one', () => {
  test('says who placed them, one line for each, and what to do if it was not the user', () => {
    expect(text()).toBe(`daily-scan · 28 Aug 2025
Hello Asha Rao
Placed with your own key “phone”

Bought 5 × TITAN @ ₹3,564.80 = ₹17,824.00 (margin ₹3,564.80)
Not bought 7 × ITC: rejected by the broker: "RMS: margin exceeds"

Total: 2 orders
Not you, or not agreed? Tell whoever runs daily-scan for you at once: they can change the key and stop your trading`);
  });

  test('says at each order who placed it, where that differs, and never whose key an operator used', () => {
    const message = text({
      orders: [filled, inPart, { ...filled, placedBy: { own: true, key: null } }],
      mode: 'paper',
    });
    expect(message).toContain(`Placed with your own key “phone”, by your operator, with your own login
Paper trading: no real money

Bought with your own key “phone”: 5 × TITAN @ ₹3,564.80 = ₹17,824.00 (margin ₹3,564.80)
Bought by your operator: 5 of 9 × TITAN @ ₹3,564.80 = ₹17,824.00 (margin ₹3,564.80); Not bought TITAN: the rest was canceled
Bought with your own login: 5 × TITAN`);
    expect(message).not.toContain('their key');
    const many = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ ...filled, placedBy: { own: true, key } }));
    expect(text({ orders: many })).toContain('“a”, with your own key “b”, with your own key “c”, +2 more\n');
  });

  test('speaks Hindi', () => {
    expect(text({ language: 'hi', orders: [filled, inPart] })).toBe(`daily-scan · 28 अग 2025
नमस्ते Asha Rao
ऑर्डर दिए गए: आपकी अपनी कुंजी “phone” से, आपके ऑपरेटर द्वारा

खरीदा आपकी अपनी कुंजी “phone” से: 5 × TITAN @ ₹3,564.80 = ₹17,824.00 (मार्जिन ₹3,564.80)
खरीदा आपके ऑपरेटर द्वारा: 9 में से 5 × TITAN @ ₹3,564.80 = ₹17,824.00 (मार्जिन ₹3,564.80); नहीं खरीदा TITAN: बाकी रद्द हुआ

कुल: 2 ऑर्डर
यह आपने नहीं किया, या आप सहमत नहीं थे? जो आपके लिए daily-scan चलाते हैं, उन्हें तुरंत बताएँ: वे कुंजी बदल सकते हैं और आपकी ट्रेडिंग रोक सकते हैं`);
  });

  test('fits the template of the summary, with who placed them before the orders and the advice at the end', () => {
    expect(inTemplate(input())).toContain(`Hello Asha Rao, this is the summary of your orders.
Placed with your own key “phone”

Your orders:
1) Bought: 5 × TITAN @ ₹3,564.80 = ₹17,824.00 (margin ₹3,564.80)
2) –`);
    expect(inTemplate(input())).toContain(
      'Not done, and why: 7 × ITC: rejected by the broker: "RMS: margin exceeds"\n',
    );
    expect(inTemplate(input())).toContain('Total: 2 orders; Not you, or not agreed? Tell whoever runs');
  });

  test('keeps to its lines and its length, whatever a key is called and a broker says', () => {
    const odd = fc.string({ unit: 'binary', maxLength: 300 });
    const orders = fc.array(
      fc
        .record({ key: fc.option(odd), own: fc.boolean(), symbol: odd, message: fc.option(odd) })
        .map(({ key, own, symbol, message }) => ({
          placedBy: { own, key },
          quantity: 5,
          items: { ...none, notDone: [{ ...rejection, symbol, message }] },
        })),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(orders, odd, fc.constantFrom('en', 'hi'), (of, userName, language) => {
        const inputs = input({ orders: of, userName, language });
        const message = text(inputs);
        expect(message.length).toBeLessThanOrEqual(messageLimit);
        expect(message.split('\n').length).toBeLessThanOrEqual(of.length + 8);
        expect(message).toContain(singleOrdersParts(inputs).totals[1]);
        expect(inTemplate(inputs).length).toBeLessThanOrEqual(templateLimit);
      }),
      { numRuns: 100 },
    );
  });
});
