// The summary as an approved WhatsApp template, for when free text may not be sent.

import { capital, oneLine, type SummaryParts } from './summary.ts';
import type { Language } from './texts/en.ts';

/** WhatsApp refuses a template that is longer with its variables put in (error 63021). */
export const templateLimit = 1024;
/** Lines of orders the template has a slot for. */
const ORDER_LINES = 6;
/** Stands in a slot that has nothing to say: a variable must not be empty. */
const NOTHING = '–';

/**
 * The text to submit for approval, as a Utility template, one for each language. Slots: 1 date, 2 name, 3 what it is,
 * 4 to 9 one order each, 10 what was not done and why, 11 totals. It neither begins nor ends with a slot, and no two
 * stand together: WhatsApp refuses that.
 */
export const templates: Readonly<Record<Language, string>> = {
  en: `daily-scan, {{1}}
Hello {{2}}, this is the summary of your orders.
{{3}}

Your orders:
1) {{4}}
2) {{5}}
3) {{6}}
4) {{7}}
5) {{8}}
6) {{9}}

Not done, and why: {{10}}

Total: {{11}}

You asked us for this message. Reply STOP to end it.`,
  hi: `daily-scan, {{1}}
नमस्ते {{2}}, यह आपके ऑर्डर का सारांश है।
{{3}}

आपके ऑर्डर:
1) {{4}}
2) {{5}}
3) {{6}}
4) {{7}}
5) {{8}}
6) {{9}}

नहीं हुआ, और क्यों: {{10}}

कुल: {{11}}

यह संदेश आपने माँगा था। बंद करने के लिए STOP लिखें।`,
};

/** Sample values for the approval: WhatsApp wants one for each slot. */
export const sampleSlots: Readonly<Record<Language, readonly string[]>> = {
  en: [
    '28 Aug 2025',
    'Asha Rao',
    'Paper trading: no real money',
    'Bought: 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (margin ₹19,962.88)',
    ...Array<string>(ORDER_LINES - 1).fill(NOTHING),
    'ITC, SBIN: you already hold it',
    'bought 1 of 3 signals; Spent ₹99,814.40, margin ₹19,962.88, charges ₹118.20, cash available ₹79,918.92',
  ],
  hi: [
    '28 अग 2025',
    'आशा राव',
    'पेपर ट्रेडिंग: असली पैसा नहीं',
    'खरीदा: 28 × TITAN @ ₹3,564.80 = ₹99,814.40 (मार्जिन ₹19,962.88)',
    ...Array<string>(ORDER_LINES - 1).fill(NOTHING),
    'ITC, SBIN: यह शेयर आपके पास पहले से है',
    '3 में से 1 सिग्नल पर खरीदा; खर्च ₹99,814.40, मार्जिन ₹19,962.88, शुल्क ₹118.20, उपलब्ध राशि ₹79,918.92',
  ],
};

/** For operators, in English: slot 1 what it is about, slot 2 the facts in one line. */
export const operatorTemplate = `daily-scan for operators: {{1}}
What there is to know: {{2}}

The details are in npm run report and npm run messages.`;

/** The slots of `operatorTemplate`, and what then stands there. */
export function operatorMessage(about: string, facts: string): { slots: string[]; text: string } {
  const slots = [slotValue(about, 100), slotValue(facts, 700)];
  return { slots, text: filledTemplate(operatorTemplate, slots) };
}

/** The numbers of the slots a template text has, each once, in order. */
export function slotsIn(text: string): number[] {
  const numbers = [...text.matchAll(/\{\{(\d+)\}\}/g)].map(([, number]) => Number(number));
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/** A template as its reader sees it. */
export function filledTemplate(text: string, slots: readonly string[]): string {
  return text.replace(/\{\{(\d+)\}\}/g, (_, number: string) => slots[Number(number) - 1] ?? '');
}

/**
 * A value WhatsApp takes in a slot: one line, no tab, no run of spaces, never empty (else errors 21656 and 92007), with
 * nothing in it that could be read as a slot; at most `maxUnits` UTF-16 units.
 */
export function slotValue(text: string, maxUnits: number): string {
  return oneLine(text, maxUnits) || NOTHING;
}

/**
 * A summary as values of the template's slots, so that the whole is at most `templateLimit` UTF-16 units (the larger of
 * the ways to count). Orders beyond the slots, and reasons that do not fit, give way to '+7 more'; the date, the name,
 * what it is and the totals always stand.
 */
export function templateSlots(parts: SummaryParts, language: Language): string[] {
  const { orders, reasons } = itemsOf(parts);
  const what = [parts.correction, parts.placed, parts.paper, parts.nothing].filter((line) => line !== null).join(' · ');
  const head = [
    slotValue(parts.date, 40),
    slotValue(parts.name, 40),
    slotValue(what || capital(parts.totals[0] ?? ''), 150),
  ];
  const tail = slotValue(parts.totals.join('; '), 300);
  const fits = (slots: string[]) => filledTemplate(templates[language], slots).length <= templateLimit;
  // Reasons give way before orders do: what was bought matters more than what was not.
  for (let lines = Math.min(orders.length, ORDER_LINES); ; lines--) {
    for (let kept = reasons.length; kept >= 0; kept--) {
      const slots = [...head, ...orderSlots(orders, lines, parts), reasonsSlot(reasons, kept, parts), tail];
      if (fits(slots) || (lines === 0 && kept === 0)) return slots;
    }
  }
}

/** The sections in their order: an order's line says what became of it; what was not done is one list. */
function itemsOf({ sections }: SummaryParts): { orders: string[]; reasons: string[] } {
  const orders: string[] = [];
  const reasons: string[] = [];
  for (const { title, about, lines } of sections) {
    if (about === 'not_done') reasons.push(...lines.map((line) => slotValue(line, 120)));
    else orders.push(...lines.map((line) => slotValue(`${title}: ${line}`, 160)));
  }
  return { orders, reasons };
}

/** `lines` of the orders' slots are used; the last one counts what is left over. */
function orderSlots(orders: string[], lines: number, { texts }: SummaryParts): string[] {
  const shown = lines >= orders.length ? orders : orders.slice(0, Math.max(0, lines - 1));
  const left = orders.length - shown.length;
  const used = left > 0 ? [...shown, texts.more(left)] : shown;
  return [...used, ...Array<string>(ORDER_LINES - used.length).fill(NOTHING)];
}

function reasonsSlot(reasons: string[], kept: number, { texts }: SummaryParts): string {
  const shown = reasons.slice(0, kept);
  const left = reasons.length - shown.length;
  return slotValue([...shown, ...(left > 0 ? [texts.more(left)] : [])].join('; '), 900);
}
