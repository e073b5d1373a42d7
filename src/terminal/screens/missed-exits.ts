// Positions a run refused to sell although they are held.
import { shortReason } from '../../domain/messages/texts/reasons-en.ts';
import type { MissedExits } from '../../ports/store/reports.ts';
import { grouped, plural } from '../format.ts';
import { fitted } from '../width.ts';

/** Positions whose sale the run refused although they are held; empty where there are none. */
export function missedText({ count, first }: MissedExits): string {
  if (count === 0) return '';
  const lines = first.map(({ userId, userName, quantity, symbol, reason }) => {
    return `  ${fitted(userName, 30)}: ${grouped(quantity)} ${symbol} (${shortReason(reason)})  npm run why -- --user ${userId} --symbol ${symbol}`;
  });
  const left = count - first.length;
  const head = `${plural(count, 'position')} missed the exit: the sale was refused, and the shares are still held.`;
  return [head, ...lines, ...(left > 0 ? [`  … and ${grouped(left)} more`] : [])].join('\n');
}
