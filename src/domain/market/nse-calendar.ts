// The trading calendar of the NSE, each row with the circular it comes from; the BSE has the same days.
/**
 * When the National Stock Exchange trades, as data. Each row names the circular it comes from; nothing here is
 * worked out. Every year's list comes out in December of the year before, and single days are added or
 * changed by circular, sometimes three days ahead (15 January 2026): such a day is added by an operator
 * (`DayOverride`) at once and moves into this file later. Times are IST, `HH:MM`.
 */
import { type Calendar, type Closure, closures, type OrdinaryHours, type SpecialSession } from './calendar.ts';

/** The papers the rows come from: https://nsearchives.nseindia.com/content/circulars/CMTR<number>.pdf */
const sources = {
  'NSE/CMTR/65587': { issued: '2024-12-13', about: 'Trading holidays for the calendar year 2025' },
  'NSE/CMTR/65729': { issued: '2024-12-23', about: 'Live trading on Saturday 1 February 2025, Union Budget' },
  'NSE/CMTR/70319': { issued: '2025-09-22', about: 'Muhurat trading on 21 October 2025, 13:45 to 14:45' },
  'NSE/CMTR/71775': { issued: '2025-12-12', about: 'Trading holidays for the calendar year 2026' },
  'NSE/CMTR/72260': { issued: '2026-01-12', about: 'Trading holiday on 15 January 2026, municipal elections' },
  'NSE/CMTR/72349': { issued: '2026-01-16', about: 'Live trading on Sunday 1 February 2026, Union Budget' },
  /** Under SEBI circular HO/47/11/11(3)2025-MRD-POD2/I/2765/2026 of 2026-01-16. */
  'NSE/CMTR/75479': { issued: '2026-07-30', about: 'Closing auction session live from 3 August 2026' },
} as const;

type NseCircular = keyof typeof sources;

/** The first and last date this file answers for. Beyond it the answer is "don't know", never "open". */
const coverage = { from: '2025-01-01', to: '2026-12-31' } as const;

/** The circular of 2026-01-16 spells out the standard market timings that have held all the time before it. */
const ordinaryHours: readonly [OrdinaryHours<NseCircular>, ...OrdinaryHours<NseCircular>[]] = [
  { from: '2025-01-01', openTime: '09:15', closeTime: '15:30', fnoCloseTime: '15:30', source: 'NSE/CMTR/72349' },
  { from: '2026-08-03', openTime: '09:15', closeTime: '15:30', fnoCloseTime: '15:15', source: 'NSE/CMTR/75479' },
];

const holidays: readonly Closure<NseCircular>[] = [
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

const specialSessions: readonly SpecialSession<NseCircular>[] = [
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

export const nseCalendar: Calendar<NseCircular> = {
  name: 'NSE',
  sources,
  coverage,
  weekend: ['Saturday', 'Sunday'],
  ordinaryHours,
  holidays,
  specialSessions,
  minHolidays: 8,
};
