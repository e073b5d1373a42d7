import { istIso } from '../domain/ist.ts';
import { formatMinor, mulDivCeil } from '../domain/money.ts';
import type { ReportOrder, ReportSignal, ReportTotals, RunReport } from '../domain/report.ts';
import { marginFor, valueAt } from '../domain/sizing.ts';
import type { Answer, Store } from '../ports/store.ts';

type Stored = NonNullable<Answer<'read_report'>>;

/** The run as its rows tell it, or null where there is no such run. */
export async function reportOf(store: Store, runId: string): Promise<RunReport | null> {
  const run = await store.call('read_report', { runId });
  if (!run) return null;
  return {
    runId: run.runId,
    session: run.sessionId,
    mode: run.mode,
    dryRun: false,
    planHash: run.planHash ?? '',
    skipped: null,
    startedAt: istIso(run.openedAtMs),
    finishedAt: istIso(run.finishedAtMs),
    durationMs: run.finishedAtMs - run.openedAtMs,
    truncated: false,
    totals: totalsOf(run),
    signals: run.signals.map(signalOf),
    orders: run.orders.map(orderOf),
    decisions: run.decisions,
    // On its way is not out yet: outside, a message is queued until it is settled.
    messages: run.messages.map((message) =>
      message.status === 'sending' ? { ...message, status: 'queued' } : message,
    ),
    problems: run.problems,
  };
}

function totalsOf({ users, signals, outcomes, statuses, messageStatuses }: Stored): ReportTotals {
  const [accepted = 0, skipped = 0, denied = 0] = [outcomes['accepted'], outcomes['skipped'], outcomes['denied']];
  const orders = (...names: string[]) => names.reduce((sum, name) => sum + (statuses[name] ?? 0), 0);
  const messages = (...names: string[]) => names.reduce((sum, name) => sum + (messageStatuses[name] ?? 0), 0);
  return {
    users,
    signals: signals.length,
    decisions: accepted + skipped + denied,
    accepted,
    skipped,
    denied,
    queued: orders('queued', 'submitting'),
    working: orders('working'),
    partiallyFilled: orders('partially_filled'),
    filled: orders('filled'),
    rejected: orders('rejected'),
    canceled: orders('canceled'),
    expired: orders('expired'),
    unknown: orders('unknown'),
    messages: {
      queued: messages('queued', 'sending'),
      sent: messages('sent'),
      delivered: messages('delivered'),
      failed: messages('failed'),
      unknown: messages('unknown'),
      suppressed: messages('suppressed'),
    },
  };
}

function signalOf({ lowestMilli, highestMilli, fills, ...signal }: Stored['signals'][number]): ReportSignal {
  // A ratio for people to read, not money: two decimals of a percent.
  const spread = fills >= 2 && lowestMilli && highestMilli ? ((highestMilli - lowestMilli) / lowestMilli) * 100 : null;
  return { ...signal, priceSpreadPct: spread === null ? null : Math.round(spread * 100) / 100 };
}

function orderOf(order: Stored['orders'][number]): ReportOrder {
  const exposureMinor = valueAt(order.quantity, order.decisionPriceMinor);
  return {
    clientOrderId: order.clientOrderId,
    userId: order.userId,
    userName: order.userName,
    symbol: order.symbol,
    side: order.side,
    quantity: order.quantity,
    status: order.status,
    reason: order.reason,
    limitPrice: formatMinor(order.limitPriceMinor),
    averagePrice: averagePrice(order.filledValueMinor, order.filledQuantity),
    filledQuantity: order.filledQuantity,
    exposure: formatMinor(exposureMinor),
    margin: formatMinor(marginFor(exposureMinor, order.leverageCenti)),
    charges: formatMinor(order.chargesMinor),
    leverage: formatMinor(order.leverageCenti),
  };
}

/** Rounded half up to the minor unit. */
export function averagePrice(valueMinor: number, quantity: number): string | null {
  if (quantity === 0) return null;
  return formatMinor(mulDivCeil(2 * valueMinor - quantity, 1, 2 * quantity));
}
