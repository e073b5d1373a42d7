// Plays schedules of a simulated day, each given by its seed: `npm run simulate -- --runs N --seed S [--minutes M] [--postgres] [--log]`.
// With `--planted` it plays them with each of the planted bugs, and names the seed that catches it.
import { Command } from 'commander';
import { openPglite } from '../src/adapters/store/pglite/pglite.ts';
import { openPostgresSession } from '../src/adapters/store/postgres.ts';
import { kindsOfFaults } from '../test/simulation/common/fault-kinds.ts';
import { type Ground, groundOn } from '../test/simulation/common/ground.ts';
import { hunt } from '../test/simulation/common/hunt.ts';
import { plantedBugs } from '../test/simulation/day/planted/planted.ts';
import { plantedOutside, plantedWithOutsider } from '../test/simulation/day/planted/planted-outside.ts';
import { type Played, playSchedule } from '../test/simulation/day/schedule.ts';
import { plantedInWeeks } from '../test/simulation/week/planted/planted.ts';
import { huntInWeeks, playWeek } from '../test/simulation/week/play.ts';
import { type BenchServer, startServer } from './bench/core/databases.ts';
import { machinesPostgres } from './bench/postgres-server.ts';
import { configured, parsed, positiveNumber, wholeNumber } from './support/flags.ts';

interface Flags {
  runs: number;
  seed: number;
  minutes?: number;
  postgres: boolean;
  log: boolean;
  planted: boolean;
  weeks: boolean;
}

const flags = parsed(
  new Command('simulate')
    .description('Plays schedules of a simulated day, each given by its seed, and checks every promise at every step.')
    .option('--runs <N>', 'how many schedules', wholeNumber, 100)
    .option('--seed <S>', 'the first seed; the next schedules have the next seeds', wholeNumber, 1)
    .option('--minutes <M>', 'stop after this time', positiveNumber)
    .option('--postgres', 'on a Postgres of its own, where a second session holds rows now and then', false)
    .option('--log', 'print every step, not only those of a schedule that breaks a promise', false)
    .option('--weeks', 'whole weeks with their nights instead of one day each', false)
    .option('--planted', 'play with each of the planted bugs, and name the seed that catches it', false),
).opts<Flags>();
const { dataDir } = configured();
const seeds = { first: flags.seed, runs: flags.runs };
const minutes = flags.minutes ?? Number.POSITIVE_INFINITY;
process.exitCode = (await (flags.planted ? huntAll() : simulate())) ? 0 : 1;

async function freshGround(): Promise<Ground> {
  if (flags.postgres) return postgresGround(await startServer(machinesPostgres()));
  const onSlowStart = (text: string) => process.stderr.write(`${text}\n`);
  return groundOn(await openPglite({ path: 'memory', cacheDir: dataDir, saveCache: true, onSlowStart }));
}

/** Two sessions of one database: ours, and another that holds rows. */
async function postgresGround(server: BenchServer): Promise<Ground> {
  const { url, session, close } = await server.fresh();
  const outsider = await openPostgresSession(url);
  const closeAll = async (): Promise<void> => {
    await outsider.close();
    await close();
    await server.stop();
  };
  return groundOn({ session, outsider: outsider, close: closeAll });
}

/** True when every planted bug was caught. */
async function huntAll(): Promise<boolean> {
  const shared = await freshGround();
  const all = Array.from({ length: seeds.runs }, (_, index) => seeds.first + index);
  let missed = 0;
  const ofDays = [...plantedBugs, ...plantedOutside, ...(flags.postgres ? plantedWithOutsider : [])];
  const bugs = flags.weeks ? plantedInWeeks : [...ofDays, ...plantedInWeeks];
  for (const bug of bugs) {
    const ground = bug.sql ? await freshGround() : shared;
    const isOfWeeks = plantedInWeeks.includes(bug);
    const caught = await (isOfWeeks ? huntInWeeks(ground, bug, all) : hunt(ground, bug, all));
    if (ground !== shared) await ground.close();
    if (!caught) missed += 1;
    const found = caught ? `seed ${caught.seed} after ${caught.schedules}: ${caught.broken}` : 'NOT CAUGHT';
    process.stdout.write(`${bug.name}: ${found}\n`);
  }
  await shared.close();
  process.stdout.write(`planted bugs ${bugs.length}, not caught ${missed}\n`);
  return missed === 0;
}

/** Logged only where it is shown. */
async function weekWithLog(ground: Ground, seed: number): Promise<Played> {
  const played = await playWeek(ground, seed, { logs: flags.log });
  return played.broken.length === 0 || flags.log ? played : playWeek(ground, seed, { logs: true });
}

/** True when every promise was kept. */
async function simulate(): Promise<boolean> {
  const ground = await freshGround();
  const startedMs = performance.now();
  const totals = new Map<string, number>();
  let played = 0;
  let violated = 0;
  const inTime = () => performance.now() - startedMs < minutes * 60_000;
  for (let seed = seeds.first; seed < seeds.first + seeds.runs && inTime(); seed += 1) {
    const { broken, log, counts } = await (flags.weeks ? weekWithLog(ground, seed) : playSchedule(ground, seed));
    played += 1;
    for (const [what, count] of counts) totals.set(what, (totals.get(what) ?? 0) + count);
    if (broken.length > 0) violated += 1;
    if (broken.length > 0 || flags.log) for (const line of log) process.stdout.write(`  ${line}\n`);
    for (const what of broken) process.stdout.write(`seed ${seed} BROKEN ${what}\n`);
    if (broken.length > 0)
      process.stdout.write(`again: npm run simulate -- ${flags.weeks ? '--weeks ' : ''}--runs 1 --seed ${seed}\n`);
    if (played % 500 === 0) process.stderr.write(`${played} schedules, ${violated} with a violation\n`);
  }
  await ground.close();
  emitTotals(totals, played, violated, (performance.now() - startedMs) / 1000);
  return violated === 0;
}

function emitTotals(totals: ReadonlyMap<string, number>, played: number, violated: number, seconds: number): void {
  const kinds = kindsOfFaults(totals);
  const injected = kinds.reduce((sum, { count }) => sum + count, 0);
  const work = ['steps', 'store calls', 'orders sent', 'lookups', 'venue messages', 'messages sent']
    .map((what) => `${what} ${totals.get(what) ?? 0}`)
    .join(', ');
  for (const { kind, count, faults } of kinds) process.stdout.write(`${kind} ${count}: ${faults.join(', ')}\n`);
  process.stdout.write(
    `schedules ${played}, seeds ${seeds.first} to ${seeds.first + played - 1}, ${work}, faults ${injected}, ` +
      `violations ${violated}, ${seconds.toFixed(0)} s, ${(played / seconds).toFixed(1)} schedules/s\n`,
  );
}
