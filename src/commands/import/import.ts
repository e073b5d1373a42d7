// npm run import: puts the good rows of a file into the database, and names the bad ones.
import { writeRejects } from '../../adapters/files/csv/rejects.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { makeScreen } from '../../terminal/screen.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { type ImportResult, importers, type Reading } from './kinds.ts';
import { importVenueInstruments } from './venue-instruments.ts';

export interface ImportFlags {
  by?: string;
  why?: string;
  json?: boolean;
  /** Where rows with problems are kept, to be mended and given again. */
  rejects?: string;
  /** WhatsApp numbers may change without a question. */
  yes?: boolean;
  /** Whose list of instruments is taken, where no file is given. */
  venue?: string;
}

/** `npm run import`: a file, or with --venue a venue's own list of instruments. */
export function importFrom(what: string, path: string | undefined) {
  return (config: Config, flags: ImportFlags): Promise<number | Refusal> => {
    if (flags.venue === undefined && path !== undefined) return importFile(what, path)(config, flags);
    if (flags.venue !== undefined && path === undefined && what === 'instruments') {
      return importVenueInstruments(config, { ...flags, venue: flags.venue });
    }
    const message = 'Give one file (npm run import -- users F.csv), or of instruments a venue: instruments --venue V.';
    return Promise.resolve(refusal('bad_flag', message));
  };
}

/**
 * `npm run import -- users F.csv`: the good rows go into the database, the bad ones are named (and kept with --rejects),
 * and what changed is printed. A WhatsApp number changes only with a yes. May be repeated.
 */
function importFile(what: string, path: string) {
  return async (config: Config, flags: ImportFlags): Promise<number | Refusal> => {
    const importer = importers.get(what);
    if (!importer)
      return refusal('bad_flag', `"${what}" can't be imported: it is one of ${[...importers.keys()].join(', ')}.`);
    const first = importer(path, config);
    if (first.file.kind === 'unusable') return unusable(first, flags);
    const target = targetOf(config, 'main');
    showTarget(target);
    const done = await withStore(config, target, async (store) => {
      const reading = await first.asListedIn(store);
      if (reading.file.kind === 'unusable') return unusable(reading, flags);
      const result = await reading.write(store, actorOf(flags), flags.yes ?? false);
      return 'kind' in result ? result : { result, reading };
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

function report(
  what: string,
  path: string,
  done: { result: ImportResult; reading: Reading },
  flags: ImportFlags,
): void {
  const { result, reading } = done;
  const { bytes, columns, file } = reading;
  const problems = [...file.problems, ...result.problems];
  if (flags.rejects !== undefined && bytes) writeRejects(flags.rejects, bytes, columns, problems);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ imported: result.imported, problems, ...result.details })}\n`);
    return;
  }
  const screen = makeScreen({ stream: process.stdout, isTerminal: process.stdout.isTTY ?? false });
  for (const warning of file.kind === 'read' ? file.warnings : []) screen.note(`Note: ${warning}`);
  screen.problems(problems);
  screen.note(`Imported ${result.imported} ${result.imported === 1 ? what.replace(/s$/, '') : what} from ${path}.`);
  for (const line of result.lines) screen.note(line);
  if (problems.length === 0) return;
  const rows = problems.length === 1 ? '1 row was' : `${problems.length} rows were`;
  const kept = flags.rejects === undefined ? '--rejects F.csv keeps them to mend' : `kept in ${flags.rejects}`;
  screen.note(`${rows} not taken: ${kept}.`);
}
