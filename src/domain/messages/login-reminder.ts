// The reminder of a missing login, as text and as a WhatsApp template.
import { istMs, istTime } from '../market/india-time.ts';
import { capital, shortDate } from './summary.ts';
import { filledTemplate, slotValue } from './template.ts';
import { type Language, messageTexts } from './texts/en.ts';

/** What the reminder of a missing login says; made only from rows and settings. */
export interface ReminderInput {
  userName: string;
  language: Language;
  /** The trade date, ISO. */
  date: string;
  /** By its name in the database: `kite`. */
  venue: string;
  /** When the day's orders are decided. */
  beforeMs: number;
  /** Where the login begins; null: nobody can be sent anywhere from here. */
  link: string | null;
}

/** A longer one would be cut by `slotValue`, and a cut link leads nowhere. */
const MAX_LINK_LENGTH = 500;

/**
 * The text to submit for approval, as a Utility template, one for each language. Slots: 1 date, 2 name, 3 venue, 4 time
 * of day, 5 how to log in. It neither begins nor ends with a slot, and no two stand together: WhatsApp refuses that.
 */
export const reminderTemplates: Readonly<Record<Language, string>> = {
  en: `daily-scan, {{1}}
Hello {{2}}, your login at {{3}} is missing, or ends before today's trading does. Until you log in there, today's orders for you will be skipped.

Please log in before {{4}} IST.
How: {{5}}

You asked us for this message. Reply STOP to end it.`,
  hi: `daily-scan, {{1}}
नमस्ते {{2}}, {{3}} पर आपका लॉगिन नहीं है, या आज का कारोबार खत्म होने से पहले समाप्त हो जाएगा। जब तक आप वहाँ लॉगिन नहीं करते, आज आपके ऑर्डर छोड़ दिए जाएँगे।

कृपया {{4}} IST से पहले लॉगिन करें।
कैसे: {{5}}

यह संदेश आपने माँगा था। बंद करने के लिए STOP लिखें।`,
};

const askSomebody: Readonly<Record<Language, string>> = {
  en: 'ask whoever runs daily-scan for you',
  hi: 'जो आपके लिए daily-scan चलाते हैं, उनसे पूछें',
};

const sample = {
  date: '2025-08-28',
  venue: 'kite',
  beforeMs: istMs('2025-08-28', '09:20'),
  link: 'https://scan.example.com/api/venues/kite/login?state=41.1756405800000.c2FtcGxl',
};

/** Sample values for the approval: WhatsApp wants one for each slot. */
export const reminderSamples: Readonly<Record<Language, readonly string[]>> = {
  en: reminderSlots({ ...sample, language: 'en', userName: 'Asha Rao' }),
  hi: reminderSlots({ ...sample, language: 'hi', userName: 'आशा राव' }),
};

/** The values of the template's slots. */
export function reminderSlots({ userName, language, date, venue, beforeMs, link }: ReminderInput): string[] {
  const texts = messageTexts[language];
  const way = link !== null && link.length <= MAX_LINK_LENGTH ? link : askSomebody[language];
  return [
    slotValue(shortDate(date, texts), 40),
    slotValue(userName.trim() === '' ? texts.there : userName, 40),
    slotValue(capital(venue), 32),
    istTime(beforeMs).slice(0, 5),
    slotValue(way, MAX_LINK_LENGTH),
  ];
}

/** The reminder as its reader sees it, whichever way it goes. */
export function reminderText(language: Language, slots: readonly string[]): string {
  return filledTemplate(reminderTemplates[language], slots);
}
