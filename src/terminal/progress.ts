// Progress of a run’s orders, as bars on a terminal or as plain lines.
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Side } from '../domain/types.ts';
import { grouped } from './format.ts';
import { fitted, padded } from './width.ts';

export interface ProgressSignal {
  id: string;
  symbol: string;
  side: Side;
}

export interface SignalProgress {
  /** Orders done out of those to do for one signal; an id nobody named is left alone. */
  update(signalId: string, done: number, total: number): void;
  /** A line above the bars while they run. */
  note(text: string): void;
  /** Ends the drawing; call it in a `finally`, for the bars keep a timer. A second call does nothing. */
  stop(): void;
}

/** More bars than this would not fit a small screen, so all signals then share one. */
const MAX_BARS = 12;

interface Standing extends ProgressSignal {
  done: number;
  total: number;
}

/** Progress without a terminal: one plain line when a signal is done, and at the end one for each that is not. */
export function plainProgress(signals: ProgressSignal[], write: (line: string) => void): SignalProgress {
  const standings = standingsOf(signals);
  let stopped = false;
  const say = (one: Standing) => write(`${labelOf(one)}: ${grouped(one.done)} of ${grouped(one.total)} orders done`);
  return {
    update(signalId, done, total) {
      const one = standings.get(signalId);
      if (!one || stopped || (one.done === done && one.total === total)) return;
      Object.assign(one, { done, total });
      if (done >= total) say(one);
    },
    note: write,
    stop() {
      if (stopped) return;
      stopped = true;
      for (const one of standings.values()) if (one.done < one.total) say(one);
    },
  };
}

/** Progress on a terminal: a bar per signal, or one for all where they are many. */
export function barProgress(signals: ProgressSignal[], stream: NodeJS.WritableStream, columns: number): SignalProgress {
  const standings = standingsOf(signals);
  const bars = newBars(stream, columns);
  const shared = signals.length > MAX_BARS;
  const names = shared ? [`${signals.length} signals`] : signals.map(labelOf);
  const width = Math.max(...names.map((name) => name.length), 0);
  const drawn: SingleBar[] = names.map((name) => bars.create(0, 0, { name: padded(name, width) }));
  const ids = [...standings.keys()];
  return {
    update(signalId, done, total) {
      const one = standings.get(signalId);
      if (!one) return;
      Object.assign(one, { done, total });
      const bar = drawn[shared ? 0 : ids.indexOf(signalId)];
      const shown = shared ? sumOf([...standings.values()]) : one;
      bar?.setTotal(shown.total);
      bar?.update(shown.done);
    },
    note: (line) => bars.log(`${line}\n`),
    stop() {
      if (!bars.isActive) return;
      bars.update();
      bars.stop();
    },
  };
}

function newBars(stream: NodeJS.WritableStream, columns: number): MultiBar {
  return new MultiBar({
    stream,
    format: '{name}  {bar}  {value} of {total} orders',
    barsize: Math.max(8, Math.min(32, columns - 48)),
    barCompleteChar: '━',
    barIncompleteChar: '╌',
    fps: 10,
    emptyOnZero: true,
    // No hidden cursor and no wrapping switched off: nothing to restore if the process is killed, so no signal handler.
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  });
}

function standingsOf(signals: ProgressSignal[]): Map<string, Standing> {
  return new Map(signals.map((signal) => [signal.id, { ...signal, done: 0, total: 0 }]));
}

function sumOf(standings: Standing[]): { done: number; total: number } {
  return standings.reduce((sum, one) => ({ done: sum.done + one.done, total: sum.total + one.total }), {
    done: 0,
    total: 0,
  });
}

function labelOf({ symbol, side }: ProgressSignal): string {
  return `${side} ${fitted(symbol, 24)}`;
}
