import { addDays, istMs, parseInstant, parseTradeDate } from '../domain/ist.ts';

const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;
const DURATION = /^([1-9]\d{0,4})([hdw])$/;

/**
 * When something ends that is given as `90d`, `12h`, `4w`, as a date (`2026-12-31`: to the end of that day in India) or
 * as an instant with its offset. Milliseconds; null where it is none of these.
 */
export function parseExpiry(text: string, nowMs: number): number | null {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (count !== undefined && (unit === 'h' || unit === 'd' || unit === 'w')) return nowMs + Number(count) * UNITS[unit];
  const date = parseTradeDate(text);
  if (date !== null) return istMs(addDays(date, 1), '00:00');
  return parseInstant(text);
}
