// Writes the bad rows of a file to a file of their own, to be mended and given again.
import { writeFileSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import type { Problem } from '../../../domain/types.ts';
import { headerOf } from './header.ts';
import { physicalLines, recordAt } from './records.ts';

/** Columns behind those of the file; a reader knows them not and says so, so that a mended file may be given again. */
const ADDED = ['problem_line', 'problem'];

/**
 * Writes the rows a file has problems with, as they stand in it, each with its line and what is wrong: to mend and give
 * again. For its owner only: it has what the file has. @throws Error where it can't be written
 */
export function writeRejects(path: string, bytes: Uint8Array, wanted: readonly string[], problems: Problem[]): void {
  const lines = physicalLines(new TextDecoder().decode(bytes));
  const { names, line, delimiter } = headerOf(lines, wanted);
  const bad = problems.filter((problem) => problem.line > line && problem.line <= lines.length);
  const rows = bad.map(({ line: at, field, reason }) => {
    const { cells, text } = recordAt(lines, at - 1, delimiter);
    const values = cells.kind === 'cells' && cells.values.length === names.length ? cells.values : whole(text, names);
    return [...values, String(at), field === null ? reason : `${field}: ${reason}`];
  });
  const kept = names.filter((name) => !ADDED.includes(name));
  const columns = names.flatMap((name, at) => (ADDED.includes(name) ? [] : [at]));
  const table = rows.map((row) => [...columns.map((at) => row[at] ?? ''), ...row.slice(names.length)]);
  writeFileSync(path, stringify([[...kept, ...ADDED], ...table]), { mode: 0o600 });
}

/** A row that is no record stands in the first cell as a whole. */
function whole(text: string, names: readonly string[]): string[] {
  return names.map((_, at) => (at === 0 ? text : ''));
}
