// A live day of many users at Kite, Lemonn and Alpaca on the loopback, on a real Postgres, while a share of submissions and
// lookups goes wrong in every way the venues know; prints what became of the orders, and exits with 1 for anything wrong:
// `node scripts/venue-storm.ts [--users N] [--seed S] [--faults PERCENT]`.
import { Command, InvalidArgumentError } from 'commander';
import { openPostgres, openPostgresSession } from '../src/adapters/store/postgres.ts';
import { makeStore } from '../src/adapters/store/store.ts';
import setup, { type TestDatabases } from '../test/support/global-setup.ts';
import { parsed, wholeNumber } from './support/flags.ts';
import { storm } from './venue-storm/storm.ts';

const command = parsed(
  new Command('venue-storm')
    .description('Plays a live day at three venues that misbehave, and compares the books.')
    .option('--users <N>', 'how many users, each at one venue', wholeNumber, 200)
    .option('--seed <S>', 'draws the faults', wholeNumber, 1)
    .option('--faults <PERCENT>', 'how many of a hundred submissions and lookups go wrong', percent, 5),
);

function percent(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= 0 && number <= 100)) throw new InvalidArgumentError('Give 0 to 100.');
  return number;
}

async function startPostgres(): Promise<{ databases: TestDatabases; teardown: () => Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<TestDatabases>();
  const teardown = await setup({ provide: (_key, value) => resolve(value) });
  const databases = await promise;
  if (databases.problem !== null) throw new Error(`Postgres did not start: ${databases.problem}`);
  return { databases, teardown };
}

const { users, seed, faults } = command.opts<{ users: number; seed: number; faults: number }>();
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const beganMs = performance.now();
const { databases, teardown } = await startPostgres();
const databaseUrl = databases.postgresUrl.replace(/\/postgres$/, '/venue_storm');
const admin = await openPostgresSession(databases.postgresUrl);
await admin.exec(`create database venue_storm template ${databases.template}`);
const session = await openPostgresSession(databaseUrl);
const store = makeStore(openPostgres({ url: databaseUrl, max: 10 }), { virtual: true });
try {
  const options = { databaseUrl, store, session, users, seed, faultPercent: faults, timeoutMs: 1_200, say };
  const wrong = await storm(options);
  for (const one of wrong) say(`VIOLATION ${one}`);
  say(`venue storm: users ${users}, seed ${seed}, faults ${faults} %, violations ${wrong.length}`);
  say(`${Math.round((performance.now() - beganMs) / 1000)} s`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await Promise.all([session.close(), store.close(), admin.close()]);
  await teardown();
}
