// Turns a message's rows into what the summary is written from.
import type { OrderItems, SingleOrdersInput } from '../../domain/messages/single-orders.ts';
import type { SummaryInput } from '../../domain/messages/summary-input.ts';
import type { DueMessage } from '../../ports/store/messages.ts';

type Line = DueMessage['lines'][number];

/** A user's rows as the message says them. Only rows: the same text comes out whoever makes it, whenever. */
export function summaryInputOf(message: DueMessage): SummaryInput {
  const { lines } = message;
  return {
    userName: message.userName,
    language: message.language,
    isCorrection: message.kind.startsWith('correction'),
    date: message.tradeDate,
    mode: message.mode,
    pricesFrom: message.pricesFrom,
    ...itemsOf(lines),
    totals: {
      signals: lines.length,
      chargesMinor: lines.reduce(
        (sum, line) => sum + ((line.filledQuantity ?? 0) > 0 ? (line.chargesMinor ?? 0) : 0),
        0,
      ),
      availableMinor: message.availableMinor,
    },
  };
}

/** The orders a message of single orders tells of, and by whom each was placed. */
export function singleOrdersInputOf(message: DueMessage): SingleOrdersInput {
  const { userName, language, tradeDate, mode, pricesFrom, lines } = message;
  const orders = lines.map((line) => {
    const { placedBy = { own: false, key: null }, quantity } = line;
    return { placedBy, quantity: quantity ?? 0, items: itemsOf([line]) };
  });
  return { userName, language, date: tradeDate, mode, pricesFrom, orders };
}

function itemsOf(lines: readonly Line[]): OrderItems {
  return {
    bought: lines.flatMap(boughtOf),
    pending: lines.flatMap(pendingOf),
    unknown: lines.flatMap((line) => {
      return line.status === 'unknown' ? [{ symbol: line.symbol, side: line.side, quantity: line.quantity ?? 0 }] : [];
    }),
    notDone: lines.flatMap(notDoneOf),
  };
}

function boughtOf(line: Line): SummaryInput['bought'] {
  const quantity = line.filledQuantity ?? 0;
  if (quantity === 0) return [];
  const amountMinor = line.filledValueMinor ?? 0;
  const { symbol, side } = line;
  const ordered = line.quantity ?? quantity;
  const partial = quantity < ordered ? { ordered } : undefined;
  const averagePriceMinor = Math.round(amountMinor / quantity);
  const marginMinor = line.marginMinor ?? 0;
  const profitMinor = side === 'SELL' ? line.realisedMinor : null;
  const isBuy = side === 'BUY';
  const exits = { stopMinor: isBuy ? line.stopLossMinor : null, targetMinor: isBuy ? line.targetMinor : null };
  return [{ symbol, side, quantity, averagePriceMinor, amountMinor, marginMinor, profitMinor, partial, ...exits }];
}

function pendingOf(line: Line): SummaryInput['pending'] {
  const { symbol, side, limitPriceMinor, status } = line;
  const quantity = (line.quantity ?? 0) - (line.filledQuantity ?? 0);
  if (status === 'queued' || status === 'submitting')
    return [{ symbol, side, quantity, limitPriceMinor, status: 'queued' }];
  if (status === 'working' || status === 'partially_filled') {
    return [{ symbol, side, quantity, limitPriceMinor, status: 'working' }];
  }
  return [];
}

function notDoneOf(line: Line): SummaryInput['notDone'] {
  const { symbol, side, limit, actual, message } = line;
  if (line.outcome !== 'accepted')
    return [{ symbol, side, what: line.outcome, reason: line.reason, limit, actual, message }];
  // Filled, it was said, until a person corrected it to nothing.
  const neverWas = line.status === 'filled' && line.filledQuantity === 0;
  const status = neverWas ? 'canceled' : line.status;
  const reason = neverWas ? 'resolved_by_operator' : line.orderReason;
  if (status !== 'rejected' && status !== 'canceled' && status !== 'expired') return [];
  return [{ symbol, side, what: status, reason, limit, actual, message }];
}
