// What a bench case is, and how its figures become rows of the table.
import type { BenchServer } from './core/databases.ts';

/** One line of the table. Ratios are always of two figures of the same run. */
export interface Row {
  what: string;
  goal: string;
  result: string;
  ratio: string;
  /** `met`, `missed`, `for the record` where no goal is set, or `not measured: why`. */
  verdict: string;
}

export interface BenchCase {
  name: string;
  what: string;
  measure(bench: Bench): Promise<Row[]>;
}

/** What every case is given. */
export interface Bench {
  server: BenchServer;
  /** 1: the sizes the goals are set for. Users, orders, rows, latencies and durations shrink with it. */
  scale: number;
  /** How often a case is repeated; null: five times where a repetition is cheap, else once. */
  times: number | null;
  /** Orders under way at once at the venue. */
  concurrency: number;
  /** Combinations that take minutes, too. */
  all: boolean;
  /** Whether other job queues are measured beside ours. */
  peers: boolean;
  /** How many past orders `growth` makes. */
  pastOrders: number;
  /** Open-loop rates of `http` besides those of the goals, in orders a second. */
  rates: readonly number[];
  /** Where `plans` writes. */
  plansDirectory: string;
  say(line: string): void;
}

/** A figure held against its goal. At another scale than the goal's it is shown without a verdict. */
export function judged(bench: Bench, row: Omit<Row, 'verdict'> & { met: boolean }): Row {
  const { met, ...rest } = row;
  const verdict = bench.scale === 1 ? (met ? 'met' : 'missed') : `not measured: scale ${bench.scale}`;
  return { ...rest, verdict };
}

/** A figure nobody set a goal for. */
export function recorded(what: string, result: string, ratio = ''): Row {
  return { what, goal: '', result, ratio, verdict: 'for the record' };
}

export function notMeasured(what: string, goal: string, why: string): Row {
  return { what, goal, result: '', ratio: '', verdict: `not measured: ${why}` };
}

/** A size of the goal at this bench's scale. */
export function scaled({ scale }: Pick<Bench, 'scale'>, size: number, minimum = 1): number {
  return Math.max(minimum, Math.round(size * scale));
}

/** Does it as often as the bench is told to, one after another. */
export async function repeated<Result>(
  { times }: Bench,
  cost: 'cheap' | 'big',
  once: () => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let n = 0; n < (times ?? (cost === 'cheap' ? 5 : 1)); n++) results.push(await once());
  return results;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `median of 5`, or how else a figure came about. */
export function howOften(values: readonly unknown[]): string {
  return values.length === 1 ? 'once' : `median of ${values.length}`;
}

/** 12345.6 as `12,346`, 12.34 as `12.3`. */
export function figure(value: number): string {
  const digits = Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

export function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** How long something took, in milliseconds, with what came of it. */
export async function clocked<Result>(work: () => Promise<Result>): Promise<{ ms: number; result: Result }> {
  const startMs = performance.now();
  const result = await work();
  return { ms: performance.now() - startMs, result };
}
