import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { openTestRun } from '../contract/support/test-run.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { nowMs, user } from '../support/builders.ts';
import { freshPostgres } from '../support/postgres.ts';

/** The program on a server's database, where Asha has a paper account with 1,00,000 rupees. */
async function programWithAccount() {
  const postgres = await freshPostgres();
  onTestFinished(() => postgres.close());
  const store = makeStore(postgres);
  await openTestRun(store, { users: [user('asha', { name: 'Asha Rao' })] });
  const here = cliSandbox(false);
  const account = (args: string[], env: Record<string, string> = {}) =>
    here.run(['account', '--user', 'Asha Rao', '--by', 'ravi', ...args], { DATABASE_URL: postgres.url, ...env });
  return { account, store, session: postgres.session };
}

const why = ['--why', 'wired on Monday'];

test('a deposit says what there was and is, and is shown with the account and in the log', async () => {
  const { account, store } = await programWithAccount();
  const done = await account(['--deposit', '50000.50', ...why]);
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(
    /^Deposited ₹50,000\.50 in the paper account of Asha Rao \(asha\) at paper \(entry \d+\): cash ₹1,00,000\.00 → ₹1,50,000\.50\. ₹1,50,000\.50 can be used\.\n$/,
  );
  expect((await account([])).stdout).toMatch(
    /cash ₹1,50,000\.50, held ₹0\.00\n {4}\S+ \S+ {2}deposit ₹50,000\.50 \(operator\)\n/,
  );
  const acts = await store.call('read_actions', {
    beforeId: null,
    limit: 1,
    userId: 'asha',
    action: null,
    sinceMs: null,
  });
  expect(acts).toMatchObject([{ action: 'move_cash', who: 'ravi', why: 'wired on Monday' }]);
});

test('a command that is given twice deposits once; named, it counts once and a second may follow', async () => {
  const { account } = await programWithAccount();
  await account(['--deposit', '100', ...why]);
  const twice = await account(['--deposit', '100', ...why]);
  expect(twice).toMatchObject({ code: 2, stdout: '' });
  expect(twice.stderr).toMatch(/Nothing was booked: a deposit of ₹100\.00 was booked at .* already .* --reference R/);
  const named = ['--deposit', '100', '--reference', 'NEFT-7', ...why, '--json'];
  expect(JSON.parse((await account(named)).stdout)).toMatchObject({
    kind: 'moved',
    cashBefore: '100100.00',
    cash: '100200.00',
  });
  expect(JSON.parse((await account(named)).stdout)).toMatchObject({ kind: 'counted_before', cash: '100200.00' });
  const other = await account(['--withdraw', '100', '--reference', 'NEFT-7', ...why]);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('NEFT-7 stands for a deposit of ₹100.00') });
});

test('a withdrawal is refused with what there is', async () => {
  const { account } = await programWithAccount();
  const refused = await account(['--withdraw', '100000.01', ...why]);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('₹1,00,000.00 can be used: nothing was withdrawn.');
  expect((await account(['--withdraw', '100000', ...why])).stdout).toContain('cash ₹1,00,000.00 → ₹0.00');
});

test('a deposit into a blocked account says that it is blocked, and which command opens it', async () => {
  const { account, session } = await programWithAccount();
  await session.exec(`update public.accounts set cash_minor = -500, not_ready = 'available money is below zero: acknowledge it';
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
    select id, 'adjustment', -10000500, 0, now() from public.accounts`);
  const done = await account(['--deposit', '100', ...why]);
  expect(done.stdout).toContain('cash -₹5.00 → ₹95.00');
  const [, block = ''] = /still blocked: .*--acknowledge paper --seen (b\d+)\n$/s.exec(done.stdout) ?? [];
  expect(await account(['--acknowledge', 'paper', '--seen', block])).toMatchObject({ code: 0 });
});

test.each([
  ['is an amount in rupees above 0', ['--deposit', '1,000', ...why]],
  ['is an amount in rupees above 0', ['--withdraw', '10.005', ...why]],
  ['is an amount in rupees above 0', ['--deposit', '0', ...why]],
  ['needs --why', ['--deposit', '10']],
  ['first the one, then the other', ['--deposit', '10', '--withdraw', '10', ...why]],
  ['goes alone', ['--deposit', '10', '--trading', 'no', ...why]],
  ['--reference is', ['--deposit', '10', '--reference', 'two words', ...why]],
  ['goes with --deposit or --withdraw', ['--reference', 'R1']],
  ['has no paper account at kite', ['--deposit', '10', '--venue', 'kite', ...why]],
])('refuses: %s', async (problem, args) => {
  const { account } = await programWithAccount();
  expect(await account(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(problem) });
});

test('of accounts in two currencies says which, and takes and shows each amount in its own', async () => {
  const { account, store } = await programWithAccount();
  const by = { who: 'ravi', how: 'cli' } as const;
  const dollars = user('asha', { name: 'Asha Rao', currency: 'USD', capitalMinor: 10_000_00 });
  await store.call('import_users', { users: [dollars], mode: 'paper', source: 's', nowMs, by });
  const which = await account(['--deposit', '10', ...why]);
  expect(which).toMatchObject({ code: 2, stderr: expect.stringContaining('say --currency INR or USD.') });
  const unknown = await account(['--deposit', '10', '--currency', 'EUR', ...why]);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('EUR is none of the currencies') });
  const none = await account(['--deposit', '10', '--currency', 'SOL', ...why]);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('no paper account in SOL') });
  const tooFine = await account(['--deposit', '10.005', '--currency', 'USD', ...why]);
  expect(tooFine).toMatchObject({ code: 2, stderr: expect.stringContaining('an amount in USD above 0') });
  const done = await account(['--deposit', '1250.5', '--currency', 'USD', ...why]);
  expect(done.stdout).toContain('cash $10,000.00 → $11,250.50. $11,250.50 can be used.');
  const json = await account(['--withdraw', '0.50', '--currency', 'USD', '--json', ...why]);
  expect(JSON.parse(json.stdout)).toMatchObject({ currency: 'USD', amount: '0.50', cash: '11250.00' });
  const { stdout } = await account([]);
  expect(stdout).toContain('account     paper, paper: cash ₹1,00,000.00, held ₹0.00');
  expect(stdout).toContain('account     paper, paper: cash $11,250.00, held $0.00');
});

test('in live mode no money is moved: it is what the venue says', async () => {
  const { account } = await programWithAccount();
  const refused = await account(['--deposit', '10', ...why], { TRADING_MODE: 'live' });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('what its venue says') });
});

test('what was moved shows on the evening page of its day', async () => {
  const { store } = await programWithAccount();
  const by = { who: 'ravi', how: 'cli', why: 'w' } as const;
  const out = {
    userId: 'asha',
    venue: null,
    kind: 'withdrawal',
    amountMinor: 5_00,
    reference: 'W',
    isNamed: true,
  } as const;
  await store.call('move_cash', { ...out, by, nowMs });
  const { accounts } = await store.call('read_day', { tradeDate: '2025-08-28', mode: 'paper' });
  expect(accounts).toMatchObject({ depositedMinor: 1_00_000_00, withdrawnMinor: 5_00 });
});
