// A run in figures, and what of it needs a person.
import { currencyOfRun } from '../../domain/market/session.ts';
import type { RunReport } from '../../domain/report.ts';
import { countsOf, duration, grouped, money, plural, signalPriceText } from '../format.ts';
import type { Paint } from '../table.ts';
import { fitted, padded } from '../width.ts';
import { filledTotal, widestSpread } from './tables.ts';

const MAX_UNKNOWN_SHOWN = 5;

/** How the run ended, in one sentence. */
export function headline({ totals, durationMs, dryRun }: RunReport): string {
  if (dryRun) {
    return `Plan: ${plural(totals.accepted, 'order')} out of ${plural(totals.decisions, 'decision')}; nothing is placed`;
  }
  if (totals.accepted === 0) return `No order was placed, in ${duration(durationMs)}`;
  const open = totals.queued + totals.working + totals.partiallyFilled;
  const rest = countsOf([
    [open, 'still open'],
    [totals.rejected, 'rejected'],
    [totals.canceled, 'canceled'],
    [totals.expired, 'expired'],
    [totals.unknown, 'unknown'],
  ]);
  const filled = `${grouped(totals.filled)} of ${plural(totals.accepted, 'order')} filled`;
  return `${filled}${rest === 'none' ? '' : `, ${rest}`}, in ${duration(durationMs)}`;
}

/** What all users of a run bought and sold for; null: nothing, or it is not known. */
export interface MoneySums {
  bought: string | null;
  sold: string | null;
}

/** Of a report that lists its orders; without the list (a truncated one) nothing is known, and ₹0.00 would be a lie. */
function sumsOf(report: RunReport): MoneySums {
  const filled = report.orders.filter(({ filledQuantity }) => filledQuantity > 0);
  return {
    bought: filled.some(({ side }) => side === 'BUY') ? filledTotal(report, 'BUY') : null,
    sold: filled.some(({ side }) => side === 'SELL') ? filledTotal(report, 'SELL') : null,
  };
}

/** The run in figures: decisions, orders, money, messages, prices and time, one line each. */
export function totalsText(report: RunReport, paint: Paint, sums: MoneySums = sumsOf(report)): string {
  const { totals, dryRun } = report;
  const lines: [string, string][] = [
    ['Run', fitted(report.runId, 80)],
    ['Decisions', `${grouped(totals.decisions)}: ${decisionCounts(report)}`],
  ];
  if (report.pricesFrom === 'signal') lines.push(['Prices', signalPriceText]);
  if (!dryRun) lines.push(...ordersAndMoney(report, sums));
  lines.push(['Time', timeText(report)]);
  return lines.map(([label, value]) => `${paint('quiet', padded(label, 12))}${value}`).join('\n');
}

function decisionCounts({ totals }: RunReport): string {
  return countsOf([
    [totals.accepted, 'accepted'],
    [totals.skipped, 'skipped'],
    [totals.denied, 'denied'],
  ]);
}

function ordersAndMoney(report: RunReport, sums: MoneySums): [string, string][] {
  const { totals, signals, runId } = report;
  const currency = currencyOfRun(runId);
  const lines: [string, string][] = [['Orders', `${grouped(totals.accepted)}: ${orderCounts(report)}`]];
  if (sums.bought !== null) lines.push(['Bought for', money(sums.bought, currency)]);
  if (sums.sold !== null) lines.push(['Sold for', money(sums.sold, currency)]);
  const spread = widestSpread(signals);
  if (spread) lines.push(['Spread', spread]);
  const { queued, sent, delivered, failed, unknown, suppressed } = totals.messages;
  const messages = countsOf([
    [queued, 'queued'],
    [sent, 'sent'],
    [delivered, 'delivered'],
    [failed, 'failed'],
    [unknown, 'unknown'],
    [suppressed, 'suppressed'],
  ]);
  lines.push(['Messages', messages]);
  return lines;
}

function orderCounts({ totals }: RunReport): string {
  return countsOf([
    [totals.filled, 'filled'],
    [totals.partiallyFilled, 'partly filled'],
    [totals.working, 'working'],
    [totals.queued, 'queued'],
    [totals.rejected, 'rejected'],
    [totals.canceled, 'canceled'],
    [totals.expired, 'expired'],
    [totals.unknown, 'unknown'],
  ]);
}

function timeText({ signals, durationMs, dryRun }: RunReport): string {
  const slowest = signals.toSorted((a, b) => b.durationMs - a.durationMs)[0];
  if (dryRun || !slowest || signals.length < 2) return duration(durationMs);
  return `${duration(durationMs)}, the slowest signal ${fitted(slowest.symbol, 24)} ${duration(slowest.durationMs)}`;
}

/** What needs a person, one paragraph each; empty where there is nothing. */
export function attentionText(report: RunReport, paint: Paint): string {
  const { totals, dryRun } = report;
  if (dryRun) return '';
  const paragraphs: string[] = [];
  if (totals.unknown > 0) paragraphs.push(unknownText(report, paint));
  const open = totals.queued + totals.working + totals.partiallyFilled;
  if (open > 0) {
    paragraphs.push(
      `${plural(open, 'order')} still open: the next scan or a worker goes on with it; nothing is sent twice.`,
    );
  }
  paragraphs.push(...lostMessages(report, paint));
  return paragraphs.join('\n');
}

function lostMessages({ totals, runId }: RunReport, paint: Paint): string[] {
  return (['failed', 'unknown'] as const).flatMap((status) => {
    const count = totals.messages[status];
    if (count === 0) return [];
    const what =
      status === 'failed'
        ? `${plural(count, 'message')} failed`
        : `${plural(count, 'message')} not known to have arrived`;
    return [`${paint('notice', what)}: npm run messages -- --run ${fitted(runId, 80)} --status ${status}`];
  });
}

function unknownText({ runId, orders, totals }: RunReport, paint: Paint): string {
  const count = totals.unknown;
  const unknown = orders.filter(({ status }) => status === 'unknown');
  const lines = unknown
    .slice(0, MAX_UNKNOWN_SHOWN)
    .map(({ clientOrderId, userName, userId, side, quantity, symbol }) => {
      const who = fitted(userName, 20);
      const where = `npm run why -- --user ${fitted(userId, 60)} --symbol ${fitted(symbol, 24)}`;
      return `  ${fitted(clientOrderId, 20)}  ${who}: ${side} ${grouped(quantity)} ${fitted(symbol, 24)}  ${where}`;
    });
  const head = `${plural(count, 'order')} unknown: the venue has not said whether it took ${count === 1 ? 'it' : 'them'}.`;
  const rest = '\nThe money stays on hold and nothing is sent again; the next scan or a worker asks the venue.';
  const left = count - lines.length;
  const all = `npm run report -- --run ${fitted(runId, 80)} --status unknown`;
  const tail = left > 0 ? [`  … and ${grouped(left)} more: ${all}`] : [];
  return [`${paint('bad', head)}${rest}`, ...lines, ...tail].join('\n');
}
