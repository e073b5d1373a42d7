// npm run purge: what is closed and old is shown, exported, read back and removed; a legal hold stops it.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { monthEnd } from '../../src/domain/market/india-time.ts';
import { manifestHash, removalScene, today, yearsLater } from '../contract/removal/scene.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { tradeDate } from '../support/builders.ts';
import { freshPostgres } from '../support/postgres.ts';

const end = monthEnd(today);
const month = end.slice(0, 7);

/** The program ten years after a day on which Asha bought, whose month is closed. */
async function programYearsLater() {
  const postgres = await freshPostgres();
  const { session } = postgres;
  const value = async (sql: string, params?: unknown[]) =>
    Object.values((await session.query(sql, params))[0] ?? {})[0];
  const scene = removalScene({ store: makeStore(postgres), session, value });
  await scene.trade('asha');
  await scene.finishRuns();
  await scene.close(end);
  const name = String(await value('select quote_ident(current_database())'));
  await session.exec(`alter database ${name} set daily_scan.now = '${yearsLater(10)}T12:00:00+05:30'`);
  const folder = mkdtempSync(join(tmpdir(), 'daily-scan-purge-'));
  onTestFinished(async () => {
    await session.exec(`alter database ${name} reset daily_scan.now`);
    await postgres.close();
    rmSync(folder, { recursive: true });
  });
  const here = cliSandbox(false);
  const purge = (...args: string[]) =>
    here.run(['purge', '--why', 'past eight years', '--by', 'ravi', ...args], { DATABASE_URL: postgres.url });
  const program = (...args: string[]) => here.run(args, { DATABASE_URL: postgres.url });
  return { ...scene, purge, program, folder, value };
}

test('it shows what would go and changes nothing; asked nobody, it removes nothing; with an export and --yes it removes', async () => {
  const { purge, program, folder, counted, accounts, allAddsUp, value } = await programYearsLater();
  const [before, all] = [await accounts(), await counted()];
  const shown = await purge('--through', month);
  expect(shown).toMatchObject({ code: 0 });
  expect(shown.stdout).toMatch(/Through \d{4}-\d\d-\d\d would go:[\s\S]* {2}orders: 1\n[\s\S]*Nothing was removed/);
  const nobody = await purge('--through', month, '--export', folder);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('Nobody is here to ask: say --yes.') });
  expect(await counted()).toEqual(all);

  const done = await purge('--through', month, '--export', folder, '--yes');
  expect(done).toMatchObject({ code: 0, stdout: `Removed: the records through ${end}.\n` });
  expect(await counted()).toMatchObject({ orders: 0, fills: 0, decisions: 0, run_users: 0, scan_runs: 1, signals: 1 });
  expect(await accounts()).toEqual(before);
  await allAddsUp();

  const manifest = readFileSync(join(folder, end, 'manifest.json'), 'utf8');
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  expect(await value('select manifest_hash from public.removed_periods')).toBe(sha256(manifest));
  for (const { table, rows, sha256: hash } of JSON.parse(manifest).files) {
    const text = readFileSync(join(folder, end, `${table}.jsonl`), 'utf8');
    expect(sha256(text), table).toBe(hash);
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
    expect(lines, table).toHaveLength(rows);
    if (table in all && !['scan_runs', 'signals'].includes(table))
      // What names no order was paid in, and stays.
      expect(rows, table).toBe(table === 'ledger_entries' ? Number(all[table]) - 1 : all[table]);
  }
  // An empty page is not taken for an empty day.
  const removed = expect.stringContaining(`The records through ${end} were removed on`);
  for (const page of [
    ['day', '--date', today],
    ['why', '--user', 'asha', '--date', today],
    ['report', '--run', tradeDate],
  ])
    expect(await program(...page), page[0]).toMatchObject({ code: 0, stderr: removed });
  const again = await purge('--through', month, '--export', folder, '--yes');
  expect(again).toMatchObject({ code: 0, stdout: `The records through ${end} are removed already.\n` });
}, 60_000);

test('a removal that was broken off goes on without another export', async () => {
  const { purge, folder, counted, mark, allAddsUp } = await programYearsLater();
  expect(await mark(end, manifestHash)).toMatchObject({ kind: 'marked' });
  const done = await purge('--through', month, '--export', folder, '--yes');
  expect(done).toMatchObject({ code: 0 });
  expect(await counted()).toMatchObject({ orders: 0, decisions: 0, run_users: 0 });
  await allAddsUp();
}, 60_000);

test.each([
  [['--through', '2018-13'], 'a month such as 2018-03'],
  [['--through', month, '--hold'], 'Give one of'],
  [['--through', month, '--years', '7'], 'the law wants eight'],
  [['--through', month, '--years', '30'], 'Only what is older than'],
  [['--through', '2026-01'], 'are not closed through 2026-01-31'],
])(
  '%j is refused, and nothing is removed',
  async (args, why) => {
    const { purge, folder, counted } = await programYearsLater();
    const all = await counted();
    const refused = await purge(...args, '--export', folder, '--yes');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
    expect(await counted()).toEqual(all);
  },
  60_000,
);

test('under a legal hold nothing is removed until it is lifted', async () => {
  const { purge, folder, counted } = await programYearsLater();
  expect((await purge('--hold')).stdout).toMatch(/^A legal hold is now on/);
  const all = await counted();
  const refused = await purge('--through', month, '--export', folder, '--yes');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('A legal hold is on (past eight years)') });
  expect(await counted()).toEqual(all);
  expect((await purge('--release')).stdout).toMatch(/^A legal hold is now lifted/);
  expect(await purge('--through', month, '--export', folder, '--yes')).toMatchObject({ code: 0 });
}, 60_000);
