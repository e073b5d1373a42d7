// Prometheus metrics of this process, loaded when the first event comes.
import type { PrometheusContentType } from 'prom-client';
import type { Emit } from '../../ports/events/events.ts';
import type { Answer } from '../../ports/store/store.ts';
import type { makeRegistry } from './registry.ts';

export type Gauges = Answer<'read_gauges'>;

/**
 * Prometheus metrics of one process. What passes (calls, requests, stages) is counted from the events it gets; what
 * stands (orders, queue, messages) is read from the database at each scrape, so that it is right after a restart and the
 * same in every process. Labels are terms of ours, venues and symbols: never a user, never free text.
 */
export interface Metrics {
  emit: Emit;
  /** The text format, with what stands now; null: the database did not say, and its gauges are left out. */
  text(gauges: Gauges | null, nowMs: number): Promise<string>;
  contentType: PrometheusContentType;
}

export function makeMetrics(): Metrics {
  let made: ReturnType<typeof makeRegistry> | null = null;
  let making: ReturnType<typeof makeLater> | null = null;
  const make = async () => {
    making ??= makeLater();
    made = await making;
    return made;
  };
  return {
    emit: (event) => (made ? made.emit(event) : void make().then(({ emit }) => emit(event))),
    text: async (gauges, nowMs) => (await make()).text(gauges, nowMs),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  };
}

/** Loaded behind the first event, which a request emits when its answer is ready: the first answer need not wait. */
async function makeLater(): Promise<ReturnType<typeof makeRegistry>> {
  // Loading itself never lets go of the thread.
  await new Promise((resolve) => setImmediate(resolve));
  const { makeRegistry } = await import('./registry.ts');
  return makeRegistry();
}
