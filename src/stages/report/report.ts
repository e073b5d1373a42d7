// The report of a stored run: whole, by pages, or only its counts.
import type { Currency } from '../../domain/currency.ts';
import { marginFor, valueAt } from '../../domain/decision/sizing.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { formatHundredths, formatMinor, perUnit } from '../../domain/money.ts';
import type { ReportOrder, ReportSignal, ReportTotals, RunReport } from '../../domain/report.ts';
import type { ReportMessage, StoredDecision, StoredReport } from '../../ports/store/reports.ts';
import type { ReportStore } from './deps.ts';

const PAGE_DECISIONS = 5_000;
const PAGE_USERS = 2_000;

/** The run as its rows tell it, or null where there is no such run. Its lists grow with the run: `countsOf` has none. */
export async function reportOf(store: ReportStore, runId: string): Promise<RunReport | null> {
  const counts = await countsOf(store, runId);
  if (!counts) return null;
  const [orders, decisions]: [RunReport['orders'], RunReport['decisions']] = [[], []];
  for await (const { position, queuePosition, order, ...decision } of decisionsOf(store, runId)) {
    decisions.push(decision);
    if (order) orders.push(orderOf(decision, order, currencyOfRun(runId)));
  }
  return { ...counts, truncated: false, orders, decisions, messages: await messagesOf(store, runId) };
}

/** The report without who got what: `truncated`, with empty lists of orders, decisions and messages. */
export async function countsOf(store: ReportStore, runId: string): Promise<RunReport | null> {
  const run = await store.call('read_report', { runId });
  if (!run) return null;
  return {
    runId: run.runId,
    session: run.sessionId,
    mode: run.mode,
    dryRun: false,
    planHash: run.planHash ?? '',
    ...(run.pricesFrom ? { pricesFrom: run.pricesFrom } : {}),
    skipped: null,
    startedAt: istIso(run.openedAtMs),
    finishedAt: istIso(run.finishedAtMs),
    durationMs: run.finishedAtMs - run.openedAtMs,
    truncated: true,
    totals: totalsOf(run),
    signals: run.signals.map(signalOf),
    orders: [],
    decisions: [],
    messages: [],
    problems: run.problems,
  };
}

/** A page of a run's users with what they got and were told: `truncated`, for there are more; totals are of everybody. */
export async function reportPage(
  store: ReportStore,
  runId: string,
  {
    after,
    ...wanted
  }: { after: number; limit: number; userId: string | null; status: string | null; of: 'all' | 'messages' },
): Promise<{ report: RunReport; names: Map<string, string>; left: number; last: number } | null> {
  const counts = await countsOf(store, runId);
  if (!counts) return null;
  const page = await store.call('read_report_page', { runId, afterQueuePosition: after, ...wanted });
  const orders: RunReport['orders'] = [];
  const decisions = page.decisions.map(({ position, queuePosition, order, ...decision }) => {
    if (order) orders.push(orderOf(decision, order, currencyOfRun(runId)));
    return decision;
  });
  return {
    report: { ...counts, orders, decisions, messages: page.messages.map(messageOf) },
    names: new Map(page.users.map(({ userId, userName }) => [userId, userName])),
    left: page.left,
    last: page.users.at(-1)?.queuePosition ?? after,
  };
}

async function* decisionsOf(store: ReportStore, runId: string): AsyncGenerator<StoredDecision> {
  for (let after: StoredDecision | undefined; ; ) {
    const { position: afterPosition = -1, queuePosition: afterQueuePosition = -1 } = after ?? {};
    const args = { runId, afterPosition, afterQueuePosition, limit: PAGE_DECISIONS };
    const page = await store.call('read_report_decisions', args);
    yield* page;
    after = page.at(-1);
    if (!after) return;
  }
}

/** What each user of the run was told, in the order the run served them. */
export async function messagesOf(store: ReportStore, runId: string): Promise<RunReport['messages']> {
  const messages: RunReport['messages'] = [];
  for (let afterQueuePosition = -1; ; ) {
    const page = await store.call('read_report_messages', { runId, afterQueuePosition, limit: PAGE_USERS });
    messages.push(...page.map(messageOf));
    const last = page.at(-1);
    if (!last) return messages;
    afterQueuePosition = last.queuePosition;
  }
}

/** On its way is not out yet: outside, a message is queued until it is settled. */
function messageOf({ userId, status, text }: ReportMessage): RunReport['messages'][number] {
  return { userId, status: status === 'sending' ? 'queued' : status, text };
}

function totalsOf({ users, signals, outcomes, statuses, messageStatuses }: StoredReport): ReportTotals {
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

function signalOf({ lowestMilli, highestMilli, fills, ...signal }: StoredReport['signals'][number]): ReportSignal {
  // A ratio for people to read, not money: two decimals of a percent.
  const spread = fills >= 2 && lowestMilli && highestMilli ? ((highestMilli - lowestMilli) / lowestMilli) * 100 : null;
  return { ...signal, priceSpreadPct: spread === null ? null : Math.round(spread * 100) / 100 };
}

function orderOf(
  { userId, userName, symbol, side }: Pick<StoredDecision, 'userId' | 'userName' | 'symbol' | 'side'>,
  order: NonNullable<StoredDecision['order']>,
  currency: Currency,
): ReportOrder {
  const exposureMinor = valueAt(order.quantity, order.decisionPriceMinor);
  return {
    clientOrderId: order.clientOrderId,
    userId,
    userName,
    symbol,
    side,
    quantity: order.quantity,
    status: order.status,
    reason: order.reason,
    limitPrice: formatMinor(order.limitPriceMinor, currency),
    averagePrice: averagePrice(order.filledValueMinor, order.filledQuantity, currency),
    filledQuantity: order.filledQuantity,
    exposure: formatMinor(exposureMinor, currency),
    // A sale takes no margin: it gives back what its shares were bought with.
    margin: formatMinor(side === 'SELL' ? 0 : marginFor(exposureMinor, order.leverageCenti), currency),
    charges: formatMinor(order.chargesMinor, currency),
    leverage: formatHundredths(order.leverageCenti),
    currency: currency.code,
  };
}

/** Rounded half up to the minor unit. */
export function averagePrice(valueMinor: number, quantity: number, currency: Currency): string | null {
  if (quantity === 0) return null;
  return formatMinor(perUnit(valueMinor, quantity), currency);
}
