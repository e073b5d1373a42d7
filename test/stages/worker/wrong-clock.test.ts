import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { istDate } from '../../../src/domain/market/india-time.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import { emitFailure } from '../../../src/stages/wrong-clock.ts';
import { startService } from '../../http/support/service.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { user } from '../../support/builders.ts';
import { timedPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { cliSandbox } from '../support/cli-sandbox.ts';
import { fiveUsers, titan } from '../support/run-day.ts';

const HOUR_MS = 3_600_000;

/** The program on a machine whose clock is so much ahead of the database's, which believes its own. */
async function startAhead(aheadMs: number) {
  const postgres = await timedPostgres();
  onTestFinished(() => postgres.close());
  // Its clock is set as node starts.
  const { start, runAlone: run } = cliSandbox();
  const shift = `const now = Date.now; Date.now = () => now() + (${aheadMs});`;
  const env = {
    DATABASE_URL: postgres.url,
    LOG_LEVEL: 'info',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
  };
  const store = makeStore(postgres);
  const users = [user('asha')];
  await store.call('import_users', { by: tester, users, mode: 'paper', source: 'test', nowMs: Date.now() });
  return { postgres, env, start, run };
}

test('scan on a machine a day ahead does nothing, and says both clocks', async () => {
  const { postgres, env, run } = await startAhead(24 * HOUR_MS);
  const ended = await run(['scan', '--json'], env);
  expect(ended.code).toBe(1);
  expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'failed' } });
  expect(ended.stderr).toMatch(/the clock of this process says .* take their time from the network \(NTP\)/);
  expect(await postgres.session.query('select id from public.scan_runs')).toEqual([]);
});

test('a worker on a machine half an hour behind waits, with one alert, and ends when it is told to', async () => {
  const { env, start } = await startAhead(-HOUR_MS / 2);
  const { child, ended } = start(['worker'], env);
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const count = () => output.split('"msg":"clock_wrong"').length - 1;
  for (let round = 0; count() < 2 && round < 300; round += 1) await pause(100);
  // Parts meet it one by one, and each waits a while: no storm.
  await pause(2_000);
  const lines = output.split('\n').filter((line) => line.includes('"msg":"clock_wrong"'));
  expect(lines.length).toBeLessThanOrEqual(4);
  expect(lines.filter((line) => line.includes('"level":40'))).toHaveLength(1);
  expect(output).toMatch(/the clock of this process says/);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('doctor calls it wrong, with what to do', async () => {
  const { env, run } = await startAhead(HOUR_MS);
  const { checks } = JSON.parse((await run(['doctor', '--json'], env)).stdout);
  const says = expect.stringMatching(/^3\d{3}\.\d s away from the database’s: it lets this machine do nothing$/);
  expect(checks).toContainEqual({ name: 'clock', level: 'wrong', says, todo: expect.stringContaining('NTP') });
});

test('over HTTP it is 503 clock_wrong, /ready names it, and who watches is alarmed once', async () => {
  const open = await startService({ users: fiveUsers, signals: [titan], time: '10:30' });
  try {
    await open.session.exec("set daily_scan.clock = ''");
    const body = { symbol: 'TITAN', side: 'BUY', userId: 'asha-rao', quantity: 2 };
    for (const key of ['k1', 'k2']) {
      const answer = await open.ask(open.operatorKey, 'POST', '/api/trading/orders', body, { 'Idempotency-Key': key });
      expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '60']);
      expect(await answer.json()).toMatchObject({
        code: 'clock_wrong',
        detail: expect.stringContaining('nothing was done'),
      });
    }
    expect(await (await open.ask(null, 'GET', '/ready')).json()).toMatchObject({ problems: [{ code: 'clock_wrong' }] });
    const warnings = open.events.filter(({ type }) => type === 'clock_wrong');
    expect(warnings.map(({ alert }) => alert)).toEqual([true, undefined]);
    expect(open.events.some(({ type }) => type === 'request_failed')).toBe(false);
  } finally {
    await open.close();
  }
});

test('another failure is told as what it is', () => {
  const events: AnyEvent[] = [];
  const error = new DatabaseError('gone', { kind: 'lost', code: '' });
  expect(
    emitFailure((event) => events.push(event), error, {
      type: 'part_failed',
      alert: true,
      part: 'send',
      againInMs: 1,
      error,
    }),
  ).toBe(false);
  expect(events).toEqual([{ type: 'part_failed', alert: true, part: 'send', againInMs: 1, error }]);
});

test('a sample, a dated scan and the commands after it work on any day', async () => {
  const postgres = await timedPostgres();
  onTestFinished(() => postgres.close());
  const { run, file } = cliSandbox();
  const signals = file(
    's.csv',
    'trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target\n2025-08-28,1,b,TITAN,NSE,BUY,3564.80,,\n',
  );
  const users = file(
    'u.csv',
    'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue\nAsha Rao,,100000,20,5,,,,paper\n',
  );
  const prices = file(
    'p.csv',
    'date,symbol,open,high,low,close,volume\n2025-08-28,TITAN,3564.80,3600.00,3500.00,3550.00,1000\n',
  );
  const env = { DATABASE_URL: postgres.url };
  const scanned = await run(
    ['scan', '--date', '2025-08-28', '--signals', signals, '--users', users, '--prices', prices, '--json'],
    env,
  );
  expect(scanned.code).toBe(0);
  expect(JSON.parse(scanned.stdout)).toMatchObject({ totals: { filled: 1 } });
  const deposited = await run(['account', '--user', 'Asha Rao', '--deposit', '10', '--why', 'test', '--json'], env);
  expect(JSON.parse(deposited.stdout)).toMatchObject({ kind: 'moved' });
  const [entry] = await postgres.session.query(
    "select (at at time zone 'Asia/Kolkata')::date::text as day from public.ledger_entries where source = 'operator'",
  );
  expect(entry).toEqual({ day: istDate(Date.now()) });
});
