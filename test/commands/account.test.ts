import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { decideAll, openTestRun, take } from '../contract/support/test-run.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { nowMs, signal, tradeDate } from '../support/builders.ts';
import { freshPostgres } from '../support/postgres.ts';

/** The program on a server's database, where Asha's paper account has a drift. */
async function accountWithDrift() {
  const postgres = await freshPostgres();
  onTestFinished(() => postgres.close());
  const store = makeStore(postgres);
  const testRun = await openTestRun(store, { signals: ['TITAN', 'INFY', 'ITC'].map((symbol) => signal(symbol)) });
  const [row] = await postgres.session.query('select id from public.accounts');
  const drift = async (what: string) => {
    const one = { accountId: Number(row?.['id']), kind: 'order', what, ours: 'filled', theirs: 'canceled' } as const;
    await store.call('store_drifts', { tradeDate, nowMs, drifts: [one] });
  };
  const here = cliSandbox(false);
  const account = (...args: string[]) =>
    here.run(['account', '--user', 'asha', ...args], { DATABASE_URL: postgres.url });
  return { drift, account, store, testRun };
}

test('what blocks an account is acknowledged as it was shown, and what came later is shown next', async () => {
  const { drift, account } = await accountWithDrift();
  await drift('abc');
  const refused = await account('--acknowledge', 'paper');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  const command = /--acknowledge paper --seen (d\d+)$/m;
  const acknowledged = command.exec(refused.stderr)?.[1] ?? '';
  expect(refused.stderr).toContain(`${acknowledged}  order abc: ours filled, theirs canceled`);

  await drift('xyz');
  const done = await account('--acknowledge', 'paper', '--seen', acknowledged);
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining(`Acknowledged ${acknowledged}.\n`) });
  expect(done.stdout).toContain('order xyz: ours filled, theirs canceled');
  expect(done.stdout).not.toContain('order abc');
  expect(command.exec(done.stdout)?.[1]).not.toBe(acknowledged);

  const again = await account('--acknowledge', 'paper', '--seen', acknowledged);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing of this to acknowledge') });
  const shown = JSON.parse((await account('--json')).stdout);
  expect(shown).toMatchObject({ id: 'asha', blocks: [{ venue: 'paper', block: null, drifts: [{ what: 'xyz' }] }] });
});

test.each([
  ['--seen says what', ['--seen', 'd1']],
  ['is a list such as', ['--acknowledge', 'paper', '--seen', 'all']],
])('refuses: %s', async (why, args) => {
  const { account } = await accountWithDrift();
  expect(await account(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
});

test('lists of symbols are kept as the shares they name, however they are spelled', async () => {
  const { account } = await accountWithDrift();
  const set = await account('--deny', 'titan.ns,TITAN.BO,M_M,ABB-BE', '--allow', 'NSE:INFY', '--json');
  expect(JSON.parse(set.stdout)).toMatchObject({
    denySymbols: ['TITAN', 'TITAN', 'M&M', 'ABB'],
    allowSymbols: ['INFY'],
  });
  const refused = await account('--deny', 'A_B');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--deny: "A_B" may be A&B or A-B') });
});

test('who is paused is told how many orders that stopped, and how many went before', async () => {
  const { account, store, testRun } = await accountWithDrift();
  await decideAll(testRun);
  expect(await take(store, 'm1', { limit: 1 })).toHaveLength(1);
  const denied = await account('--deny', 'ITC');
  expect(denied.stdout).toMatch(/^1 order not sent yet: canceled\.\nasha/);
  const paused = await account('--trading', 'no');
  expect(paused.stdout).toMatch(
    /^1 order not sent yet: canceled\.\n1 order sent already: with the venue, not called back\.\nasha/,
  );
  const again = JSON.parse((await account('--trading', 'no', '--json')).stdout);
  expect(again).toMatchObject({ tradingEnabled: false, orders: { stopped: 0, underWay: 1 } });
  expect((await account()).stdout).toMatch(/^asha/);
});
