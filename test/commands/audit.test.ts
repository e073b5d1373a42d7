import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../contract/support/test-run.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { tradeDate } from '../support/builders.ts';
import { freshPostgres } from '../support/postgres.ts';

/** The program on a server's database where Asha has bought 10 TITAN at 100.00. */
async function auditedBooks() {
  const postgres = await freshPostgres();
  onTestFinished(() => postgres.close());
  const store = makeStore(postgres);
  await decideAll(await openTestRun(store));
  const { orderId } = await sendOne(store);
  await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
  const here = cliSandbox(false);
  const audit = (...args: string[]) => here.run(['audit', ...args], { DATABASE_URL: postgres.url, COLUMNS: '80' });
  return { session: postgres.session, audit };
}

const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);

test('books that are what the facts come to: the day in figures, no difference, exit 0', async () => {
  const { audit } = await auditedBooks();
  const printed = await audit();
  expect(printed).toMatchObject({ code: 0, stderr: 'Database: DATABASE_URL\n' });
  expect(printed.stdout).toBe(`Audit of ${tradeDate}

Audited     1 account to the end of the day: 1 order, 1 fill, 3 ledger entries
On the day  1 order, 1 fill
Cash        ₹1,00,000.00 came, ₹0.00 went, but for orders
Charges     ₹1.19
Realised    ₹0.00
Differences none in 17 figures: 0 paise
`);
  expect(narrow(printed.stdout)).toBe(true);
  expect(JSON.parse((await audit('--date', tradeDate, '--mode', 'paper', '--user', 'asha', '--json')).stdout)).toEqual({
    tradeDate,
    accounts: 1,
    orders: 1,
    fills: 1,
    entries: 3,
    figures: 17,
    currency: 'INR',
    day: { orders: 1, fills: 1, cashIn: '100000.00', cashOut: '0.00', charges: '1.19', realised: '0.00' },
    differences: [],
  });
});

test('figures that differ are named with both values and what to do, exit 1', async () => {
  const { session, audit } = await auditedBooks();
  await session.exec('update public.accounts set cash_minor = cash_minor + 12345');
  await session.exec('update public.positions set quantity = 9');
  const printed = await audit('--date', tradeDate);
  expect(printed.code).toBe(1);
  expect(printed.stdout).toContain('Differences 2 figures of 1 account');
  expect(printed.stdout).toContain(`asha (paper, paper): cash
  database ₹99,122.26, from the facts ₹98,998.81: +₹123.45
asha (paper, paper): quantity of NSE:TITAN delivery
  database 9, from the facts 10: -1
`);
  expect(printed.stdout).toContain('npm run halt -- --user asha --why');
  expect(narrow(printed.stdout)).toBe(true);
  const { differences } = JSON.parse((await audit('--date', tradeDate, '--json')).stdout);
  expect(differences).toMatchObject([
    { userId: 'asha', mode: 'paper', what: 'cash', unit: 'money', database: '99122.26', model: '98998.81' },
    { what: 'quantity of NSE:TITAN delivery', unit: 'shares', database: 9, model: 10 },
  ]);
});

test.each([
  ['is not a date', ['--date', '28.08.2025']],
  ['--mode is paper or live', ['--mode', 'both']],
  ['There is no user "nobody"', ['--user', 'nobody']],
])('refuses: %s', async (why, args) => {
  const { audit } = await auditedBooks();
  expect(await audit(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(why) });
});
