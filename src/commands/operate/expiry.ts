// Reads when an API key is to end: a duration, a date or an instant.
import { addDays, istIso, istMs, parseInstant, parseTradeDate } from '../../domain/market/india-time.ts';
import { type Refusal, refusal } from '../refusal.ts';

const MAX_LABEL_LENGTH = 100;

const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;
const DURATION = /^([1-9]\d{0,4})([hdw])$/;

/**
 * When something ends that is given as `90d`, `12h`, `4w`, as a date (`2026-12-31`: to the end of that day in India) or
 * as an instant with its offset. Milliseconds; null where it is none of these.
 */
function parseExpiry(text: string, nowMs: number): number | null {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (count !== undefined && (unit === 'h' || unit === 'd' || unit === 'w')) return nowMs + Number(count) * UNITS[unit];
  const date = parseTradeDate(text);
  if (date !== null) return istMs(addDays(date, 1), '00:00');
  return parseInstant(text);
}

/** When the key ends, or what is wrong with that or its label. */
export function endOf(
  { label, expires }: { label: string; expires: string | undefined },
  nowMs: number,
): { expiresMs: number | null } | Refusal {
  if (label.length > MAX_LABEL_LENGTH)
    return refusal('bad_flag', `--label is longer than ${MAX_LABEL_LENGTH} characters.`);
  const expiresMs = expires === undefined ? null : parseExpiry(expires, nowMs);
  if (expires !== undefined && (expiresMs === null || expiresMs <= nowMs)) return badExpiry(expires);
  return { expiresMs };
}

function badExpiry(text: string): Refusal {
  const ways = 'a time from now such as 90d, 12h or 4w, or a date or instant to come such as 2027-03-31';
  return refusal('bad_flag', `--expires "${text}" is no end a key can have: give ${ways}.`);
}

/** Until when, as text. */
export function until(expiresMs: number | null): string {
  return expiresMs === null ? 'until it is revoked (--expires sets an end)' : `until ${istIso(expiresMs)}`;
}
