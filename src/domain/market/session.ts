// The sessions of an exchange: when one is due, until when it is accepted, and which comes next.
import type { Mode } from '../types.ts';
import {
  coverage,
  type DayOverride,
  holidays,
  isCovered,
  type OrdinaryHours,
  ordinaryHours,
  specialSessions,
} from './calendar.ts';
import { addDays, istDate, istMs, parseTime, weekdayOf } from './india-time.ts';

export type Slot = 'open';
export type Mic = 'XNSE';

/** What the contract says of slot `open`: due 09:20 IST, accepted from 09:15:00 to before the cut-off. */
const slotTimes = { open: { acceptFrom: '09:15', due: '09:20' } } as const;

/** How long after the cut-off an order that was decided in time may still be sent (design, section 2). */
const sendGraceMs = 2 * 60_000;

/** One slot of one exchange's trading day. Instants in milliseconds since the epoch. */
export interface Session {
  /** `XNSE:2025-08-28:open` */
  id: string;
  mic: Mic;
  date: string;
  slot: Slot;
  dueMs: number;
  acceptFromMs: number;
  /** New decisions are refused from here on. */
  cutOffMs: number;
  continuousEndMs: number;
  /** The same for cash securities that have derivatives. */
  continuousEndFnoMs: number;
}

export interface OpenDay {
  kind: 'open';
  date: string;
  /** Why an unusual day trades; null on an ordinary one. */
  name: string | null;
  openMs: number;
  closeMs: number;
  fnoCloseMs: number;
}

export interface ClosedDay {
  kind: 'closed';
  date: string;
  /** `other_hours`: the exchange trades that day, but not while the slot is due (Muhurat trading). */
  why: 'weekend' | 'holiday' | 'other_hours' | 'hours_not_announced' | 'operator';
  name: string;
}

/** The calendar does not know the date. Nothing may be traded on it. */
export interface BeyondCoverage {
  kind: 'beyond_coverage';
  date: string;
  from: string;
  to: string;
}

export interface UnknownExchange {
  kind: 'unknown_exchange';
  exchange: string;
  message: string;
}

export interface SessionQuery {
  /** `NSE` or its MIC `XNSE` */
  exchange: string;
  slot: Slot;
  /** `HH:MM` or `HH:MM:SS` IST, see `parseCutOff`. */
  cutOffTime: string;
  overrides?: readonly DayOverride[];
}

export interface SessionSkipped {
  kind: 'skipped';
  reason: 'market_closed' | 'outside_window' | 'too_late';
  /** Id of that date's slot. */
  session: string;
  /** Id of the next session the calendar knows, or null. */
  nextSession: string | null;
}

/** The MIC of an exchange (ISO 10383), given by its name or its MIC, or a value that says it is unknown. */
export function micOf(exchange: string): { kind: 'mic'; mic: Mic } | UnknownExchange {
  if (exchange === 'NSE' || exchange === 'XNSE') return { kind: 'mic', mic: 'XNSE' };
  const message = `no trading calendar for exchange "${exchange}": use NSE (or its MIC XNSE)`;
  return { kind: 'unknown_exchange', exchange, message };
}

/** `XNSE:2025-08-28:open`; orders from the HTTP service are booked under `api`. */
export function sessionIdOf(mic: Mic, date: string, slot: Slot | 'api'): string {
  return `${mic}:${date}:${slot}`;
}

/** `XNSE:2025-08-28:open:paper` */
export function runIdOf(sessionId: string, mode: Mode): string {
  return `${sessionId}:${mode}`;
}

/** When slot `open` of a date is due, whether the exchange trades then or not. */
export function dueMsOf(date: string): number {
  return istMs(date, slotTimes.open.due);
}

/** A cut-off as `HH:MM:SS`; null if it is no time, or not after the slot is due, or after trading has ended. */
export function parseCutOff(text: string): string | null {
  const time = parseTime(text);
  return time !== null && time > `${slotTimes.open.due}:00` && time <= '15:30:00' ? time : null;
}

/**
 * Whether the exchange trades on a date (`YYYY-MM-DD`) while slot `open` is due, and until when.
 * An operator's day stands above the calendar, also outside its coverage; of two for one date the later wins.
 * Throws a RangeError for a date that does not exist.
 */
export function tradingDay(date: string, overrides: readonly DayOverride[] = []): OpenDay | ClosedDay | BeyondCoverage {
  const override = overrides.findLast((day) => day.date === date);
  if (override?.kind === 'closed') return { kind: 'closed', date, why: 'operator', name: override.name };
  const special = specialSessions.find((day) => day.date === date);
  if (override) return specialDay(date, override.name, operatorHours(override, special?.hours));
  if (!isCovered(date, overrides)) return { kind: 'beyond_coverage', date, ...coverage };
  if (special) return specialDay(date, special.name, special.hours);
  const holiday = holidays.find((day) => day.date === date);
  if (holiday) return { kind: 'closed', date, why: 'holiday', name: holiday.name };
  const weekday = weekdayOf(date);
  if (weekday === 'Saturday' || weekday === 'Sunday') return { kind: 'closed', date, why: 'weekend', name: weekday };
  return openDay(date, null, hoursOn(date));
}

/**
 * The session of a date: its slot if the exchange trades then, else the day's reason or the exchange's. On a short
 * day the cut-off comes no later than the close. Throws a RangeError for a cut-off `parseCutOff` refuses.
 */
export function sessionOf(
  query: SessionQuery & { date: string },
): { kind: 'session'; session: Session } | ClosedDay | BeyondCoverage | UnknownExchange {
  const { date, slot } = query;
  const exchange = micOf(query.exchange);
  if (exchange.kind === 'unknown_exchange') return exchange;
  const cutOffTime = parseCutOff(query.cutOffTime);
  if (!cutOffTime) throw new RangeError(`cut-off "${query.cutOffTime}" is no HH:MM after 09:20 and until 15:30`);
  const day = tradingDay(date, query.overrides);
  if (day.kind !== 'open') return day;
  const session: Session = {
    id: sessionIdOf(exchange.mic, date, slot),
    mic: exchange.mic,
    date,
    slot,
    dueMs: dueMsOf(date),
    acceptFromMs: Math.max(istMs(date, slotTimes[slot].acceptFrom), day.openMs),
    cutOffMs: Math.min(istMs(date, cutOffTime), day.closeMs),
    continuousEndMs: day.closeMs,
    continuousEndFnoMs: day.fnoCloseMs,
  };
  return { kind: 'session', session };
}

/**
 * What a scan started at an instant is to do: run the session of that Indian date, or say why not and when next.
 * The window is closed at its start and open at its end: due from acceptFromMs to the millisecond before cutOffMs.
 */
export function sessionAt(
  nowMs: number,
  query: SessionQuery,
): { kind: 'due'; session: Session } | SessionSkipped | BeyondCoverage | UnknownExchange {
  const exchange = micOf(query.exchange);
  if (exchange.kind === 'unknown_exchange') return exchange;
  const date = istDate(nowMs);
  const day = sessionOf({ ...query, date });
  if (day.kind === 'beyond_coverage' || day.kind === 'unknown_exchange') return day;
  const skip = (reason: SessionSkipped['reason'], nextSession: string | null): SessionSkipped => {
    return { kind: 'skipped', reason, session: sessionIdOf(exchange.mic, date, query.slot), nextSession };
  };
  if (day.kind === 'closed') return skip('market_closed', nextSession(date, query));
  const { session } = day;
  if (nowMs < session.acceptFromMs) return skip('outside_window', session.id);
  if (nowMs >= session.cutOffMs) return skip('too_late', nextSession(date, query));
  return { kind: 'due', session };
}

/** Id of the first session after a date; null where the calendar ends before one (or the exchange is unknown). */
export function nextSession(date: string, query: Omit<SessionQuery, 'cutOffTime'>): string | null {
  const exchange = micOf(query.exchange);
  if (exchange.kind === 'unknown_exchange') return null;
  const next = tradingDateAfter(date, query.overrides);
  return next && sessionIdOf(exchange.mic, next, query.slot);
}

/**
 * Until when an order may be handed to its venue: the first of the signal's validity (null: none), the cut-off
 * plus two minutes, and the end of the instrument's continuous trading (earlier for one with derivatives).
 */
export function sendBeforeMs(signalValidUntilMs: number | null, session: Session, fno: boolean): number {
  const continuousEndMs = fno ? session.continuousEndFnoMs : session.continuousEndMs;
  return Math.min(signalValidUntilMs ?? continuousEndMs, session.cutOffMs + sendGraceMs, continuousEndMs);
}

type Hours = { openTime: string; closeTime: string };

/** The hours of a day the operator opened, or null where a time is missing or can't be one. */
function operatorHours(override: DayOverride, listed: Hours | null | undefined): Hours | null {
  const usual = listed === undefined ? hoursOn(override.date) : listed;
  const openTime = parseTime(override.openTime ?? usual?.openTime ?? '');
  const closeTime = parseTime(override.closeTime ?? usual?.closeTime ?? '');
  return openTime && closeTime && openTime < closeTime ? { openTime, closeTime } : null;
}

function specialDay(date: string, name: string, hours: Hours | null): OpenDay | ClosedDay {
  if (!hours) return { kind: 'closed', date, why: 'hours_not_announced', name: `${name} (hours not announced)` };
  const { fnoCloseTime } = hoursOn(date);
  const day = openDay(date, name, { ...hours, fnoCloseTime });
  const dueMs = dueMsOf(date);
  if (day.openMs <= dueMs && dueMs < day.closeMs) return day;
  return { kind: 'closed', date, why: 'other_hours', name: `${name} (${hours.openTime} to ${hours.closeTime})` };
}

function openDay(date: string, name: string | null, hours: Hours & { fnoCloseTime: string }): OpenDay {
  const closeMs = istMs(date, hours.closeTime);
  // Nobody has said when the closing auction begins on a shortened day; never later than the day ends.
  const fnoCloseMs = Math.min(closeMs, istMs(date, hours.fnoCloseTime));
  return { kind: 'open', date, name, openMs: istMs(date, hours.openTime), closeMs, fnoCloseMs };
}

function hoursOn(date: string): OrdinaryHours {
  return ordinaryHours.findLast((row) => row.from <= date) ?? ordinaryHours[0];
}

function tradingDateAfter(date: string, overrides: readonly DayOverride[] = []): string | null {
  for (let next = addDays(date, 1); ; next = addDays(next, 1)) {
    const { kind } = tradingDay(next, overrides);
    if (kind === 'open') return next;
    if (kind === 'beyond_coverage') return null;
  }
}
