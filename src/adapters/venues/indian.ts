// How Indian brokers write times and amounts.
import { istMs } from '../../domain/market/india-time.ts';

/** `2026-11-20 15:10:01` is Indian time, whatever the zone of the machine. null for anything else. */
export function stampMs(text: string | null | undefined): number | null {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/.exec(text ?? '');
  if (!match) return null;
  try {
    return istMs(match[1] ?? '', match[2] ?? '');
  } catch {
    return null; // written right, but no such day or hour
  }
}

/** Rupees in paise. The noise of the binary fraction goes first: it must not decide which way an amount is rounded. */
export function paise(amount: number, rounded: 'down' | 'up' | 'nearest'): number {
  const hundredthsOfPaise = Number(amount.toFixed(4).replace('.', ''));
  const round = { down: Math.floor, up: Math.ceil, nearest: Math.round }[rounded];
  return round(hundredthsOfPaise / 100);
}
