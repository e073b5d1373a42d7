import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { scanCommand } from '../../src/commands/run/scan.ts';
import { jsonShow } from '../../src/commands/run/show-scan.ts';
import { readConfig } from '../../src/config/config.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { refusalOn, reportOn } from '../stages/support/report-shape.ts';

const signals = `trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target
2025-08-28,1,breakout-20d,TITAN,NSE,BUY,3564.80,,
`;
const noGoodRow = signals.replace('3564.80', 'dear');
const noRank = signals.replace('rank,', '').replace('1,', '');

/** Live trading as it has to be set up at least; nothing is ever asked of the address. */
const live = {
  TRADING_MODE: 'live',
  MAX_ORDER_VALUE: '1000000',
  CREDENTIALS_KEY: randomBytes(32).toString('base64'),
  KITE_BASE_URL: 'http://127.0.0.1:1',
};

/** As a person types it: the process says it on stdout (JSON) and stderr, once each, and ends with 2. */
const typed: [string[], Record<string, string>, string, string][] = [
  [['--bogus'], {}, 'bad_flag', '--bogus'],
  [['--wait', 'long'], {}, 'bad_flag', 'whole number of seconds'],
  [['--user', 'Asha Rao'], {}, 'bad_flag', '--dry-run'],
  [['--signals', 'missing.csv'], {}, 'unreadable_file', 'missing.csv'],
  [['--signals', 'no-rank.csv'], {}, 'missing_column', 'rank'],
  [[], { CONCURRENCY: 'many', SCAN_CUTOFF: '08:00', DATABASE_URL: 'mysql://x' }, 'bad_environment', 'SCAN_CUTOFF'],
  [['--users', 'users.csv'], live, 'bad_flag', '--users is for paper trading'],
  [[], { TRADING_MODE: 'live' }, 'bad_environment', 'CREDENTIALS_KEY is not set'],
];

/** The same checks without the price of a process. */
const flagged: [Record<string, string | boolean>, Record<string, string>, string, string][] = [
  [{ slot: 'close' }, {}, 'bad_flag', 'the only slot is open'],
  [{ symbol: 'TITAN' }, {}, 'bad_flag', '--dry-run'],
  [{ at: '2025-08-28T09:20:00' }, {}, 'bad_flag', 'with an offset'],
  [{ date: '2025-02-30' }, {}, 'bad_flag', 'is not a date'],
  [{ date: '2025-08-28', at: '2025-08-29T09:20:00+05:30' }, {}, 'bad_flag', 'leave one'],
  [{ fresh: true, dryRun: true }, {}, 'bad_flag', 'choose one'],
  [{ fresh: true }, { DATABASE_URL: 'postgres://nowhere/db' }, 'bad_flag', 'never on a server'],
  [{ user: 'Asha Rao' }, live, 'bad_flag', '--dry-run'],
  [{ fresh: true }, live, 'bad_flag', 'books of live accounts'],
  ...['at', 'date', 'prices', 'users', 'faults'].map((flag): (typeof flagged)[number] => [
    { [flag]: '2025-08-28' },
    live,
    'bad_flag',
    `--${flag} is for paper trading`,
  ]),
];

describe('what can’t be carried out', { timeout: 120_000 }, () => {
  test.each(typed)('scan %j with %j ends with 2 and leaves no file', async (args, env, code, says) => {
    const { run, file, fingerprint } = cliSandbox(false);
    file('no-rank.csv', noRank);
    const ended = await run(['scan', '--json', ...args], env);
    expect(ended.code).toBe(2);
    const error = refusalOn(ended.stdout);
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
    expect(ended.stderr.split(error.message)).toHaveLength(2);
    expect(fingerprint()).toEqual({});
  });

  test.each(flagged)('flags %j with %j are refused before anything is opened', async (flags, env, code, says) => {
    const read = readConfig(env);
    if (read.kind !== 'config') throw new Error(read.problems.join());
    const result = await scanCommand(read.config, { slot: 'open', ...flags }, jsonShow(), () => undefined);
    expect(result).toMatchObject({ kind: 'refusal', code, message: expect.stringContaining(says) });
  });

  test('the line and the reason of a bad row are in the refusal’s problems', async () => {
    const { run, file } = cliSandbox(false);
    const ended = await run(['scan', '--json', '--signals', file('no-good-row.csv', noGoodRow)]);
    expect(refusalOn(ended.stdout).problems).toMatchObject([{ line: 2, field: 'reference_price', value: 'dear' }]);
  });

  test('a scan on a day without a session ends with 0 and names the next one; beyond the calendar it ends with 2', async () => {
    const { run, file } = cliSandbox();
    const columns =
      'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
    const users = file('users.csv', `${columns}\nAsha Rao,,100000,20,,,,,\n`);
    const scan = ['scan', '--json', '--signals', file('signals.csv', signals), '--users', users];
    const holiday = await run([...scan, '--date', '2025-08-15'], { DATABASE_URL: 'memory://' });
    expect(holiday.code).toBe(0);
    const skipped = { reason: 'market_closed', nextSession: 'XNSE:2025-08-18:open' };
    expect(reportOn(holiday.stdout)).toMatchObject({ skipped, orders: [], messages: [] });

    // 09:40 of the 28th in India, though the 28th has just begun in New York.
    const late = await run([...scan, '--at', '2025-08-28T00:10:00-04:00'], { DATABASE_URL: 'memory://' });
    expect(late.code).toBe(0);
    expect(reportOn(late.stdout).skipped).toEqual({ reason: 'too_late', nextSession: 'XNSE:2025-08-29:open' });

    const beyond = await run([...scan, '--date', '2027-01-05'], { DATABASE_URL: 'memory://' });
    expect(beyond.code).toBe(2);
    expect(refusalOn(beyond.stdout)).toMatchObject({ code: 'beyond_calendar', problems: [] });
  });

  test('a market no run is made in ends with 2 and says why; one nobody knows is a bad flag', async () => {
    const { run } = cliSandbox();
    const scan = (...flags: string[]) => run(['scan', '--json', ...flags], { DATABASE_URL: 'memory://' });
    const foreign = await scan('--market', 'BSE', '--date', '2026-07-02');
    expect(foreign.code).toBe(2);
    expect(refusalOn(foreign.stdout)).toMatchObject({
      code: 'market_not_traded',
      message: expect.stringContaining('the BSE’s charges are not known here'),
    });
    const unknown = await scan('--market', 'LSE');
    expect([unknown.code, refusalOn(unknown.stdout).code]).toEqual([2, 'bad_flag']);
    const long = await scan('--market', 'L'.repeat(10_000));
    expect(refusalOn(long.stdout).message).toContain(`there is no market "${'L'.repeat(79)}…": write one of`);
    const ready = (code: string) => run(['ready', '--json', '--market', code], { DATABASE_URL: 'memory://' });
    expect(refusalOn((await ready('LSE')).stdout).code).toBe('bad_flag');
    const prepared = await ready('XNYS');
    expect([prepared.code, JSON.parse(prepared.stdout)]).toMatchObject([0, { mode: 'paper', accounts: [] }]);
    const day = await scan('--market', 'XNYS', '--at', '2026-07-02T20:00:00-04:00', '--date', '2026-07-03');
    expect(refusalOn(day.stdout).message).toBe(
      '--at is on 2026-07-02 in New York, not on --date 2026-07-03: leave one of them out.',
    );
    const same = await scan('--market', 'NSE', '--date', '2025-08-15');
    expect(reportOn(same.stdout).skipped).toMatchObject({ reason: 'market_closed' });
  });

  test('a scan in a market without runs leaves the database, and its queued orders, as they are', async () => {
    const { run, file, fingerprint } = cliSandbox();
    const columns =
      'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
    const users = file('users.csv', `${columns}\nAsha Rao,,100000,20,,,,,\n`);
    const queued = ['--signals', file('signals.csv', signals), '--users', users, '--date', '2025-08-28'];
    expect((await run(['scan', '--json', ...queued], { EXECUTE: 'worker' })).code).toBe(0);
    const before = fingerprint();
    expect(Object.keys(before).some((path) => path.startsWith('main/'))).toBe(true);
    for (const flags of [['--fresh', ...queued], ['--date', '2025-08-28'], ['--dry-run', ...queued], []]) {
      const ended = await run(['scan', '--market', 'SOLANA', '--json', ...flags], { EXECUTE: 'worker' });
      expect([ended.code, refusalOn(ended.stdout).code]).toEqual([2, 'market_not_traded']);
      expect(fingerprint()).toEqual(before);
    }
  });

  test('a database that can’t be reached ends with 1', async () => {
    const { runAlone } = cliSandbox();
    const url = { DATABASE_URL: 'postgres://127.0.0.1:1/x' };
    const ended = await runAlone(['scan', '--json', '--date', '2025-08-28'], url);
    expect(ended.code).toBe(1);
    expect(refusalOn(ended.stdout).message).toContain('ECONNREFUSED');
  });
});
