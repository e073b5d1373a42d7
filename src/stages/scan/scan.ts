// Finds the session, the run, its signals, prices and users; writes nothing.
import { byRank } from '../../domain/decision/decide.ts';
import type { RunFrame } from '../../domain/decision/inputs.ts';
import { importingCalendar } from '../../domain/market/calendar.ts';
import { actionsSincePreviousClose, withoutOldCloses } from '../../domain/market/corporate-actions.ts';
import { exchangesDueIn, type Market, xnse } from '../../domain/market/market.ts';
import {
  type BeyondCoverage,
  dateIn,
  nextSession,
  runIdOf,
  type Session,
  sessionAt,
  sessionOf,
} from '../../domain/market/session.ts';
import { instrumentKey, sharesOf } from '../../domain/market/share.ts';
import type { RunSkip } from '../../domain/report.ts';
import type { Signal } from '../../domain/types.ts';
import type { Deps } from '../../ports/deps.ts';
import type { StoredInputs } from '../../ports/store/runs.ts';
import type { ScanDeps } from './deps.ts';
import { frozenFrame, pricedBy, quotesByKey } from './open.ts';
import type { NotStarted, OpenRun, RunRequest } from './request.ts';

export type Scanned =
  | OpenRun
  | { kind: 'skipped'; reason: RunSkip; runId: string; session: string; nextSession: string | null }
  | NotStarted;

/** Looks: which session, which run, which signals at which prices, for whom. Writes nothing. */
export async function scan(deps: ScanDeps, request: RunRequest): Promise<Scanned> {
  const current = await sessionNow(deps, request);
  if (current.kind !== 'session') return current;
  const { session, late } = current;
  const { store } = deps;
  const runId = runIdOf(session.id, request.mode);
  const stored = await store.call('read_inputs', { mode: request.mode, tradeDate: session.date, runId });
  const ids = { runId, session, nextSession: current.nextSession } as const;
  if (stored.runState !== null) {
    const frame = await frozenFrame(deps, runId);
    return { kind: 'run', ...ids, state: stored.runState, frame, users: null, userCount: stored.users };
  }
  const missing = late ? 'too_late' : missingInput(request, stored, session.date);
  if (typeof missing === 'string') {
    return { kind: 'skipped', reason: missing, runId, session: session.id, nextSession: current.nextSession };
  }
  if (missing) return missing;
  const frame = await plannedFrame(deps, request, stored, session);
  const { users } = request.inputs;
  return {
    kind: 'run',
    ...ids,
    state: null,
    frame,
    users,
    userCount: users ? new Set(users.map(({ id }) => id)).size : stored.users,
  };
}

type SessionNow =
  | { kind: 'session'; session: Session; late: boolean; nextSession: string | null }
  | Exclude<Scanned, OpenRun>;

/** The session the clock is in. Past the cut-off there still is one: a run that was opened in time is closed properly. */
async function sessionNow(deps: ScanDeps, request: RunRequest): Promise<SessionNow> {
  // Before anything is awaited: the instant the scan was started at decides, not how fast the database is.
  const nowMs = deps.clock.nowMs();
  const { market = xnse } = request;
  const overrides = await deps.operatorDays(market);
  const query = { market, slot: 'open', cutOffTime: request.cutOffTime, overrides } as const;
  const due = sessionAt(nowMs, query);
  if (due.kind === 'beyond_coverage') return beyondCalendar(market, due);
  const late = due.kind === 'skipped' && due.reason === 'too_late';
  if (due.kind === 'skipped' && !late) return { ...due, runId: runIdOf(due.session, request.mode) };
  const date = dateIn(market, nowMs);
  const day = sessionOf({ ...query, date });
  if (day.kind !== 'session') throw new Error(`session ${date} is both due and ${day.kind}`);
  return { kind: 'session', session: day.session, late, nextSession: nextSession(date, query) };
}

function beyondCalendar({ name }: Market, { date, from, to }: BeyondCoverage): NotStarted {
  const message = `${date} is beyond the shipped ${name} calendar (${from} to ${to}): nothing is guessed. Import the year’s list of holidays (${importingCalendar}), or check --date.`;
  return { kind: 'refused', code: 'beyond_calendar', message };
}

function missingInput(request: RunRequest, stored: StoredInputs, tradeDate: string): RunSkip | NotStarted | null {
  const { inputs } = request;
  const notStarted = (message: string): NotStarted => ({ kind: 'refused', code: 'nothing_given', message });
  if (stored.halted !== null) return 'halted';
  if (inputs.signals === null && inputs.users !== null && !stored.anySignals) {
    return notStarted('There are no signals: the database has none and no --signals file was given.');
  }
  if (inputs.users === null && inputs.signals !== null && stored.users === 0) {
    return notStarted('There are no users: the database has none and no --users file was given.');
  }
  if (dueSignals(request, stored, tradeDate).length === 0) return 'no_signals';
  if (inputs.users === null && stored.users === 0) return 'no_users';
  return null;
}

/** The signals of the date that are due in the market's run. */
function dueSignals({ inputs, market = xnse }: RunRequest, stored: StoredInputs, tradeDate: string): Signal[] {
  const exchanges = exchangesDueIn(market);
  return (inputs.signals ?? stored.signals)
    .filter((signal) => signal.tradeDate === tradeDate && exchanges.includes(signal.exchange))
    .sort(byRank);
}

/** What was found, for whoever follows the run. */
export function emitScanned({ emit }: Deps<'emit'>, { runId, session, state, frame, userCount }: OpenRun): void {
  const signals = frame.signals.map(({ signal, quote }) => {
    const { id, rank, symbol, side, referencePriceMinor, stopLossMinor, targetMinor } = signal;
    const exit = { stopLossMinor, targetMinor };
    return { id, rank, symbol, side, referencePriceMinor, priceMinor: quote?.priceMinor ?? null, ...exit };
  });
  const { pricesFrom = null } = frame.limits;
  emit({
    type: 'scanned',
    runId,
    session: session.id,
    state,
    nowMs: frame.nowMs,
    users: userCount,
    signals,
    pricesFrom,
  });
}

/** What the run will be frozen to. */
async function plannedFrame(
  deps: ScanDeps,
  request: RunRequest,
  stored: StoredInputs,
  session: Session,
): Promise<RunFrame> {
  const { mode, limits, inputs, market = xnse } = request;
  const nowMs = deps.clock.nowMs();
  const signals = dueSignals(request, stored, session.date);
  const read = await deps.quotes.read({ tradeDate: session.date, nowMs, signals, held: stored.held });
  const listed = [...stored.instruments, ...inputs.instruments];
  const instruments = new Map(listed.map((one) => [instrumentKey(one), one]));
  const shareOf = sharesOf(listed);
  const actions = actionsSincePreviousClose(
    market,
    stored.corporateActions,
    session.date,
    await deps.operatorDays(market),
  );
  const quotes = quotesByKey(withoutOldCloses(read, actions, shareOf));
  return {
    mode,
    nowMs,
    cutOffMs: session.cutOffMs,
    halted: stored.halted,
    limits: pricedBy(limits, quotes.values()),
    signals: signals.map((signal) => {
      const key = instrumentKey(signal);
      const instrument = instruments.get(key) ?? null;
      const share = shareOf(signal);
      const action = actions.find((one) => shareOf(one) === share);
      return { signal, share, instrument, quote: quotes.get(key) ?? null, action };
    }),
    instrumentsKnown: listed.length > 0,
    quotes,
    rates: stored.rates,
    capUsed: stored.symbolExposure,
  };
}
