import { writeRejects } from '../../adapters/files/csv/rejects.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { makeScreen } from '../../terminal/screen.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { importers, type Reading, type Told } from './kinds.ts';

export interface ImportFlags {
  by?: string;
  why?: string;
  json?: boolean;
  /** Where rows with problems are kept, to be mended and given again. */
  rejects?: string;
  /** WhatsApp numbers may change without a question. */
  yes?: boolean;
}

/**
 * `npm run import -- users F.csv`: the good rows go into the database, the bad ones are named (and kept with --rejects),
 * and what changed is told. A WhatsApp number changes only with a yes. May be repeated.
 */
export function importFile(what: string, path: string) {
  return async (config: Config, flags: ImportFlags): Promise<number | Refusal> => {
    const importer = importers.get(what);
    if (!importer)
      return refusal('bad_flag', `"${what}" can't be imported: it is one of ${[...importers.keys()].join(', ')}.`);
    const first = importer(path, config);
    if (first.file.kind === 'unusable') return unusable(first, flags);
    const place = targetOf(config, 'main');
    showTarget(place);
    const done = await withStore(config, place, async (store) => {
      const reading = await first.asListedIn(store);
      if (reading.file.kind === 'unusable') return unusable(reading, flags);
      const told = await reading.write(store, actorOf(flags), flags.yes ?? false);
      return 'kind' in told ? told : { told, reading };
    });
    if ('kind' in done) return done;
    report(what, path, done, flags);
    return 0;
  };
}

function unusable({ file, bytes, columns }: Reading, { rejects }: ImportFlags): Refusal {
  if (file.kind === 'read') throw new Error('this file can be used');
  if (rejects !== undefined && bytes && file.problems.length > 0) writeRejects(rejects, bytes, columns, file.problems);
  return refusal(file.code, file.message, file.problems);
}

function report(what: string, path: string, done: { told: Told; reading: Reading }, flags: ImportFlags): void {
  const { told, reading } = done;
  const { bytes, columns, file } = reading;
  const problems = [...file.problems, ...told.problems];
  if (flags.rejects !== undefined && bytes) writeRejects(flags.rejects, bytes, columns, problems);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ imported: told.imported, problems, ...told.details })}\n`);
    return;
  }
  const screen = makeScreen({ stream: process.stdout, isTerminal: process.stdout.isTTY ?? false });
  for (const warning of file.kind === 'read' ? file.warnings : []) screen.note(`Note: ${warning}`);
  screen.problems(problems);
  screen.note(`Imported ${told.imported} ${told.imported === 1 ? what.replace(/s$/, '') : what} from ${path}.`);
  for (const line of told.lines) screen.note(line);
  if (problems.length === 0) return;
  const rows = problems.length === 1 ? '1 row was' : `${problems.length} rows were`;
  const kept = flags.rejects === undefined ? '--rejects F.csv keeps them to mend' : `kept in ${flags.rejects}`;
  screen.note(`${rows} not taken: ${kept}.`);
}
