import { stringify } from 'csv-stringify/sync';
import type { Config } from '../config.ts';
import { parseTradeDate } from '../domain/ist.ts';
import { possibleSymbols, shareReader } from '../domain/symbols.ts';
import { reportOf } from '../stages/report.ts';
import { makeScreen } from '../terminal/screen.ts';
import { whyText } from '../terminal/why.ts';
import { placeToAsk, sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

interface RunFlags {
  run: string;
  json?: boolean;
  csv?: boolean;
}

/** `npm run why`: why a user did or did not get a symbol, from the decision to the last fill. */
export async function whyCommand(
  config: Config,
  { user, symbol, date, json }: { user: string; symbol: string; date?: string; json?: boolean },
): Promise<number | Refusal> {
  if (date !== undefined && parseTradeDate(date) === null) {
    return refusal('bad_flag', `--date ${date} is not a date, such as 2025-08-28.`);
  }
  const place = placeToAsk(config);
  sayPlace(place);
  const answer = await withStore(config, place, async (store) => {
    const read = shareReader(await store.call('read_listings', { symbols: possibleSymbols(symbol) }));
    const found = read(symbol);
    return store.call('why', { user, symbol: 'value' in found ? found.value : symbol, date: date ?? null });
  });
  process.stdout.write(
    json ? `${JSON.stringify(answer)}\n` : `${whyText(answer, { user, symbol, date: date ?? null })}\n`,
  );
  return 0;
}

/** `npm run report`: the report of a run again, on the screen, as JSON, or its orders as CSV. */
export async function reportAgain(config: Config, { run, json, csv }: RunFlags): Promise<number | Refusal> {
  const place = placeToAsk(config);
  sayPlace(place);
  const found = await withStore(config, place, async (store) => {
    return { report: await reportOf(store, run), timings: await store.call('read_run_timings', { runId: run }) };
  });
  const { report, timings } = found;
  if (!report || !timings) return noSuchRun(run);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else if (csv) process.stdout.write(stringify(report.orders, { header: true, escape_formulas: true }));
  else {
    screen().report(report);
    screen().timings(timings, report);
  }
  return 0;
}

/** Exit 2 with the shape of a run's id. */
export function noSuchRun(run: string): Refusal {
  return refusal('no_such_run', `There is no run ${run} here. A run is named like XNSE:2025-08-28:open:paper.`);
}

/** Standard output, as a terminal where it is one. */
export function screen() {
  const { stdout } = process;
  return makeScreen({ stream: stdout, isTerminal: stdout.isTTY ?? false, columns: stdout.columns });
}
