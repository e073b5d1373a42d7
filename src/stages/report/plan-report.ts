// The report of a dry run, and of a run that did not open.
import type { Decision } from '../../domain/decision/decision.ts';
import { marginFor, valueAt } from '../../domain/decision/sizing.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { formatHundredths, formatMinor } from '../../domain/money.ts';
import type { ReportOrder, ReportSignal, ReportTotals, RunReport, RunSkip } from '../../domain/report.ts';
import type { Signal } from '../../domain/types.ts';
import { clientOrderIdFor, type DecidedUser, hashOf } from '../decide/decide.ts';
import type { OpenRun, RunRequest } from '../scan/request.ts';
import type { ReportDeps } from './deps.ts';

const noTotals: ReportTotals = {
  users: 0,
  signals: 0,
  decisions: 0,
  accepted: 0,
  skipped: 0,
  denied: 0,
  queued: 0,
  working: 0,
  partiallyFilled: 0,
  filled: 0,
  rejected: 0,
  canceled: 0,
  expired: 0,
  unknown: 0,
  messages: { queued: 0, sent: 0, delivered: 0, failed: 0, unknown: 0, suppressed: 0 },
};

/** The report of a run that did not open: no rows, only why and when the next session is. */
export function skippedReport(
  request: RunRequest,
  skipped: { reason: RunSkip; runId: string; session: string; nextSession: string | null },
  nowMs: number,
): RunReport {
  const { reason, nextSession, runId, session } = skipped;
  return { ...emptyReport(request, runId, session, nowMs), skipped: { reason, nextSession } };
}

function emptyReport(request: RunRequest, runId: string, session: string, nowMs: number): RunReport {
  return {
    runId,
    session,
    mode: request.mode,
    dryRun: request.dryRun,
    planHash: '',
    skipped: null,
    startedAt: istIso(nowMs),
    finishedAt: istIso(nowMs),
    durationMs: 0,
    truncated: false,
    totals: noTotals,
    signals: [],
    orders: [],
    decisions: [],
    messages: [],
    problems: request.inputs.problems,
  };
}

/** What a dry run found: the plan with nothing placed, nothing written and nothing sent. */
export async function planReport(
  deps: ReportDeps,
  request: RunRequest,
  run: OpenRun,
  plan: readonly DecidedUser[],
): Promise<RunReport> {
  const pairs = plan.flatMap(({ account, decisions }) => decisions.map((decision) => ({ account, decision })));
  const count = (outcome: Decision['outcome']) => pairs.filter(({ decision }) => decision.outcome === outcome).length;
  const endedAtMs = deps.clock.nowMs();
  return {
    ...emptyReport(request, run.runId, run.session.id, run.frame.nowMs),
    planHash: await hashOf(deps, run, plan),
    ...(run.frame.limits.pricesFrom ? { pricesFrom: run.frame.limits.pricesFrom } : {}),
    finishedAt: istIso(endedAtMs),
    durationMs: endedAtMs - run.frame.nowMs,
    totals: {
      ...noTotals,
      users: plan.length,
      signals: run.frame.signals.length,
      decisions: pairs.length,
      accepted: count('accepted'),
      skipped: count('skipped'),
      denied: count('denied'),
    },
    signals: run.frame.signals.map(({ signal }) =>
      plannedSignal(
        signal,
        pairs.map(({ decision }) => decision),
      ),
    ),
    orders: bySignal(run, pairs)
      .filter(({ decision }) => decision.outcome === 'accepted')
      .map((pair) => plannedOrder(run, pair)),
    decisions: bySignal(run, pairs).map(({ account, decision }) => ({
      userId: account.settings.id,
      userName: account.settings.name,
      ...shareOf(run, decision),
      signalId: decision.signalId,
      outcome: decision.outcome,
      reason: decision.reason,
      limit: decision.limit,
      actual: decision.actual,
    })),
  };
}

interface Pair {
  account: DecidedUser['account'];
  decision: Decision;
}

/** Signal by signal, as the stored report lists them. */
function bySignal(run: OpenRun, pairs: readonly Pair[]): Pair[] {
  return run.frame.signals.flatMap(({ signal }) => pairs.filter(({ decision }) => decision.signalId === signal.id));
}

function plannedSignal(signal: Signal, decisions: readonly Decision[]): ReportSignal {
  const count = (outcome: Decision['outcome']) =>
    decisions.filter((one) => one.signalId === signal.id && one.outcome === outcome).length;
  const { id, symbol, side, rank } = signal;
  const outcomes = { accepted: count('accepted'), skipped: count('skipped'), denied: count('denied') };
  return {
    id,
    symbol,
    side,
    rank,
    ...outcomes,
    filled: 0,
    rejected: 0,
    unknown: 0,
    durationMs: 0,
    priceSpreadPct: null,
  };
}

function shareOf(run: OpenRun, { signalId }: Decision): Pick<Signal, 'symbol' | 'side'> {
  const planned = run.frame.signals.find(({ signal }) => signal.id === signalId);
  if (!planned) throw new Error(`no signal ${signalId} in the run`);
  const { symbol, side } = planned.signal;
  return { symbol, side };
}

function plannedOrder(run: OpenRun, { account, decision }: Pair): ReportOrder {
  const currency = currencyOfRun(run.runId);
  const { settings } = account;
  const priceMinor = decision.priceMinor ?? 0;
  const exposureMinor = valueAt(decision.quantity, priceMinor);
  const planned = run.frame.signals.find(({ signal }) => signal.id === decision.signalId);
  if (!planned) throw new Error(`no signal ${decision.signalId} in the run`);
  return {
    clientOrderId: clientOrderIdFor(run.frame, settings, decision.signalId),
    userId: settings.id,
    userName: settings.name,
    symbol: planned.signal.symbol,
    side: planned.signal.side,
    quantity: decision.quantity,
    status: 'planned',
    reason: null,
    limitPrice: decision.limitPriceMinor === null ? null : formatMinor(decision.limitPriceMinor, currency),
    averagePrice: null,
    filledQuantity: 0,
    exposure: formatMinor(exposureMinor, currency),
    margin: formatMinor(
      planned.signal.side === 'SELL' ? 0 : marginFor(exposureMinor, settings.leverageCenti),
      currency,
    ),
    charges: formatMinor(decision.chargesMinor, currency),
    leverage: formatHundredths(settings.leverageCenti),
    currency: currency.code,
  };
}
