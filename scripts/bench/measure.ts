// Runs bench cases one after another; one that fails leaves a row.
import { type Bench, type BenchCase, clocked, figure } from './bench-case.ts';
import { failedRow, type Measured } from './table.ts';

/** Runs the cases one after another. One that fails leaves a row that says so. */
export async function measure(bench: Bench, cases: readonly BenchCase[]): Promise<Measured[]> {
  const rows: Measured[] = [];
  for (const one of cases) {
    bench.say(`${one.name}: ${one.what}`);
    const { ms, result } = await clocked(() => measured(bench, one));
    bench.say(`${one.name}: ${figure(ms / 1000)} s`);
    rows.push(...result);
  }
  return rows;
}

async function measured(bench: Bench, one: BenchCase): Promise<Measured[]> {
  try {
    return (await one.measure(bench)).map((row) => ({ case: one.name, ...row }));
  } catch (error) {
    bench.say(`${one.name} failed: ${error instanceof Error ? error.stack : String(error)}`);
    return [failedRow(one, error)];
  }
}
