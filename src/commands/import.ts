import { realClock } from '../adapters/clock.ts';
import { readInstruments } from '../adapters/files/instruments-file.ts';
import { readPrices } from '../adapters/files/prices-file.ts';
import { readSignals } from '../adapters/files/signals-file.ts';
import type { FileResult } from '../adapters/files/source.ts';
import { readUsers } from '../adapters/files/users-file.ts';
import type { Config } from '../config.ts';
import type { Actor } from '../domain/actions.ts';
import type { Mode } from '../domain/words.ts';
import type { Store } from '../ports/store.ts';
import { makeScreen } from '../terminal/screen.ts';
import { placeOf } from '../wire.ts';
import { actorOf } from './actor.ts';
import { sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

const BATCH_ROWS = 5000;

interface Importer {
  /** Reads the file and gives a way to write its good rows. */
  read(file: string): { file: FileResult<unknown>; write(store: Store, config: Config, by: Actor): Promise<void> };
}

/** Where the rows go, and who brings them. */
interface Destination {
  store: Store;
  mode: Mode;
  source: string;
  by: Actor;
}

export interface ImportFlags {
  by?: string;
  why?: string;
  json?: boolean;
}

function importer<Row>(
  read: (file: string) => FileResult<Row>,
  write: (rows: Row[], to: Destination) => Promise<unknown>,
): Importer {
  return {
    read(path) {
      const file = read(path);
      return {
        file,
        async write(store, config, by) {
          if (file.kind === 'unusable') return;
          for (let start = 0; start < file.rows.length; start += BATCH_ROWS) {
            const rows = file.rows.slice(start, start + BATCH_ROWS);
            await write(rows, { store, mode: config.mode, source: `import:${path}`, by });
          }
        },
      };
    },
  };
}

const importers: Record<string, Importer> = {
  signals: importer(readSignals, (signals, { store, source, by }) => {
    return store.call('import_signals', { signals, source, by });
  }),
  users: importer(readUsers, (users, { store, mode, source, by }) => {
    return store.call('import_users', { users, mode, source, nowMs: realClock().nowMs(), by });
  }),
  prices: importer(readPrices, (prices, { store, by }) => store.call('import_prices', { prices, by })),
  instruments: importer(readInstruments, (instruments, { store, by }) => {
    return store.call('import_instruments', { instruments, by });
  }),
};

/** `npm run import -- users F.csv`: the good rows go into the database, the bad ones are named. May be repeated. */
export function importFile(what: string, path: string) {
  return async (config: Config, { json, ...flags }: ImportFlags): Promise<number | Refusal> => {
    const importer = importers[what];
    if (!importer)
      return refusal('bad_flag', `"${what}" can't be imported: it is one of ${Object.keys(importers).join(', ')}.`);
    const { file, write } = importer.read(path);
    if (file.kind === 'unusable') return refusal(file.code, file.message, file.problems);
    const place = placeOf(config, 'main');
    sayPlace(place);
    await withStore(config, place, (store) => write(store, config, actorOf(flags)));
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
