import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../src/adapters/clock.ts';
import { openAlpacaExchange } from '../simulators/venues/alpaca-exchange.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { freshPostgres } from '../support/postgres.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const users = `name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue,currency
Asha Rao,,100000,20,,,,,alpaca,USD
`;

/** A server's database with Asha, who trades at Alpaca, and Alpaca. */
async function programWithAlpaca() {
  const postgres = await freshPostgres();
  const alpaca = await openAlpacaExchange(realClock());
  onTestFinished(async () => {
    await alpaca.close();
    await postgres.close();
  });
  const here = cliSandbox(false);
  const key = randomBytes(32).toString('base64');
  const env = { DATABASE_URL: postgres.url, ALPACA_BASE_URL: alpaca.options.baseUrl, CREDENTIALS_KEY: key };
  await here.run(['import', 'users', here.file('u.csv', users)], env);
  const run = async (args: string[], stdin = '') => {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [cli, ...args], { env: { PATH, HOME, ...env } });
    child.stdin.end(stdin);
    const code = new Promise((ended) => child.on('close', ended));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  };
  const rows = () =>
    postgres.session.query(
      `select exchange || ':' || symbol as listing, restricted from public.instruments where not assumed order by 1`,
    );
  return { postgres, alpaca, run, rows, file: here.file };
}

const asset = (symbol: string, tradable = true) => ({
  ...{ id: symbol, class: 'us_equity', exchange: 'NASDAQ', symbol, name: `${symbol} Inc.`, status: 'active', tradable },
});
const list = ['import', 'instruments', '--venue', 'alpaca'];

test('a venue’s list is brought in, restricts what is not traded or no longer listed, and leaves other markets', async () => {
  const { alpaca, run, rows, file } = await programWithAlpaca();
  expect(await run(list)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('No account is connected at alpaca'),
  });
  const keys = JSON.stringify({ keyId: 'PKTEST7', secretKey: 'secret7' });
  expect(await run(['account', 'connect', '--user', 'Asha Rao', '--venue', 'alpaca'], keys)).toMatchObject({ code: 0 });
  const columns = 'exchange,symbol,isin,name,tick_size,lot_size,freeze_quantity,fno,restricted\n';
  const titan = `${columns}NSE,TITAN,,Titan,0.05,1,,false,on the ban list\n`;
  expect(await run(['import', 'instruments', file('i.csv', titan)])).toMatchObject({ code: 0 });

  alpaca.pages['GET /v2/assets'] = [asset('AAPL'), asset('IBM'), asset('CGRNQ', false)];
  const first = await run(list);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('Imported 3 instruments of alpaca.') });
  const mine = { listing: 'NSE:TITAN', restricted: 'on the ban list' };
  const apple = { listing: 'US:AAPL', restricted: null };
  const notTraded = { listing: 'US:CGRNQ', restricted: 'Alpaca does not trade it' };
  expect(await rows()).toEqual([mine, apple, notTraded, { listing: 'US:IBM', restricted: null }]);

  alpaca.pages['GET /v2/assets'] = [asset('AAPL'), asset('CGRNQ')];
  const second = JSON.parse((await run([...list, '--json'])).stdout);
  expect(second).toEqual({ imported: 2, restricted: ['US:IBM'], freed: [], unread: [] });
  const gone = { listing: 'US:IBM', restricted: 'it is no longer listed at its venue' };
  expect(await rows()).toEqual([mine, apple, { ...notTraded, restricted: null }, gone]);

  alpaca.pages['GET /v2/assets'] = [];
  expect(await run(list)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('could not be read, so nothing was imported: asha-rao: unreadable (no_assets)'),
  });
  const none = file('r.csv', 'exchange,symbol,restricted\n');
  expect(await run(['import', 'restrictions', none])).toMatchObject({ code: 0 });
  expect(await rows()).toEqual([{ ...mine, restricted: null }, apple, { ...notTraded, restricted: null }, gone]);
}, 120_000);

test.each([
  [['import', 'instruments'], 'Give one file'],
  [['import', 'users', '--venue', 'alpaca'], 'Give one file'],
  [['import', 'instruments', 'i.csv', '--venue', 'alpaca'], 'Give one file'],
  [
    ['import', 'instruments', '--venue', 'nowhere'],
    'There is no venue "nowhere": it is one of kite, lemonn or alpaca.',
  ],
  [['import', 'instruments', '--venue', 'kite'], 'KITE_BASE_URL is not set: kite can’t be asked.'],
])(
  '%j is refused',
  async (args, says) => {
    const { code, stderr, stdout } = await cliSandbox().run(args);
    expect([code, (stdout + stderr).replaceAll("can't", 'can’t')]).toEqual([2, expect.stringContaining(says)]);
  },
  120_000,
);
