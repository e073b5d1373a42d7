// The sessions of a market: when one is due, until when it is accepted, and which comes next.
import { type Currency, type CurrencyCode, currencies } from '../currency.ts';
import type { Mode } from '../types.ts';
import { type Calendar, type DayOverride, isCovered, type OrdinaryHours } from './calendar.ts';
import { addDays, parseTime, weekdayOf } from './india-time.ts';
import { type Market, type Mic, marketOf, markets, type Slot, xnse } from './market.ts';
import { zonedDate, zonedMs } from './zone.ts';

/** How long after the cut-off an order that was decided in time may still be sent (design, section 2). */
const sendGraceMs = 2 * 60_000;

/** One slot of one market's trading day. Instants in milliseconds since the epoch. */
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
  /** `other_hours`: the market trades that day, but not while the slot is due (Muhurat trading). */
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

export interface SessionQuery {
  market: Market;
  slot: Slot;
  /** `HH:MM` or `HH:MM:SS` in the market's zone, see `parseCutOff`. */
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

/** `XNSE:2025-08-28:open`; orders from the HTTP service are booked under `api`. */
export function sessionIdOf(mic: Mic, date: string, slot: Slot | 'api'): string {
  return `${mic}:${date}:${slot}`;
}

/**
 * The market of a session or run, by its id.
 * @throws Error for an id that begins with no market's code: it is none of ours
 */
export function marketOfId(id: string): Market {
  const found = marketOf(id.split(':')[0] ?? '');
  if (found.kind === 'unknown_market') throw new Error(`"${id}" is of no market: ${found.message}`);
  return found.market;
}

/** `XNSE:2025-08-28:open:paper` */
export function runIdOf(sessionId: string, mode: Mode): string {
  return `${sessionId}:${mode}`;
}

/** What every amount of a run is in: its market's currency. Throws as `marketOfId` does. */
export function currencyOfRun(runId: string): Currency {
  return currencies[marketOfId(runId).currency];
}

/** The date of a market at an instant: its trade date. */
export function dateIn({ zone }: Pick<Market, 'zone'>, ms: number): string {
  return zonedDate(zone, ms);
}

/** The market an exchange's instruments trade in; one nobody knows goes by the NSE's clock. */
export function marketOfExchange(exchange: string): Market {
  const found = marketOf(exchange);
  return found.kind === 'market' ? found.market : xnse;
}

/** What an instrument of an exchange is priced and paid in; of one nobody knows as of the NSE's. */
export function currencyOfExchange(exchange: string): Currency {
  return currencies[marketOfExchange(exchange).currency];
}

/** The market by whose clock the days of a currency's accounts go: the first that trades in it. */
export function marketOfCurrency(code: CurrencyCode): Market {
  // SOL is no market's own: what is paid in it trades where USDC does.
  const meant = code === 'SOL' ? 'USDC' : code;
  return markets.find(({ currency }) => currency === meant) ?? xnse;
}

/** The instant of a time of day of a market's date, `HH:MM`. */
export function msIn({ zone }: Pick<Market, 'zone'>, date: string, time: string): number {
  return zonedMs(zone, date, time);
}

/** When slot `open` of a date is due, whether the market trades then or not. */
export function dueMsOf(market: Market, date: string): number {
  return msIn(market, date, market.slots.open.due);
}

/** A cut-off as `HH:MM:SS`; null if it is no time, or not after the slot is due, or after an ordinary day's trading. */
export function parseCutOff({ slots, calendar }: Market, text: string): string | null {
  const time = parseTime(text);
  const { closeTime } = calendar.ordinaryHours[0];
  return time !== null && time > `${slots.open.due}:00` && time <= `${closeTime}:00` ? time : null;
}

/**
 * Whether a market trades on a date (`YYYY-MM-DD`) while slot `open` is due, and until when.
 * An operator's day stands above the calendar, also outside its coverage; of two for one date the later wins.
 * Throws a RangeError for a date that does not exist.
 */
export function tradingDay(
  market: Market,
  date: string,
  overrides: readonly DayOverride[] = [],
): OpenDay | ClosedDay | BeyondCoverage {
  const { calendar } = market;
  const { coverage } = calendar;
  const override = overrides.findLast((day) => day.date === date);
  if (override?.kind === 'closed') return { kind: 'closed', date, why: 'operator', name: override.name };
  const special = calendar.specialSessions.find((day) => day.date === date);
  if (override) {
    return specialDay(market, { date, name: override.name, hours: operatorHours(calendar, override, special?.hours) });
  }
  if (coverage !== null && !isCovered(calendar, date, overrides)) {
    return { kind: 'beyond_coverage', date, ...coverage };
  }
  if (special) return specialDay(market, special);
  const holiday = calendar.holidays.find((day) => day.date === date);
  if (holiday) return { kind: 'closed', date, why: 'holiday', name: holiday.name };
  const weekday = weekdayOf(date);
  if (calendar.weekend.includes(weekday)) return { kind: 'closed', date, why: 'weekend', name: weekday };
  return openDay(market, { date, name: null, hours: hoursOn(calendar, date) });
}

/**
 * The session of a date: its slot if the market trades then, else the day's reason. On a short
 * day the cut-off comes no later than the close. Throws a RangeError for a cut-off `parseCutOff` refuses.
 */
export function sessionOf(
  query: SessionQuery & { date: string },
): { kind: 'session'; session: Session } | ClosedDay | BeyondCoverage {
  const { market, date, slot } = query;
  const cutOffTime = parseCutOff(market, query.cutOffTime);
  if (!cutOffTime) throw new RangeError(`cut-off "${query.cutOffTime}" is not ${cutOffRule(market)}`);
  const day = tradingDay(market, date, query.overrides);
  if (day.kind !== 'open') return day;
  const session: Session = {
    id: sessionIdOf(market.mic, date, slot),
    mic: market.mic,
    date,
    slot,
    dueMs: dueMsOf(market, date),
    acceptFromMs: Math.max(msIn(market, date, market.slots[slot].acceptFrom), day.openMs),
    cutOffMs: Math.min(msIn(market, date, cutOffTime), day.closeMs),
    continuousEndMs: day.closeMs,
    continuousEndFnoMs: day.fnoCloseMs,
  };
  return { kind: 'session', session };
}

/**
 * What a scan started at an instant is to do: run the session of that date in the market's zone, or say why not and when next.
 * The window is closed at its start and open at its end: due from acceptFromMs to the millisecond before cutOffMs.
 */
export function sessionAt(
  nowMs: number,
  query: SessionQuery,
): { kind: 'due'; session: Session } | SessionSkipped | BeyondCoverage {
  const { market } = query;
  const date = dateIn(market, nowMs);
  const day = sessionOf({ ...query, date });
  if (day.kind === 'beyond_coverage') return day;
  const skip = (reason: SessionSkipped['reason'], nextSession: string | null): SessionSkipped => {
    return { kind: 'skipped', reason, session: sessionIdOf(market.mic, date, query.slot), nextSession };
  };
  if (day.kind === 'closed') return skip('market_closed', nextSession(date, query));
  const { session } = day;
  if (nowMs < session.acceptFromMs) return skip('outside_window', session.id);
  if (nowMs >= session.cutOffMs) return skip('too_late', nextSession(date, query));
  return { kind: 'due', session };
}

/** Id of the first session after a date; null where the calendar ends before one. */
export function nextSession(date: string, query: Omit<SessionQuery, 'cutOffTime'>): string | null {
  const { market, overrides, slot } = query;
  const next = tradingDateAfter(market, date, overrides);
  return next && sessionIdOf(market.mic, next, slot);
}

/**
 * Until when an order may be handed to its venue: the first of the signal's validity (null: none), the cut-off
 * plus two minutes, and the end of the instrument's continuous trading (earlier for one with derivatives).
 */
export function sendBeforeMs(signalValidUntilMs: number | null, session: Session, fno: boolean): number {
  const continuousEndMs = fno ? session.continuousEndFnoMs : session.continuousEndMs;
  return Math.min(signalValidUntilMs ?? continuousEndMs, session.cutOffMs + sendGraceMs, continuousEndMs);
}

/** What a cut-off has to be, for people. */
export function cutOffRule({ slots, calendar, zoneName }: Market): string {
  const { closeTime } = calendar.ordinaryHours[0];
  // 24:00 ends a day, and is no time of it.
  const until = closeTime === '24:00' ? 'before' : 'up to';
  return `a time after ${slots.open.due} and ${until} ${closeTime} ${zoneName}`;
}

type Hours = { openTime: string; closeTime: string };

/** The hours of a day the operator opened, or null where a time is missing or can't be one. */
function operatorHours(calendar: Calendar, override: DayOverride, listed: Hours | null | undefined): Hours | null {
  const usual = listed === undefined ? hoursOn(calendar, override.date) : listed;
  const openTime = timeOrEnd(override.openTime ?? usual?.openTime ?? '');
  const closeTime = timeOrEnd(override.closeTime ?? usual?.closeTime ?? '');
  return openTime && closeTime && openTime < closeTime ? { openTime, closeTime } : null;
}

function timeOrEnd(text: string): string | null {
  return text === '24:00' ? text : parseTime(text);
}

type Day<H> = { date: string; name: string; hours: H };

function specialDay(market: Market, { date, name, hours }: Day<Hours | null>): OpenDay | ClosedDay {
  if (!hours) return { kind: 'closed', date, why: 'hours_not_announced', name: `${name} (hours not announced)` };
  const { fnoCloseTime } = hoursOn(market.calendar, date);
  const day = openDay(market, { date, name, hours: { ...hours, fnoCloseTime } });
  const dueMs = dueMsOf(market, date);
  if (day.openMs <= dueMs && dueMs < day.closeMs) return day;
  return { kind: 'closed', date, why: 'other_hours', name: `${name} (${hours.openTime} to ${hours.closeTime})` };
}

function openDay(
  market: Market,
  { date, name, hours }: Omit<Day<Hours & { fnoCloseTime: string }>, 'name'> & { name: string | null },
): OpenDay {
  const closeMs = msIn(market, date, hours.closeTime);
  // Nobody has said when the closing auction begins on a shortened day; never later than the day ends.
  const fnoCloseMs = Math.min(closeMs, msIn(market, date, hours.fnoCloseTime));
  return { kind: 'open', date, name, openMs: msIn(market, date, hours.openTime), closeMs, fnoCloseMs };
}

function hoursOn({ ordinaryHours }: Calendar, date: string): OrdinaryHours {
  return ordinaryHours.findLast((row) => row.from <= date) ?? ordinaryHours[0];
}

function tradingDateAfter(market: Market, date: string, overrides: readonly DayOverride[] = []): string | null {
  for (let next = addDays(date, 1); ; next = addDays(next, 1)) {
    const { kind } = tradingDay(market, next, overrides);
    if (kind === 'open') return next;
    if (kind === 'beyond_coverage') return null;
  }
}
