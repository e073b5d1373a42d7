import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DatabaseInUseError, lockDatabase } from '../../../src/adapters/store/pglite/lock.ts';
import { startChild } from './children.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daily-scan-lock-'));
  path = join(directory, 'main');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('keeps a second process out, and names the first one', async () => {
  const first = startChild('lock', path, '');
  await first.says('held');
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
  };
  const error = await lockDatabase(path, { waitMs: 30_000, sleep }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DatabaseInUseError);
  expect(String(error)).toContain(`the database ${path} is in use by process ${first.pid}`);
  expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(30_000);
});

test('lets a waiting process in when the first one lets go', async () => {
  const first = startChild('lock', path, '');
  await first.says('held');
  const second = startChild('lock', path, '', 30_000);
  first.stop();
  await second.says('held');
  second.stop();
  await second.ended;
  expect(readdirSync(directory)).toEqual([]);
});

test('takes over from a process that was killed, without waiting', async () => {
  const first = startChild('lock', path, '');
  await first.says('held');
  await first.kill();
  expect(existsSync(`${path}.lock`)).toBe(true);
  const release = await lockDatabase(path, { waitMs: 0 });
  expect(readdirSync(directory)).toEqual(['main.lock']);
  release();
  expect(readdirSync(directory)).toEqual([]);
});

test('takes over when the pid now belongs to another process', async () => {
  writeFileSync(`${path}.lock`, JSON.stringify({ pid: process.pid, start: 'some other time' }));
  const release = await lockDatabase(path, { waitMs: 0 });
  await expect(lockDatabase(path, { waitMs: 0 })).rejects.toThrow(`process ${process.pid}`);
  release();
});

test('takes over from one that was killed while it took over', async () => {
  const dead = JSON.stringify({ pid: 2 ** 22 + 1, start: 'gone' });
  for (const file of [`${path}.lock`, `${path}.lock.takeover`, `${path}.lock.takeover.takeover`])
    writeFileSync(file, dead);
  const release = await lockDatabase(path, { waitMs: 0 });
  release();
  expect(readdirSync(directory)).toEqual([]);
});

test('lets exactly one of many processes take over the lock of a dead one', async () => {
  for (let round = 0; round < 3; round += 1) {
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, start: 'gone' }));
    const rivals = Array.from({ length: 6 }, () => startChild('lock', path, ''));
    const first = await Promise.all(rivals.map((rival) => Promise.race([rival.says('held'), rival.says('in use by')])));
    expect(first.filter((line) => line === 'held')).toHaveLength(1);
    await Promise.all(rivals.map((rival) => rival.kill()));
  }
});

test('refuses a lock file it did not write, rather than guess', async () => {
  writeFileSync(`${path}.lock`, 'something else');
  await expect(lockDatabase(path, { waitMs: 0 })).rejects.toThrow(/not a lock file of this program/);
});
