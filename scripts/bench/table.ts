// Prints the bench's rows as a table.
import Table from 'cli-table3';
import type { BenchCase, Row } from './bench-case.ts';

export type Measured = Row & { case: string };

export function tableOf(rows: readonly Measured[]): string {
  const table = new Table({
    head: ['case', 'what', 'goal', 'result', 'ratio', 'verdict'],
    style: { head: [], border: [] },
    colWidths: [16, 44, 26, 44, 10, 36],
    wordWrap: true,
  });
  for (const row of rows) table.push([row.case, row.what, row.goal, row.result, row.ratio, row.verdict]);
  return table.toString();
}

/** What a case that threw leaves in the table: the others still run. */
export function failedRow({ name, what }: Pick<BenchCase, 'name' | 'what'>, error: unknown): Measured {
  const why = error instanceof Error ? error.message : String(error);
  return { case: name, what, goal: '', result: '', ratio: '', verdict: `not measured: it failed: ${why}` };
}
