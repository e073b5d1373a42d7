// Empty jobs through graphile-worker: added in bulk, then worked off with its local queue and batched completions, as its
// documentation advises for speed. Told as JSON {url, jobs}; says the milliseconds until no job is left in the database.
import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import pg from 'pg';

const { url, jobs } = JSON.parse(process.argv[2] ?? '{}');
const logger = new Logger(() => () => undefined);
const pgPool = new pg.Pool({ connectionString: url, max: 10 });
const broken = (error) => {
  throw error;
};
pgPool.on('error', broken);
pgPool.on('connect', (client) => client.on('error', broken));
await runMigrations({ pgPool, logger });
const utils = await makeWorkerUtils({ pgPool, logger });

const beganMs = performance.now();
for (let n = 0; n < jobs; n += 1000) {
  await utils.addJobs(
    Array.from({ length: Math.min(1000, jobs - n) }, (_, index) => ({
      identifier: 'empty',
      payload: { n: n + index },
    })),
  );
}
let worked = 0;
const all = Promise.withResolvers();
const preset = {
  worker: { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
};
await run({
  pgPool,
  logger,
  noHandleSignals: true,
  preset,
  taskList: {
    empty: async () => {
      worked += 1;
      if (worked >= jobs) all.resolve();
    },
  },
});
await all.promise;
for (;;) {
  const { rows } = await pgPool.query('select exists (select from graphile_worker.jobs) as open');
  if (!rows[0].open) break;
}
process.send({ ms: performance.now() - beganMs });
process.exit();
