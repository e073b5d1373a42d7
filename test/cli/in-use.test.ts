import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { startChild } from '../adapters/store/children.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { refusalOn } from '../stages/support/report-shape.ts';

test('a process that finds the database in use waits, and ends with 1 and the pid of the other', async () => {
  const { runAlone, dataDir } = cliSandbox();
  const holder = startChild('lock', join(dataDir, 'sample'), inject('databases').cacheDir);
  await holder.says('held');
  // Both wait their 30 seconds at the same time.
  const ended = await Promise.all([
    runAlone(['scan', '--json']),
    runAlone(['report', '--json', '--run', 'XNSE:2025-07-23:open:paper'], { DATABASE_URL: `file://${dataDir}/sample` }),
  ]);
  for (const { code, stdout } of ended) {
    expect(code).toBe(1);
    const error = refusalOn(stdout);
    expect(error.code).toBe('database_in_use');
    expect(error.message).toContain(`in use by process ${holder.pid}`);
  }
  await holder.kill();
  expect((await runAlone(['scan', '--json'])).code).toBe(0);
}, 120_000);
