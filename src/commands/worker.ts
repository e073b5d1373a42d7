import { realClock } from '../adapters/clock.ts';
import { storedQuotes } from '../adapters/quotes/quotes.ts';
import type { Config } from '../config.ts';
import { makeLog } from '../log.ts';
import { makeWorld, openListener, openStore } from '../wire.ts';
import { work } from '../work.ts';
import { placeToAsk, sayPlace } from './place.ts';

/** A stop that has not finished by then is ended: whoever stops us would kill us soon after. */
const STOP_WITHIN_MS = 25_000;

/** `npm run worker`: works until SIGTERM or SIGINT, then finishes what is with a venue and hands the rest back. */
export async function workerCommand(config: Config): Promise<number> {
  const place = placeToAsk(config);
  sayPlace(place);
  const stop = stopSignal();
  const store = await openStore({
    config,
    place,
    readOnly: false,
    onSlowStart: (text) => process.stderr.write(`${text}\n`),
  });
  const listener = await openListener(place);
  try {
    const tell = makeLog(config.logLevel);
    const world = await makeWorld({
      config,
      place,
      store,
      clock: realClock(),
      quotes: storedQuotes(store),
      faults: null,
      tell,
    });
    process.stderr.write('Working; SIGTERM or Ctrl-C stops.\n');
    await work(world, { concurrency: config.concurrency, stop, woken: () => listener.next() });
    return 0;
  } finally {
    await listener.close();
    await store.close();
  }
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      controller.abort();
      setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    });
  }
  return controller.signal;
}
