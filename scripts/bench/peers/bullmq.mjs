// Empty jobs through BullMQ: added in bulk, then worked off by one worker. Told as JSON {port, jobs}; says the milliseconds
// until every job is completed in Redis.
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const { port, jobs } = JSON.parse(process.argv[2] ?? '{}');
const connect = () => new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
const queue = new Queue('bench', { connection: connect(), defaultJobOptions: { removeOnComplete: true } });
await queue.waitUntilReady();

const beganMs = performance.now();
for (let n = 0; n < jobs; n += 1000) {
  await queue.addBulk(
    Array.from({ length: Math.min(1000, jobs - n) }, (_, index) => ({ name: 'empty', data: { n: n + index } })),
  );
}
let worked = 0;
const all = Promise.withResolvers();
const worker = new Worker('bench', async () => undefined, { connection: connect(), concurrency: 100 });
worker.on('completed', () => {
  worked += 1;
  if (worked >= jobs) all.resolve();
});
await all.promise;
process.send({ ms: performance.now() - beganMs });
process.exit();
