import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../../src/adapters/clock.ts';
import { storeVault } from '../../../src/adapters/credentials/vault.ts';
import { openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { user } from '../../support/builders.ts';
import { freshPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { cliSandbox } from '../support/cli-sandbox.ts';
import { storeOf } from '../support/run-day.ts';

test('a worker listens to the accounts that are connected, and leaves nothing open when it is stopped', async () => {
  const clock = realClock();
  const [postgres, alpaca] = await Promise.all([freshPostgres(), openAlpacaExchange(clock)]);
  onTestFinished(async () => {
    await alpaca.close();
    await postgres.close();
  });
  const store = storeOf(postgres);
  const nowMs = clock.nowMs();
  await store.call('import_users', {
    by: tester,
    users: [user('asha', { venue: 'alpaca' })],
    mode: 'live',
    source: 'test',
    nowMs,
  });
  const [account] = await postgres.session.query('select id::int from public.accounts');
  const owner = { accountId: Number(account?.['id']), venue: 'alpaca', mode: 'live' } as const;
  const key = randomBytes(32);
  const vault = storeVault({ store, clock, keys: { current: key, old: [] }, by: null });
  await vault.write(owner, { keyId: 'PKTEST1', secretKey: 'secret1' }, null);

  const { child, ended } = cliSandbox().start(['worker'], {
    ...{
      TRADING_MODE: 'live',
      MAX_ORDER_VALUE: '1000000',
      DATABASE_URL: postgres.url,
      CREDENTIALS_KEY: key.toString('base64'),
    },
    ...{ ALPACA_BASE_URL: alpaca.options.baseUrl, LOG_LEVEL: 'info' },
  });
  const listens = new Promise<void>((resolve) => {
    createInterface(child.stderr).on('line', (line) => line.includes('stream_listening') && resolve());
  });
  await Promise.race([listens, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
  expect(alpaca.stream.listening()).toBe(1);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  expect(alpaca.stream.listening()).toBe(0);
});
