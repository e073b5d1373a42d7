// The screen of npm run why.

import type { Currency } from '../../domain/currency.ts';
import { istDate, istTime } from '../../domain/market/india-time.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
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
  const currency = currencyOfRun(row.runId);
  const name = users.find(({ id }) => id === row.userId)?.name ?? row.userId;
  const lines = [
    `${row.tradeDate}  ${row.side} ${row.symbol}  ${name} (${row.userId})`,
    `  run       ${row.runId}`,
    `  decision  ${decisionOf(row, currency)}`,
  ];
  const price = row.priceMinor === null ? 'none' : formatMoney(row.priceMinor, currency);
  const own = row.pricesFrom === 'signal' ? ` (${signalPriceText})` : '';
  lines.push(
    `  price     ${price}${own}, reference ${formatMoney(row.referencePriceMinor, currency)} (${row.strategy})`,
  );
  const exits = exitText(row, currency);
  if (exits !== '') lines.push(`  exits     ${exits} (shown, not placed)`);
  return [...lines, ...orderLines(row.order, currency)].join('\n');
}

function exitText({ stopLossMinor, targetMinor }: Row, currency: Currency): string {
  const stop = stopLossMinor === null ? [] : [`stop ${formatMoney(stopLossMinor, currency)}`];
  const target = targetMinor === null ? [] : [`target ${formatMoney(targetMinor, currency)}`];
  return [...stop, ...target].join(', ');
}

function decisionOf(
  { outcome, reason, limit, actual, quantity, holdMinor, strategy }: Row,
  currency: Currency,
): string {
  if (reason === null) return `${outcome}: ${quantity} shares, ${formatMoney(holdMinor, currency)} set aside`;
  const figures = [limit === null ? [] : [`limit ${limit}`], actual === null ? [] : [`actual ${actual}`]].flat();
  // Of the orders somebody asks for only one with a limit has a band.
  const of = strategy.startsWith('api:') ? 'limit order' : 'signal';
  return `${outcome}: ${reason} (${reasonSentence(reason, limit, actual, currency, of)})${figures.length > 0 ? `; ${figures.join(', ')}` : ''}`;
}

function orderLines(order: Row['order'], currency: Currency): string[] {
  if (!order) return [];
  const why = order.reason === null ? '' : `: ${orderReasonSentence(order.reason)}`;
  const venueMessage = order.message === null ? '' : ` («${order.message}»)`;
  const venue = order.venueOrderId === null ? order.venue : `${order.venue} order ${order.venueOrderId}`;
  return [
    `  order     ${order.clientOrderId}, ${order.status}${why}${venueMessage}`,
    `  venue     ${venue}, limit ${formatMoney(order.limitPriceMinor, currency)}`,
    ...fillLine(order, currency),
    ...order.events.map(({ atMs, from, to }) => `  ${istDate(atMs)} ${istTime(atMs)}  ${from ?? 'accepted'} → ${to}`),
    ...order.ledger.map(({ kind, cashDeltaMinor, heldDeltaMinor }) => {
      return `  ledger    ${kind}: cash ${formatMoney(cashDeltaMinor, currency)}, held ${formatMoney(heldDeltaMinor, currency)}`;
    }),
  ];
}

function fillLine(order: NonNullable<Row['order']>, currency: Currency): string[] {
  const { filledQuantity, filledValueMinor, chargesMinor, lateFill } = order;
  if (filledQuantity === 0) return [];
  const late = lateFill ? ' (some of it after the order had ended)' : '';
  return [
    `  filled    ${filledQuantity} for ${formatMoney(filledValueMinor, currency)}, charges ${formatMoney(chargesMinor, currency)}${late}`,
  ];
}
