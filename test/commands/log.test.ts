import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { openTestRun } from '../contract/support/test-run.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { freshPostgres } from '../support/postgres.ts';

async function ground() {
  const postgres = await freshPostgres();
  onTestFinished(() => postgres.close());
  await openTestRun(makeStore(postgres));
  const here = cliSandbox(false);
  const run = (...args: string[]) => here.run(args, { DATABASE_URL: postgres.url });
  return { run, session: postgres.session };
}

test('what a command does stands in the log under who did it, and a changed row is found', async () => {
  const { run, session } = await ground();
  expect(await run('halt', '--user', 'asha', '--why', 'a drill', '--by', 'ravi')).toMatchObject({ code: 0 });
  expect(await run('account', '--user', 'asha', '--active', 'no', '--why', 'on leave')).toMatchObject({ code: 0 });

  const shown = await run('log', '--user', 'asha');
  expect(shown.stdout).toMatch(/set_user +user:asha +active true → false +on leave/);
  expect(shown.stdout).toMatch(/ravi +cli +halt +user:asha +a drill/);
  const listed = JSON.parse((await run('log', '--limit', '1', '--json')).stdout);
  expect(listed.actions).toMatchObject([{ action: 'set_user', who: expect.stringMatching(/^.+@.+$/), how: 'cli' }]);
  const below = JSON.parse((await run('log', '--limit', '1', '--after', String(listed.next), '--json')).stdout);
  expect(below.actions).toMatchObject([{ action: 'halt', who: 'ravi', why: 'a drill' }]);

  const good = await run('log', '--verify');
  expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('are as they were written') });
  const head = /--kept (\d+:[0-9a-f]{64})/.exec(good.stdout)?.[1] ?? '';
  expect(await run('log', '--verify', '--kept', head)).toMatchObject({ code: 0 });

  await session.exec(`set session_replication_role = replica;
    update public.operator_actions set who = 'asha' where action = 'halt'`);
  const id = JSON.parse((await run('log', '--action', 'halt', '--json')).stdout).actions[0].id;
  const bad = await run('log', '--verify');
  expect(bad).toMatchObject({ code: 1, stdout: `Action ${id} is not what it was: it or its hash was changed.\n` });
});

test.each([
  ['--kept is the head', ['--verify', '--kept', 'abc']],
  ['give both', ['--kept', `1:${'0'.repeat(64)}`]],
  ['--limit is a whole number', ['--limit', '0']],
  ['--after is the number', ['--after', 'x']],
  ['--action is one of', ['--action', 'sing']],
  ['--since is a day', ['--since', 'yesterday']],
])('refuses: %s', async (why, args) => {
  const here = cliSandbox(false);
  expect(await here.run(['log', ...args], {})).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
});
