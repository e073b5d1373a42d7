// Shows a scan while it runs and when it is done, on a screen or as JSON.
import { marketOfId } from '../../domain/market/session.ts';
import { zonedTime } from '../../domain/market/zone.ts';
import type { RunReport } from '../../domain/report.ts';
import type { Mode, Problem } from '../../domain/types.ts';
import type { Emit, EventOf } from '../../ports/events/events.ts';
import { alertText } from '../../terminal/alert.ts';
import type { Exits } from '../../terminal/exits.ts';
import { makeScreen, type Screen } from '../../terminal/screen.ts';

type Progress = ReturnType<Screen['progress']['signalProgress']>;

export interface ScanFacts {
  log: Emit;
  database: string;
  /** What the bundled sample is; null: it is none. */
  sample: string | null;
  virtual: boolean;
  dryRun: boolean;
  mode: Mode;
}

/** What a scan shows while it runs and when it is done. */
export interface ScanShow {
  note(text: string): void;
  files(warnings: string[], problems: Problem[]): void;
  /** An `emit` that logs every event and draws those a person wants to see. */
  watch(facts: ScanFacts): Emit;
  done(): void;
  result(report: RunReport): void;
}

/** One JSON document at the end, nothing else on stdout. */
export function jsonShow(): ScanShow {
  return {
    note: (text) => process.stderr.write(`${text}\n`),
    files(warnings) {
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
    },
    watch: ({ log }) => log,
    done: () => {},
    result: (report) => process.stdout.write(`${JSON.stringify(report)}\n`),
  };
}

/** `narrowed`: a plan is shown in part (--user, --symbol). */
export function screenShow({ narrowed = false } = {}): ScanShow {
  const screen = makeScreen({
    stream: process.stdout,
    isTerminal: process.stdout.isTTY ?? false,
    columns: process.stdout.columns,
  });
  let bars: ReturnType<typeof signalBars> | null = null;
  let exits: Exits = new Map();
  return {
    note: screen.note,
    files(warnings, problems) {
      for (const warning of warnings) screen.note(`Note: ${warning}`);
      screen.problems(problems);
    },
    watch(facts) {
      bars = signalBars(screen);
      const draw = bars.draw;
      return (event) => {
        facts.log(event);
        const alert = alertText(event);
        if (alert) screen.note(alert);
        if (event.type === 'scanned') {
          exits = new Map(event.signals.map((signal) => [signal.id, signal]));
          showHeader(screen, facts, event);
        }
        draw(event);
      };
    },
    done: () => bars?.stop(),
    result: (report) => showResult(screen, report, { narrowed, exits }),
  };
}

function showResult(screen: Screen, report: RunReport, how: { narrowed: boolean; exits: Exits }): void {
  const facts = { exits: how.exits };
  const reason = report.skipped?.reason;
  if (reason === 'already_done' && !report.dryRun) screen.alreadyDone(report, facts);
  else if (reason !== undefined) screen.skipped(report);
  else if (report.dryRun) screen.plan(report, how);
  else screen.report(report, facts);
  if (report.messages.length > 0) screen.messages(report);
}

function showHeader(screen: Screen, facts: ScanFacts, event: EventOf<'scanned'>): void {
  if (event.state === 'done') return;
  const { session, users, signals, pricesFrom, nowMs } = event;
  const { zone, zoneName } = marketOfId(session);
  const time = `${zonedTime(zone, nowMs).slice(0, 5)} ${zoneName}${facts.virtual ? ' (virtual clock)' : ''}`;
  screen.header({
    session,
    time,
    users,
    signals,
    pricesFrom,
    mode: facts.mode,
    dryRun: facts.dryRun,
    sample: facts.sample,
    database: facts.database,
  });
}

/** One bar per signal, from the events of the run: how many of its orders the venue has answered. */
function signalBars(screen: Screen): { draw: Emit; stop(): void } {
  let progress: Progress | null = null;
  const counts = new Map<string, { done: number; total: number }>();
  return {
    draw(event) {
      if (event.type === 'sending' && event.signals.some(({ done, total }) => done < total)) {
        progress = screen.progress.signalProgress(
          event.signals.map(({ signalId, ...signal }) => ({ id: signalId, ...signal })),
        );
        for (const { signalId, done, total } of event.signals) counts.set(signalId, { done, total });
      }
      if (event.type !== 'order_settled' || event.outcome === 'not_sent' || event.signalId === null) return;
      const id = event.signalId;
      const count = counts.get(id);
      if (!count) return;
      count.done += 1;
      progress?.update(id, count.done, count.total);
    },
    stop: () => progress?.stop(),
  };
}
