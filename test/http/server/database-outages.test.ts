import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { openTestRun } from '../../contract/support/test-run.ts';
import { type Forwarder, openForwarder } from '../../simulators/tcp-forwarder.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';

const CRON_SECRET = 'cron-secret-of-the-tests';
let database: TestPostgres;
let forwarder: Forwarder;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await freshPostgres();
  forwarder = await openForwarder(database.url);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  forwarder.close();
  await database.close();
});

/** `npm start` by way of the wire. */
function start() {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, HOST: '127.0.0.1', PORT: '0', CRON_SECRET, DATABASE_URL: forwarder.url };
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: resolve(import.meta.dirname, '../../..'),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let stderr = '';
  const address = Promise.withResolvers<string>();
  createInterface(child.stderr).on('line', (line) => {
    stderr += `${line}\n`;
    const found = /daily-scan runs HTTP on (http:\/\/[\d.:]+)/.exec(line)?.[1];
    if (found) address.resolve(found);
  });
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, stderr }));
  void ended.then(() => address.reject(new Error(stderr)));
  address.promise.catch(() => undefined);
  return { child, stderr: () => stderr, address: address.promise, ended };
}

async function until<Result>(ask: () => Promise<Result | null>): Promise<Result> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await ask();
    if (found !== null) return found;
    await pause(50);
  }
  throw new Error('this never came');
}

/** Until /ready has this status; gives the codes of its problems. */
const ready = (address: string, status: number) =>
  until(async () => {
    const answer = await fetch(`${address}/ready`);
    if (answer.status !== status) return null;
    const { problems = [] } = (await answer.json()) as { problems?: { code: string }[] };
    return problems.map(({ code }) => code);
  });

/** Which run is closed by whoever works: a decided one without orders. */
async function emptyRun(name: string): Promise<string> {
  const store = makeStore(database);
  const testRun = await openTestRun(store, { runId: name, signals: [signal(name.toUpperCase())], users: [user(name)] });
  await database.session.query('update public.run_users set decided_at = now() where run_id = $1', [testRun.runId]);
  await store.call('decide_run', { runId: testRun.runId, nowMs });
  return testRun.runId;
}

const isDone = (runId: string) =>
  until(async () => {
    const rows = await database.session.query("select 1 from public.scan_runs where id = $1 and state = 'done'", [
      runId,
    ]);
    return rows.length > 0 ? true : null;
  });

describe('the service whose database fails and comes back', { timeout: 60_000 }, () => {
  test.each(['XX000', '53300', '57P03', '72000'])(
    'lives through %s, at its start too, and then works',
    async (code) => {
      forwarder.refuse(code);
      const service = start();
      const address = await service.address;
      expect((await fetch(`${address}/health`)).status).toBe(200);
      expect(await ready(address, 503)).toEqual(['database_lost']);
      forwarder.refuse(null);
      expect(await ready(address, 200)).toEqual([]);
      await isDone(await emptyRun('before'));

      forwarder.refuse(code);
      expect(await ready(address, 503)).toEqual(['database_lost']);
      const after = await emptyRun('after');
      forwarder.refuse(null);
      await isDone(after);
      expect(service.stderr()).toContain('Waiting for the database');
      service.child.kill('SIGTERM');
      expect((await service.ended).code).toBe(0);
    },
  );

  test.each(['28P01', '3D000'])('ends with 2 where the settings are not accepted at its start (%s)', async (code) => {
    forwarder.refuse(code);
    const { code: exit, stderr } = await start().ended;
    expect([exit, stderr]).toEqual([2, expect.stringContaining('The database does not accept the settings')]);
  });

  test('goes on where a login that was good is refused later', async () => {
    const service = start();
    const address = await service.address;
    await ready(address, 200);
    forwarder.refuse('28P01');
    expect(await ready(address, 503)).toEqual(['database_lost']);
    await until(async () => (service.stderr().includes('part_failed') ? true : null));
    forwarder.refuse(null);
    await isDone(await emptyRun('later'));
  });
});
