// Reads the files a scan is given: signals, users, prices and faults.
import { parseTable, type Table } from '../../adapters/files/csv/table.ts';
import { readFaults } from '../../adapters/files/faults-file.ts';
import { type DayPrice, pricesTable } from '../../adapters/files/prices-file.ts';
import { signalsTable } from '../../adapters/files/signals-file.ts';
import { type FileResult, readBytes } from '../../adapters/files/source.ts';
import { usersTable } from '../../adapters/files/users-file.ts';
import { accountVenues } from '../../adapters/venues/module.ts';
import type { Config } from '../../config/config.ts';
import type { Fault } from '../../domain/faults.ts';
import { type SymbolReader, symbolReader, unsureReader } from '../../domain/market/symbols.ts';
import type { Problem } from '../../domain/types.ts';
import type { Store } from '../../ports/store/store.ts';
import type { RunInputs } from '../../stages/scan/request.ts';
import { actorOf } from '../actor.ts';
import { type Refusal, refusal } from '../refusal.ts';

export interface FileFlags {
  signals?: string;
  users?: string;
  prices?: string;
  faults?: string;
  by?: string;
}

export interface InputFiles {
  /** The same files once more, as what is listed in a database says their symbols are to be read. */
  asListedIn(store: Store): Promise<InputFiles | Refusal>;
  inputs: RunInputs;
  prices: DayPrice[] | null;
  faults: Fault[] | null;
  warnings: string[];
}

/** The files of a scan, each read once: it may be a pipe. */
interface Load {
  /** Where users may be. */
  venues: readonly string[];
  table<Row>(path: string, table: Table<Row>): FileResult<Row>;
  faults(path: string): FileResult<Fault>;
}

/** Reads every file a scan was given, or says which can't be used and why. */
export function readInputFiles(flags: FileFlags, { venues }: Pick<Config, 'venues'>): InputFiles | Refusal {
  return parseInputFiles(flags, readingOnce(accountVenues(venues.modules)), unsureReader);
}

function readingOnce(venues: readonly string[]): Load {
  const sources = new Map<string, ReturnType<typeof readBytes>>();
  let faults: FileResult<Fault> | null = null;
  return {
    venues,
    table(path, table) {
      const source = sources.get(path) ?? readBytes(path);
      sources.set(path, source);
      return source.kind === 'unusable' ? source : parseTable(path, source.bytes, table);
    },
    faults(path) {
      faults ??= readFaults(path);
      return faults;
    },
  };
}

function parseInputFiles(flags: FileFlags, load: Load, readSymbol: SymbolReader): InputFiles | Refusal {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const refusals: Refusal[] = [];
  const take = <Row>(file: string | undefined, read: (file: string) => FileResult<Row>): Row[] | null => {
    if (file === undefined) return null;
    const result = read(file);
    if (result.kind === 'unusable') {
      refusals.push(refusal(result.code, result.message, result.problems));
      return null;
    }
    problems.push(...result.problems);
    warnings.push(...result.warnings);
    return result.rows;
  };
  const signals = take(flags.signals, (path) => load.table(path, signalsTable(readSymbol)));
  const users = take(flags.users, (path) => load.table(path, usersTable(load.venues)));
  const prices = take(flags.prices, (path) => load.table(path, pricesTable(readSymbol)));
  const faults = take(flags.faults, load.faults);
  const [first] = refusals;
  if (first) {
    const message = refusals.map((one) => one.message).join('\n');
    return refusal(first.code, message, [...problems, ...refusals.flatMap((one) => one.problems)]);
  }
  const inputs = {
    signalsSource: `import:${flags.signals ?? ''}`,
    usersSource: `import:${flags.users ?? ''}`,
    instruments: [],
    signals,
    users,
    problems,
    by: actorOf(flags),
  };
  return {
    inputs,
    prices,
    faults,
    warnings,
    async asListedIn(store) {
      if (signals === null && prices === null) return this;
      const listed = await store.call('read_listings', { symbols: null });
      return parseInputFiles(flags, load, symbolReader(listed));
    },
  };
}
