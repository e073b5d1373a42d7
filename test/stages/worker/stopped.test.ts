import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { stoppedWithin } from '../../../src/stages/until-stopped.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

test('a bound nobody listens to comes, however often memory is collected before', async () => {
  const service = new AbortController();
  const bounds = Array.from({ length: 50 }, () => stoppedWithin(30, service.signal));
  for (let n = 0; n < 10; n += 1) {
    await pause(1);
    collectGarbage();
  }
  await pause(100);
  expect(bounds.filter(({ aborted }) => !aborted)).toEqual([]);
  expect(service.signal.aborted).toBe(false);
});

test('a bound ends with its service, at once where that has ended already, and does without one', async () => {
  const service = new AbortController();
  const bound = stoppedWithin(60_000, service.signal);
  expect(bound.aborted).toBe(false);
  service.abort();
  expect(bound.aborted).toBe(true);
  expect(stoppedWithin(60_000, service.signal).aborted).toBe(true);
  const alone = stoppedWithin(1);
  await pause(50);
  expect(alone.aborted).toBe(true);
});
