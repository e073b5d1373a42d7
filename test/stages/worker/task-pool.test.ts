import { expect, test } from 'vitest';
import { taskPool } from '../../../src/concurrency/task-pool.ts';

test('a piece that fails while nobody waits for one is told when all have ended', async () => {
  const counter = taskPool(async (item: string) => {
    if (item === 'bad') throw new Error('the connection broke');
    return true;
  });
  counter.start('good');
  counter.start('bad');
  await expect.poll(() => counter.underWay()).toBe(0);
  await expect(counter.ended()).rejects.toThrow('the connection broke');
});

test('pieces that ended well are counted, once none is under way any more', async () => {
  const go = Promise.withResolvers<void>();
  const counter = taskPool(async (isGood: boolean) => {
    await go.promise;
    return isGood;
  });
  for (const isGood of [true, false, true]) counter.start(isGood);
  const ended = counter.ended();
  go.resolve();
  expect(await ended).toBe(2);
});
