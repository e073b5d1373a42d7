// The trading calendar of the New York Stock Exchange (and of Nasdaq, which keeps the same days), with its sources.
/**
 * When US shares trade, as data. NYSE Group announces three years at once, each December or November, and repeats the
 * two before; a day of mourning comes by press release days ahead (9 January 2025). The core session is 09:30 to 16:00
 * New York time; eligible options trade 15 minutes longer and are not ours. Times are New York's, `HH:MM`.
 */
import { type Calendar, type Closure, closures, type OrdinaryHours, type SpecialSession } from './calendar.ts';

/** Press releases of NYSE Group, https://ir.theice.com/press: by their date. */
const sources = {
  'NYSE/2024-11-08': {
    issued: '2024-11-08',
    about: 'NYSE Group announces 2025, 2026 and 2027 holidays, early closings',
  },
  'NYSE/2024-12-30': { issued: '2024-12-30', about: 'Closed on 9 January 2025, national day of mourning (Carter)' },
  'NYSE/2025-12-23': {
    issued: '2025-12-23',
    about: 'NYSE Group announces 2026, 2027 and 2028 holidays, early closings',
  },
} as const;

type NyseRelease = keyof typeof sources;

/** Core session of NYSE Rule 7.34; the releases give its early ends. */
const ordinaryHours: readonly [OrdinaryHours<NyseRelease>] = [
  { from: '2025-01-01', openTime: '09:30', closeTime: '16:00', fnoCloseTime: '16:00', source: 'NYSE/2024-11-08' },
];

/** New Year's Day 2028 is a Saturday: no holiday is observed for it. */
const holidays: readonly Closure<NyseRelease>[] = [
  ...closures('NYSE/2024-11-08', [['2025-01-01', 'New Year’s Day']]),
  ...closures('NYSE/2024-12-30', [['2025-01-09', 'National day of mourning for Jimmy Carter']]),
  ...closures('NYSE/2024-11-08', [
    ['2025-01-20', 'Martin Luther King, Jr. Day'],
    ['2025-02-17', 'Washington’s Birthday'],
    ['2025-04-18', 'Good Friday'],
    ['2025-05-26', 'Memorial Day'],
    ['2025-06-19', 'Juneteenth'],
    ['2025-07-04', 'Independence Day'],
    ['2025-09-01', 'Labor Day'],
    ['2025-11-27', 'Thanksgiving Day'],
    ['2025-12-25', 'Christmas Day'],
  ]),
  ...closures('NYSE/2025-12-23', [
    ['2026-01-01', 'New Year’s Day'],
    ['2026-01-19', 'Martin Luther King, Jr. Day'],
    ['2026-02-16', 'Washington’s Birthday'],
    ['2026-04-03', 'Good Friday'],
    ['2026-05-25', 'Memorial Day'],
    ['2026-06-19', 'Juneteenth'],
    ['2026-07-03', 'Independence Day, observed'],
    ['2026-09-07', 'Labor Day'],
    ['2026-11-26', 'Thanksgiving Day'],
    ['2026-12-25', 'Christmas Day'],
    ['2027-01-01', 'New Year’s Day'],
    ['2027-01-18', 'Martin Luther King, Jr. Day'],
    ['2027-02-15', 'Washington’s Birthday'],
    ['2027-03-26', 'Good Friday'],
    ['2027-05-31', 'Memorial Day'],
    ['2027-06-18', 'Juneteenth, observed'],
    ['2027-07-05', 'Independence Day, observed'],
    ['2027-09-06', 'Labor Day'],
    ['2027-11-25', 'Thanksgiving Day'],
    ['2027-12-24', 'Christmas Day, observed'],
    ['2028-01-17', 'Martin Luther King, Jr. Day'],
    ['2028-02-21', 'Washington’s Birthday'],
    ['2028-04-14', 'Good Friday'],
    ['2028-05-29', 'Memorial Day'],
    ['2028-06-19', 'Juneteenth'],
    ['2028-07-04', 'Independence Day'],
    ['2028-09-04', 'Labor Day'],
    ['2028-11-23', 'Thanksgiving Day'],
    ['2028-12-25', 'Christmas Day'],
  ]),
];

function earlyClosings(
  source: NyseRelease,
  rows: readonly (readonly [date: string, name: string])[],
): SpecialSession<NyseRelease>[] {
  const hours = { openTime: '09:30', closeTime: '13:00' };
  return rows.map(([date, name]) => ({ date, name, hours, source }));
}

const specialSessions: readonly SpecialSession<NyseRelease>[] = [
  ...earlyClosings('NYSE/2024-11-08', [
    ['2025-07-03', 'Day before Independence Day'],
    ['2025-11-28', 'Day after Thanksgiving'],
    ['2025-12-24', 'Christmas Eve'],
  ]),
  ...earlyClosings('NYSE/2025-12-23', [
    ['2026-11-27', 'Day after Thanksgiving'],
    ['2026-12-24', 'Christmas Eve'],
    ['2027-11-26', 'Day after Thanksgiving'],
    ['2028-07-03', 'Day before Independence Day'],
    ['2028-11-24', 'Day after Thanksgiving'],
  ]),
];

export const nyseCalendar: Calendar<NyseRelease> = {
  name: 'NYSE',
  sources,
  coverage: { from: '2025-01-01', to: '2028-12-31' },
  weekend: ['Saturday', 'Sunday'],
  ordinaryHours,
  holidays,
  specialSessions,
  minHolidays: 8,
};
