import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../src/adapters/clock.ts';
import { type ConnectFlags, connectionCommand } from '../../src/commands/accounts/connect.ts';
import { readConfig } from '../../src/config/config.ts';
import { apiKey, apiSecret, openKiteExchange } from '../simulators/venues/kite-exchange.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { freshPostgres } from '../support/postgres.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const users = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue\n';
const masterKey = () => randomBytes(32).toString('base64');
const secrets = { clientId: 'AB1234', apiKey, apiSecret, accessToken: 'token1' };

/** A server's database with Asha, who trades at Kite, and Kite. */
async function programWithKite() {
  const postgres = await freshPostgres();
  const kite = await openKiteExchange(realClock());
  kite.pages['GET /user/profile'] = { user_id: 'AB1234' };
  onTestFinished(async () => {
    await kite.close();
    await postgres.close();
  });
  const here = cliSandbox(false);
  const env = { DATABASE_URL: postgres.url, KITE_BASE_URL: kite.baseUrl, CREDENTIALS_KEY: masterKey() };
  await here.run(['import', 'users', here.file('u.csv', `${users}Asha Rao,,100000,20,5,,,,kite\n`)], env);
  const account = async (args: string[], stdin = '', change: Record<string, string> = {}) => {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [cli, 'account', ...args], { env: { PATH, HOME, ...env, ...change } });
    child.stdin.end(stdin);
    const code = new Promise((ended) => child.on('close', ended));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  };
  const connect = (secretsToConnect: unknown) =>
    account(['connect', '--user', 'Asha Rao', '--venue', 'kite'], JSON.stringify(secretsToConnect));
  return { postgres, kite, env, account, connect };
}

test('an account is connected, checked, and taken over by a new master key', { timeout: 60_000 }, async () => {
  const { postgres, env, account, connect } = await programWithKite();
  const connected = await connect(secrets);
  expect(connected).toMatchObject({ code: 0, stdout: expect.stringContaining('Opened the live account of asha-rao') });
  const rows = await postgres.session.query('select c.*, a.mode from public.account_credentials c, public.accounts a');
  for (const shown of [JSON.stringify([connected, rows])]) expect(shown).not.toMatch(/kitetestsecret|token1/);

  const open = await account(['check']);
  expect([open.code, open.stdout]).toEqual([
    0,
    expect.stringMatching(/^asha-rao at kite \(live\): session open until /),
  ]);

  const next = { CREDENTIALS_KEY: masterKey(), CREDENTIALS_KEYS_OLD: env.CREDENTIALS_KEY };
  expect((await account(['rotate'], '', next)).stdout).toContain('1 put under the current key, 0 under it already');
  const [json] = JSON.parse((await account(['check', '--json'], '', { ...next, CREDENTIALS_KEYS_OLD: '' })).stdout);
  expect(json).toMatchObject({ userId: 'asha-rao', venue: 'kite', session: 'open', login: null });
  const lost = await account(['check']);
  expect([lost.code, lost.stdout]).toEqual([
    1,
    expect.stringContaining('which is not here: put it in CREDENTIALS_KEY'),
  ]);
});

test('a missing login is told with the link to log in by', { timeout: 60_000 }, async () => {
  const { account, connect } = await programWithKite();
  const { accessToken: _, ...rest } = secrets;
  await connect(rest);
  const closed = await account(['check', '--user', 'asha-rao'], '', { PUBLIC_URL: 'https://scan.example.com' });
  expect(closed.code).toBe(1);
  expect(closed.stdout).toMatch(
    /session closed: login_missing\n {2}log in: https:\/\/scan\.example\.com\/api\/venues\/kite\/login\?state=\d+\.\d+\.[\w-]{43}\n$/,
  );
});

test('secrets that can not be right are refused, and shown nowhere', { timeout: 60_000 }, async () => {
  const { account, connect } = await programWithKite();
  for (const [rejected, why] of [
    [{ ...secrets, apiSecret: 'has a space' }, 'apiSecret'],
    [{ ...secrets, apiSceret: 'mistyped' }, 'apiSceret'],
    [{ ...secrets, proxyUrl: 'socks5://me:pass-word@h' }, 'proxyUrl'],
  ] as const) {
    const { code, stdout, stderr } = await connect(rejected);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
    expect(stderr).not.toMatch(/has a space|mistyped|pass-word|kitetestsecret/);
  }
  const nothing = await account(['connect', '--user', 'Asha Rao', '--venue', 'kite'], 'no JSON');
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no JSON object on standard input')]);
});

test.each<[string, ConnectFlags, string]>([
  ['connect', {}, 'Give --user'],
  ['connect', { user: 'Asha', venue: 'paper' }, 'no venue that can be connected'],
  ['check', { mode: 'real' }, '--mode is live or paper'],
  ['open', {}, 'connect, check or rotate'],
])('%s with %j is refused before anything is read or opened', async (what, flags, why) => {
  const read = readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', CREDENTIALS_KEY: masterKey() });
  if (read.kind !== 'config') throw new Error(read.problems.join());
  const message = expect.stringContaining(why);
  expect(await connectionCommand(what)(read.config, flags)).toMatchObject({ code: 'bad_flag', message });
});

test('without a master key nothing is stored', async () => {
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join());
  const refused = await connectionCommand('connect')(read.config, { user: 'Asha', venue: 'kite' });
  expect(refused).toMatchObject({ code: 'bad_environment', message: expect.stringContaining('CREDENTIALS_KEY') });
});
