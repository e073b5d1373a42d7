// Prometheus metrics of this process, loaded when the first event comes.
import type { Metrics, makeRegistry } from './registry.ts';

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
