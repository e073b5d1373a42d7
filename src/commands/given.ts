import { readFaults } from '../adapters/files/faults-file.ts';
import { type DayPrice, readPrices } from '../adapters/files/prices-file.ts';
import { readSignals } from '../adapters/files/signals-file.ts';
import type { FileResult } from '../adapters/files/source.ts';
import { readUsers } from '../adapters/files/users-file.ts';
import type { Fault } from '../domain/faults.ts';
import type { Problem } from '../domain/words.ts';
import type { Given } from '../stages/request.ts';
import { actorOf } from './actor.ts';
import { type Refusal, refusal } from './refusal.ts';

export interface FileFlags {
  signals?: string;
  users?: string;
  prices?: string;
  faults?: string;
  by?: string;
}

export interface GivenFiles {
  given: Given;
  prices: DayPrice[] | null;
  faults: Fault[] | null;
  warnings: string[];
}

/** Reads every file a scan was given, or says which can't be used and why. */
export function readGiven(flags: FileFlags): GivenFiles | Refusal {
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
  const signals = take(flags.signals, readSignals);
  const users = take(flags.users, readUsers);
  const prices = take(flags.prices, readPrices);
  const faults = take(flags.faults, readFaults);
  const [first] = refusals;
  if (first) {
    const message = refusals.map((one) => one.message).join('\n');
    return refusal(first.code, message, [...problems, ...refusals.flatMap((one) => one.problems)]);
  }
  const given = {
    signalsSource: `import:${flags.signals ?? ''}`,
    usersSource: `import:${flags.users ?? ''}`,
    instruments: [],
    signals,
    users,
    problems,
    by: actorOf(flags),
  };
  return { given, prices, faults, warnings };
}
