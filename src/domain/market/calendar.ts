// The trading calendar of the NSE, each row with the circular it comes from.
/**
 * When the National Stock Exchange trades, as data. Each row names the circular it comes from; nothing here is
 * worked out. Every year's list comes out in December of the year before, and single days are added or
 * changed by circular, sometimes three days ahead (15 January 2026): such a day is added by an operator
 * (`DayOverride`) at once and moves into this file later. Times are IST, `HH:MM`.
 */

/** The papers the rows come from: https://nsearchives.nseindia.com/content/circulars/CMTR<number>.pdf */
export const calendarSources = {
  'NSE/CMTR/65587': { issued: '2024-12-13', about: 'Trading holidays for the calendar year 2025' },
  'NSE/CMTR/65729': { issued: '2024-12-23', about: 'Live trading on Saturday 1 February 2025, Union Budget' },
  'NSE/CMTR/70319': { issued: '2025-09-22', about: 'Muhurat trading on 21 October 2025, 13:45 to 14:45' },
  'NSE/CMTR/71775': { issued: '2025-12-12', about: 'Trading holidays for the calendar year 2026' },
  'NSE/CMTR/72260': { issued: '2026-01-12', about: 'Trading holiday on 15 January 2026, municipal elections' },
  'NSE/CMTR/72349': { issued: '2026-01-16', about: 'Live trading on Sunday 1 February 2026, Union Budget' },
  /** Under SEBI circular HO/47/11/11(3)2025-MRD-POD2/I/2765/2026 of 2026-01-16. */
  'NSE/CMTR/75479': { issued: '2026-07-30', about: 'Closing auction session live from 3 August 2026' },
} as const;

type CalendarSource = keyof typeof calendarSources;

/** A weekday without trading. Holidays that fall on a weekend are left out: the weekend closes them already. */
export interface Closure {
  date: string;
  name: string;
  source: CalendarSource;
}

/** Trading on a day, or at hours, that the ordinary rules would not give. */
export interface SpecialSession {
  date: string;
  name: string;
  /** null: the exchange has not announced the hours, or we could not verify them. */
  hours: { openTime: string; closeTime: string } | null;
  source: CalendarSource;
}

/** Continuous trading of an ordinary day, from a date on until the next row. */
export interface OrdinaryHours {
  from: string;
  openTime: string;
  closeTime: string;
  /** For cash securities that have derivatives: they leave continuous trading for the closing auction. */
  fnoCloseTime: string;
  source: CalendarSource;
}

/** A day an operator added or changed at run time; it stands above everything in this file. */
export interface DayOverride {
  /** `YYYY-MM-DD` */
  date: string;
  kind: 'closed' | 'open';
  name: string;
  /** `HH:MM` IST. Left out: as this calendar says for that date, else the ordinary hours. */
  openTime?: string | null;
  closeTime?: string | null;
  /** It is of an imported list of its whole year: that year is known then, as those of this file are. */
  ofYearList?: boolean;
}

/** Whether a date's year is known: from this file, or from an imported list. */
export function isCovered(date: string, overrides: readonly DayOverride[]): boolean {
  if (date >= coverage.from && date <= coverage.to) return true;
  const year = date.slice(0, 4);
  return overrides.some((day) => day.ofYearList === true && day.date.slice(0, 4) === year);
}

/** How a year's list is brought in. */
export const importingCalendar = 'npm run calendar -- import F.csv';

/**
 * What is said from 1 December on, every day, while nobody has brought in the next year's list; null: it is known, or
 * it is not December yet.
 */
export function calendarGap(today: string, overrides: readonly DayOverride[]): string | null {
  if (today.slice(5, 7) !== '12') return null;
  const next = String(Number(today.slice(0, 4)) + 1);
  if (isCovered(`${next}-01-01`, overrides)) return null;
  return `the calendar ends on ${today.slice(0, 4)}-12-31: from 1 January ${next} nothing is traded`;
}

function closures(source: CalendarSource, rows: readonly (readonly [date: string, name: string])[]): Closure[] {
  return rows.map(([date, name]) => ({ date, name, source }));
}

/** The first and last date this file answers for. Beyond it the answer is "don't know", never "open". */
export const coverage = { from: '2025-01-01', to: '2026-12-31' } as const;

/** The circular of 2026-01-16 spells out the standard market timings that have held all the time before it. */
export const ordinaryHours: readonly [OrdinaryHours, ...OrdinaryHours[]] = [
  { from: '2025-01-01', openTime: '09:15', closeTime: '15:30', fnoCloseTime: '15:30', source: 'NSE/CMTR/72349' },
  { from: '2026-08-03', openTime: '09:15', closeTime: '15:30', fnoCloseTime: '15:15', source: 'NSE/CMTR/75479' },
];

export const holidays: readonly Closure[] = [
  ...closures('NSE/CMTR/65587', [
    ['2025-02-26', 'Mahashivratri'],
    ['2025-03-14', 'Holi'],
    ['2025-03-31', 'Id-Ul-Fitr'],
    ['2025-04-10', 'Mahavir Jayanti'],
    ['2025-04-14', 'Ambedkar Jayanti'],
    ['2025-04-18', 'Good Friday'],
    ['2025-05-01', 'Maharashtra Day'],
    ['2025-08-15', 'Independence Day'],
    ['2025-08-27', 'Ganesh Chaturthi'],
    ['2025-10-02', 'Mahatma Gandhi Jayanti and Dussehra'],
    ['2025-10-21', 'Diwali Laxmi Pujan'],
    ['2025-10-22', 'Diwali Balipratipada'],
    ['2025-11-05', 'Guru Nanak Jayanti'],
    ['2025-12-25', 'Christmas'],
  ]),
  ...closures('NSE/CMTR/72260', [['2026-01-15', 'Municipal elections in Maharashtra']]),
  // Bakri Id and Muharram follow the moon; a later change to either was looked for and not found.
  ...closures('NSE/CMTR/71775', [
    ['2026-01-26', 'Republic Day'],
    ['2026-03-03', 'Holi'],
    ['2026-03-26', 'Ram Navami'],
    ['2026-03-31', 'Mahavir Jayanti'],
    ['2026-04-03', 'Good Friday'],
    ['2026-04-14', 'Ambedkar Jayanti'],
    ['2026-05-01', 'Maharashtra Day'],
    ['2026-05-28', 'Bakri Id'],
    ['2026-06-26', 'Muharram'],
    ['2026-09-14', 'Ganesh Chaturthi'],
    ['2026-10-02', 'Mahatma Gandhi Jayanti'],
    ['2026-10-20', 'Dussehra'],
    ['2026-11-10', 'Diwali Balipratipada'],
    ['2026-11-24', 'Guru Nanak Jayanti'],
    ['2026-12-25', 'Christmas'],
  ]),
];

export const specialSessions: readonly SpecialSession[] = [
  {
    date: '2025-02-01',
    name: 'Union Budget',
    hours: { openTime: '09:15', closeTime: '15:30' },
    source: 'NSE/CMTR/65729',
  },
  {
    date: '2025-10-21',
    name: 'Diwali Muhurat trading',
    hours: { openTime: '13:45', closeTime: '14:45' },
    source: 'NSE/CMTR/70319',
  },
  {
    date: '2026-02-01',
    name: 'Union Budget',
    hours: { openTime: '09:15', closeTime: '15:30' },
    source: 'NSE/CMTR/72349',
  },
  // The list of 2026 leaves the hours to a later circular; we hold no verified one.
  { date: '2026-11-08', name: 'Diwali Muhurat trading', hours: null, source: 'NSE/CMTR/71775' },
];
