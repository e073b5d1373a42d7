import { realClock } from '../adapters/clock.ts';
import { readInstruments } from '../adapters/files/instruments-file.ts';
import { readPrices } from '../adapters/files/prices-file.ts';
import { readSignals } from '../adapters/files/signals-file.ts';
import type { FileResult } from '../adapters/files/source.ts';
import { readUsers } from '../adapters/files/users-file.ts';
import type { Config } from '../config.ts';
import type { Store } from '../ports/store.ts';
import { makeScreen } from '../terminal/screen.ts';
import { placeOf } from '../wire.ts';
import { sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

const BATCH_ROWS = 5000;

interface Importer {
  /** Reads the file and gives a way to write its good rows. */
  read(file: string): { file: FileResult<unknown>; write(store: Store, config: Config): Promise<void> };
}

function importer<Row>(
  read: (file: string) => FileResult<Row>,
  write: (rows: Row[], store: Store, config: Config, source: string) => Promise<unknown>,
): Importer {
  return {
    read(path) {
      const file = read(path);
      return {
        file,
        async write(store, config) {
          if (file.kind === 'unusable') return;
          for (let start = 0; start < file.rows.length; start += BATCH_ROWS) {
            await write(file.rows.slice(start, start + BATCH_ROWS), store, config, `import:${path}`);
          }
        },
      };
    },
  };
}

const importers: Record<string, Importer> = {
  signals: importer(readSignals, (signals, store, _, source) => store.call('import_signals', { signals, source })),
  users: importer(readUsers, (users, store, { mode }, source) => {
    return store.call('import_users', { users, mode, source, nowMs: realClock().nowMs() });
  }),
  prices: importer(readPrices, (prices, store) => store.call('import_prices', { prices })),
  instruments: importer(readInstruments, (instruments, store) => store.call('import_instruments', { instruments })),
};

/** `npm run import -- users F.csv`: the good rows go into the database, the bad ones are named. May be repeated. */
export function importFile(what: string, path: string) {
  return async (config: Config, { json }: { json?: boolean }): Promise<number | Refusal> => {
    const importer = importers[what];
    if (!importer)
      return refusal('bad_flag', `"${what}" can't be imported: it is one of ${Object.keys(importers).join(', ')}.`);
    const { file, write } = importer.read(path);
    if (file.kind === 'unusable') return refusal(file.code, file.message, file.problems);
    const place = placeOf(config, 'main');
    sayPlace(place);
    await withStore(config, place, (store) => write(store, config));
    if (json) {
      process.stdout.write(`${JSON.stringify({ imported: file.rows.length, problems: file.problems })}\n`);
      return 0;
    }
    const screen = makeScreen({ stream: process.stdout, isTerminal: process.stdout.isTTY ?? false });
    for (const warning of file.warnings) screen.note(`Note: ${warning}`);
    screen.problems(file.problems);
    screen.note(`Imported ${file.rows.length} ${what} from ${path}.`);
    return 0;
  };
}
