// Feeds odd text, numbers and JSON to all that hears from outside, through to the database:
// `npm run fuzz -- --runs N --seed S [--only TARGET]`. A failure names the smallest input that makes it.
import { Command } from 'commander';
import { openPglite } from '../src/adapters/store/pglite/pglite.ts';
import { fuzzTargets } from '../test/fuzz/all.ts';
import { feed } from '../test/fuzz/target.ts';
import { configured, parsed, wholeNumber } from './support/flags.ts';

const flags = parsed(
  new Command('fuzz')
    .description('Feeds odd text, numbers and JSON to all that hears from outside, through to the database.')
    .option('--runs <N>', 'how many inputs for each target', wholeNumber, 1_000)
    .option('--seed <S>', 'where the inputs begin', wholeNumber, 1)
    .option('--only <TARGET>', 'one target alone'),
).opts<{ runs: number; seed: number; only?: string }>();
const { dataDir } = configured();
process.on('unhandledRejection', (error) => {
  throw new Error('a rejection nobody handled', { cause: error });
});
for (const [name, open] of Object.entries(fuzzTargets)) {
  if (flags.only !== undefined && flags.only !== name) continue;
  const onSlowStart = (text: string) => process.stderr.write(`${text}\n`);
  const database = await openPglite({ path: 'memory', cacheDir: dataDir, saveCache: true, onSlowStart });
  // It lives on a day of its own.
  await database.session.exec("set daily_scan.clock = 'virtual'");
  const target = await open(database);
  const startedMs = performance.now();
  try {
    await feed(target, flags.seed, flags.runs);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof Error && error.cause instanceof Error) process.stdout.write(`${error.cause.stack}\n`);
  } finally {
    await target.close();
    await database.close();
  }
  const inputs = [...target.fed].map(([kind, times]) => `${kind} ${times}`).join(', ');
  const total = [...target.fed.values()].reduce((sum, times) => sum + times, 0);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${name}: seed ${flags.seed}, ${total} inputs in ${seconds} s (${inputs})\n`);
}
