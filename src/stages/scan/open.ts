// Opens a run: freezes its signals, prices and users in rows.
import type { RunFrame, RunLimits } from '../../domain/decision/inputs.ts';
import { quoteAgeFault } from '../../domain/decision/quote-age.ts';
import { actionsSincePreviousClose, withoutOldCloses } from '../../domain/market/corporate-actions.ts';
import { marketOfId, sendBeforeMs } from '../../domain/market/session.ts';
import { instrumentKey, sharesOf } from '../../domain/market/share.ts';
import type { Quote } from '../../domain/types.ts';
import type { FrozenRun } from '../../ports/store/runs.ts';
import type { OpenDeps, ScanDeps } from './deps.ts';
import type { OpenRun, RunRequest } from './request.ts';

/** The run with its signals, prices and users frozen, and the simulated markets open at its prices. */
export async function open(deps: OpenDeps, request: RunRequest, run: OpenRun): Promise<OpenRun> {
  const opened = run.state === null ? await freeze(deps, request, run) : run;
  const { session, frame } = opened;
  for (const venue of deps.venues.values()) await venue.openMarket?.(session.date, [...frame.quotes.values()]);
  return opened;
}

/** Brings in what was given and freezes the run. Of two who do, one freezes and both go on. */
async function freeze(deps: OpenDeps, request: RunRequest, run: OpenRun): Promise<OpenRun> {
  const { store, clock } = deps;
  const { runId, session, frame } = run;
  const { inputs, mode } = request;
  const { by } = inputs;
  const nowMs = clock.nowMs();
  const signals = frame.signals.map(({ signal }) => signal);
  // A scheduler gives none: a process that only serves HTTP may not change any.
  if (inputs.instruments.length > 0) await store.call('import_instruments', { instruments: inputs.instruments, by });
  if (inputs.signals) await store.call('import_signals', { signals, source: inputs.signalsSource, by });
  if (inputs.users)
    await store.call('import_users', { users: inputs.users, mode, source: inputs.usersSource, nowMs, by });
  await store.call('open_run', {
    runId,
    sessionId: session.id,
    tradeDate: session.date,
    mode,
    nowMs,
    cutOffMs: session.cutOffMs,
    limits: frame.limits,
    problems: inputs.problems,
    signals: frame.signals.map(({ signal, instrument }, index) => ({
      signalId: signal.id,
      position: index + 1,
      sendBeforeMs: sendBeforeMs(signal.validUntilMs, session, instrument?.fno ?? false),
    })),
    quotes: [...frame.quotes.values()],
    userIds: inputs.users?.map(({ id }) => id) ?? null,
    by,
  });
  deps.emit({ type: 'run_opened', runId, signals: signals.length });
  return { ...run, state: 'planning', frame: await frozenFrame(deps, runId), users: null };
}

/** The frozen run as `decide` sees it. A run resumed too late for its prices gets new ones for whoever is undecided. */
export async function frozenFrame(deps: ScanDeps, runId: string): Promise<RunFrame> {
  const frozen = await readRun(deps, runId);
  const run = (await reprice(deps, frozen)) ? await readRun(deps, runId) : frozen;
  const market = marketOfId(runId);
  const quotes = quotesByKey(run.quotes);
  const actions = actionsSincePreviousClose(
    market,
    run.corporateActions,
    run.tradeDate,
    await deps.operatorDays(market),
  );
  const shareOf = sharesOf(run.signals.flatMap(({ instrument }) => instrument ?? []));
  return {
    mode: run.mode,
    nowMs: deps.clock.nowMs(),
    cutOffMs: run.cutOffMs,
    halted: run.halted,
    limits: run.limits,
    instrumentsKnown: run.instrumentsKnown,
    signals: run.signals.map(({ signal, instrument, share }) => {
      const action = actions.find((one) => shareOf(one) === share);
      return { signal, share, instrument, quote: quotes.get(instrumentKey(signal)) ?? null, action };
    }),
    quotes,
    rates: run.rates,
    capUsed: run.symbolExposure,
  };
}

async function readRun(deps: ScanDeps, runId: string): Promise<FrozenRun> {
  const run = await deps.store.call('read_run', { runId });
  if (!run) throw new Error(`run ${runId} vanished`);
  return run;
}

async function reprice(deps: ScanDeps, run: FrozenRun): Promise<boolean> {
  const { store, clock, emit } = deps;
  const { runId, mode, tradeDate } = run;
  const market = marketOfId(runId);
  const nowMs = clock.nowMs();
  // Ahead of us, too: the clock may have been set back since.
  const stale = run.quotes.some((quote) => quoteAgeFault(quote, nowMs, run.limits) !== null);
  if (run.state !== 'planning' || !stale || nowMs >= run.cutOffMs) return false;
  const { held, instruments, corporateActions } = await store.call('read_inputs', { mode, tradeDate, runId });
  const signals = run.signals.map(({ signal }) => signal);
  const quotes = await deps.quotes.read({ tradeDate, nowMs, signals, held });
  const actions = actionsSincePreviousClose(market, corporateActions, tradeDate, await deps.operatorDays(market));
  await store.call('reprice_run', { runId, quotes: withoutOldCloses(quotes, actions, sharesOf(instruments)) });
  emit({ type: 'run_repriced', runId });
  return true;
}

/** The limits of a run with, where it is so, that its prices are the signals' own. */
export function pricedBy(limits: RunLimits, quotes: Iterable<Quote>): RunLimits {
  return [...quotes].some(({ fromSignal }) => fromSignal) ? { ...limits, pricesFrom: 'signal' } : limits;
}

export function quotesByKey(quotes: readonly Quote[]): Map<string, Quote> {
  return new Map(quotes.map((quote) => [instrumentKey(quote), quote]));
}
