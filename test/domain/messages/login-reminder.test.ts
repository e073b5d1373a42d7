import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import {
  type ReminderInput,
  reminderSamples,
  reminderSlots,
  reminderTemplates,
  reminderText,
} from '../../../src/domain/messages/login-reminder.ts';
import { filledTemplate, slotsIn, templateLimit } from '../../../src/domain/messages/template.ts';
import { languages } from '../../../src/domain/messages/texts/en.ts';

const link = 'https://scan.example.com/api/venues/kite/login?state=41.1756405800000.c2FtcGxl';
const asha: ReminderInput = {
  userName: 'Asha Rao',
  language: 'en',
  date: '2025-08-28',
  venue: 'kite',
  beforeMs: istMs('2025-08-28', '09:20'),
  link,
};
const read = (input: ReminderInput) => reminderText(input.language, reminderSlots(input));

describe('the reminder of a missing login', () => {
  test('says where, what is skipped without it, until when, and how', () => {
    expect(read(asha)).toBe(`daily-scan, 28 Aug 2025
Hello Asha Rao, your login at Kite is missing, or ends before today's trading does. Until you log in there, today's orders for you will be skipped.

Please log in before 09:20 IST.
How: ${link}

You asked us for this message. Reply STOP to end it.`);
  });

  test('says it in Hindi, with the same link', () => {
    const text = read({ ...asha, language: 'hi', userName: 'आशा राव' });
    expect(text).toContain('daily-scan, 28 अग 2025\nनमस्ते आशा राव, Kite पर आपका लॉगिन नहीं है');
    expect(text).toContain(`कृपया 09:20 IST से पहले लॉगिन करें।\nकैसे: ${link}\n`);
  });

  test('names somebody to ask where there is no link, or one too long to arrive whole', () => {
    for (const none of [null, `${link}${'x'.repeat(500)}`]) {
      expect(read({ ...asha, link: none })).toContain('How: ask whoever runs daily-scan for you\n');
      expect(read({ ...asha, link: none, language: 'hi' })).toContain('कैसे: जो आपके लिए daily-scan चलाते हैं');
    }
    expect(read({ ...asha, userName: ' ' })).toContain('Hello there,');
  });

  test.each(languages)(
    '%s can be approved: slots 1 to 5 once each, none at an end, none beside another, a sample for each',
    (language) => {
      const text = reminderTemplates[language];
      expect(slotsIn(text)).toEqual([1, 2, 3, 4, 5]);
      expect(text.match(/\{\{/g)).toHaveLength(5);
      expect(text).not.toMatch(/^\{\{|\}\}$|\}\}\s*\{\{/);
      expect(reminderSamples[language]).toHaveLength(5);
      expect(filledTemplate(text, reminderSamples[language])).toContain('09:20');
    },
  );

  test('no variable is illegal, whatever comes from outside, and the whole fits', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('{{1}}', 'A\nB\tC', '    '),
    );
    const any = fc.record({
      ...{ userName: anyText, venue: anyText, language: fc.constantFrom(...languages) },
      link: fc.option(fc.webUrl({ withQueryParameters: true })),
    });
    fc.assert(
      fc.property(any, (reminder) => {
        const slots = reminderSlots({ ...asha, ...reminder });
        for (const slot of slots) {
          expect(slot.trim()).not.toBe('');
          expect(slot).not.toMatch(/\p{Cc}|[\u2028\u2029{}]| {2}/u);
        }
        expect(reminderText(reminder.language, slots).length).toBeLessThanOrEqual(templateLimit);
      }),
    );
  });
});
