// Empty jobs through pg-boss: enqueued in bulk, then fetched and completed in batches by four workers. Told as JSON
// {url, jobs}; says the milliseconds until every job is completed in the database.
import pg from 'pg';
import { PgBoss } from 'pg-boss';

const { url, jobs } = JSON.parse(process.argv[2] ?? '{}');
const QUEUE = 'bench';
const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false });
boss.on('error', (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(QUEUE);
const pool = new pg.Pool({ connectionString: url, max: 1 });

const beganMs = performance.now();
for (let n = 0; n < jobs; n += 1000) {
  await boss.insert(
    QUEUE,
    Array.from({ length: Math.min(1000, jobs - n) }, (_, index) => ({ data: { n: n + index } })),
  );
}
let worked = 0;
const all = Promise.withResolvers();
// Each job has an outcome of its own, as an order has: one that fails must not fail its batch.
const options = {
  batchSize: 500,
  localConcurrency: 4,
  perJobResults: true,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
};
await boss.work(QUEUE, options, async (batch) => {
  worked += batch.length;
  if (worked >= jobs) all.resolve();
  return batch.map(({ id }) => ({ id, status: 'completed' }));
});
await all.promise;
for (;;) {
  const { rows } = await pool.query("select exists (select from pgboss.job where state <> 'completed') as open");
  if (!rows[0].open) break;
}
process.send({ ms: performance.now() - beganMs });
process.exit();
