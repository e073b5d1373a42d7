// The screen of npm run why.

import { INR } from '../../domain/currency.ts';
import { istDate, istTime } from '../../domain/market/india-time.ts';
import { orderReasonSentence, reasonSentence } from '../../domain/messages/texts/reasons-en.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { Why } from '../../ports/store/reports.ts';
import { signalPriceText } from '../format.ts';

type Row = Why['decisions'][number];

/** The answer to «why did this user (not) get this symbol»: one block per run, newest first. */
export function whyText(why: Why, query: { user: string; symbol: string; date: string | null }): string {
  const when = query.date === null ? '' : ` on ${query.date}`;
  if (why.decisions.length === 0)
    return `Nothing was ever decided about ${query.symbol} for ${query.user}${when}: no run had it as a signal.`;
  return why.decisions.map((row) => blockOf(row, why.users)).join('\n\n');
}

function blockOf(row: Row, users: Why['users']): string {
  const name = users.find(({ id }) => id === row.userId)?.name ?? row.userId;
  const lines = [
    `${row.tradeDate}  ${row.side} ${row.symbol}  ${name} (${row.userId})`,
    `  run       ${row.runId}`,
    `  decision  ${decisionOf(row)}`,
  ];
  const price = row.priceMinor === null ? 'none' : formatMoney(row.priceMinor, INR);
  const own = row.pricesFrom === 'signal' ? ` (${signalPriceText})` : '';
  lines.push(`  price     ${price}${own}, reference ${formatMoney(row.referencePriceMinor, INR)} (${row.strategy})`);
  const exits = exitText(row);
  if (exits !== '') lines.push(`  exits     ${exits} (shown, not placed)`);
  return [...lines, ...orderLines(row.order)].join('\n');
}

function exitText({ stopLossMinor, targetMinor }: Row): string {
  const stop = stopLossMinor === null ? [] : [`stop ${formatMoney(stopLossMinor, INR)}`];
  const target = targetMinor === null ? [] : [`target ${formatMoney(targetMinor, INR)}`];
  return [...stop, ...target].join(', ');
}

function decisionOf({ outcome, reason, limit, actual, quantity, holdMinor, strategy }: Row): string {
  if (reason === null) return `${outcome}: ${quantity} shares, ${formatMoney(holdMinor, INR)} set aside`;
  const figures = [limit === null ? [] : [`limit ${limit}`], actual === null ? [] : [`actual ${actual}`]].flat();
  // Of the orders somebody asks for only one with a limit has a band.
  const of = strategy.startsWith('api:') ? 'limit order' : 'signal';
  return `${outcome}: ${reason} (${reasonSentence(reason, limit, actual, of)})${figures.length > 0 ? `; ${figures.join(', ')}` : ''}`;
}

function orderLines(order: Row['order']): string[] {
  if (!order) return [];
  const why = order.reason === null ? '' : `: ${orderReasonSentence(order.reason)}`;
  const venueMessage = order.message === null ? '' : ` («${order.message}»)`;
  const venue = order.venueOrderId === null ? order.venue : `${order.venue} order ${order.venueOrderId}`;
  return [
    `  order     ${order.clientOrderId}, ${order.status}${why}${venueMessage}`,
    `  venue     ${venue}, limit ${formatMoney(order.limitPriceMinor, INR)}`,
    ...fillLine(order),
    ...order.events.map(({ atMs, from, to }) => `  ${istDate(atMs)} ${istTime(atMs)}  ${from ?? 'accepted'} → ${to}`),
    ...order.ledger.map(({ kind, cashDeltaMinor, heldDeltaMinor }) => {
      return `  ledger    ${kind}: cash ${formatMoney(cashDeltaMinor, INR)}, held ${formatMoney(heldDeltaMinor, INR)}`;
    }),
  ];
}

function fillLine({ filledQuantity, filledValueMinor, chargesMinor, lateFill }: NonNullable<Row['order']>): string[] {
  if (filledQuantity === 0) return [];
  const late = lateFill ? ' (some of it after the order had ended)' : '';
  return [
    `  filled    ${filledQuantity} for ${formatMoney(filledValueMinor, INR)}, charges ${formatMoney(chargesMinor, INR)}${late}`,
  ];
}
