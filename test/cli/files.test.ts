import { describe, expect, test } from 'vitest';
import { type CliSandbox, cliSandbox } from '../stages/support/cli-sandbox.ts';
import { type ReportShape, refusalOn, reportOn } from '../stages/support/report-shape.ts';

const signalsCsv = `trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target
2025-08-28,1,breakout-20d,TITAN,NSE,BUY,3564.80,3400.00,3900.00
2025-08-28,two,breakout-20d,INFY,NSE,BUY,1500.00,,
2025-08-28,3,breakout-20d,SBICARD,NSE,BUY,800.00,,
2025-08-27,1,breakout-20d,WIPRO,NSE,BUY,250.00,,
`;
const usersCsv = `name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue
Asha Rao,+919999900001,100000,20,5,,,,paper
Rohan Mehta,12345,100000,20,5,,,,paper
Kavita Iyer,,100000,10,5,,,1,paper
Asha  rao,,5,10,5,,,1,paper
`;
const pricesCsv = `date,symbol,open,high,low,close,volume
2025-08-28,TITAN,3564.80,3600.00,3500.00,3550.00,1000
2025-08-28,SBICARD,801.00,810.00,795.00,800.00,1000
`;

interface Files {
  signals?: string;
  users?: string;
  prices?: string;
}

function flags(
  { file }: CliSandbox,
  { signals = signalsCsv, users = usersCsv, prices = pricesCsv }: Files = {},
): string[] {
  const inputs = { signals, users, prices };
  return Object.entries(inputs).flatMap(([name, text]) => [`--${name}`, file(`${name}.csv`, text)]);
}

const pairs = ({ orders }: ReportShape) => orders.map(({ userName, symbol, quantity }) => [userName, symbol, quantity]);
const expected = [
  ['Kavita Iyer', 'TITAN', 14],
  ['Asha Rao', 'TITAN', 28],
  ['Kavita Iyer', 'SBICARD', 62],
  ['Asha Rao', 'SBICARD', 124],
];

describe('a scan over files', { timeout: 120_000 }, () => {
  test('reports bad rows by line and places the rest, CRLF and BOM or not; another slip is refused with --strict', async () => {
    const cli = cliSandbox();
    const strict = await cli.run(['scan', '--json', '--date', '2025-08-28', '--strict', ...flags(cli)]);
    expect(strict.code).toBe(2);
    const refusal = refusalOn(strict.stdout);
    expect(refusal.code).toBe('bad_rows');
    expect(refusal.problems).toHaveLength(3);

    const windows = (text: string) => `\uFEFF${text.replaceAll('\n', '\r\n')}`;
    const files = { signals: windows(signalsCsv), users: windows(usersCsv), prices: windows(pricesCsv) };
    const placed = await cli.run(['scan', '--json', '--date', '2025-08-28', ...flags(cli, files)]);
    expect(placed.code).toBe(0);
    const report = reportOn(placed.stdout);
    expect(pairs(report)).toEqual(expected);
    expect(report.orders.every(({ status }) => status === 'filled')).toBe(true);
    expect(report.orders.find(({ quantity }) => quantity === 28)).toMatchObject({
      exposure: '99814.40',
      margin: '19962.88',
      leverage: '5.00',
    });
    const positions = report.problems.map(({ file, line, field }) => [file.split('/').at(-1), line, field]);
    expect(positions).toEqual([
      ['signals.csv', 3, 'rank'],
      ['users.csv', 3, 'whatsapp'],
      ['users.csv', 5, 'name'],
    ]);
    expect(placed.stdout + placed.stderr).not.toContain('12345');

    const again = await cli.run(['scan', '--json', '--at', '2025-08-28T09:40:00+05:30', ...flags(cli)]);
    expect(again.code).toBe(0);
    expect(reportOn(again.stdout).skipped?.reason).toBe('already_done');
  });

  test('without its flag takes signals and users from the database, and is skipped while everything is halted', async () => {
    const cli = cliSandbox();
    const [, signals = '', , users = '', , prices = ''] = flags(cli);
    for (const [what, path] of Object.entries({ signals, users })) {
      expect((await cli.run(['import', what, path, '--json'])).code).toBe(0);
    }
    expect((await cli.run(['halt', '--why', 'exchange outage'])).stdout).toContain('now halted');
    const scan = ['scan', '--json', '--date', '2025-08-28', '--prices', prices];
    const halted = await cli.run(scan);
    expect(halted.code).toBe(0);
    expect(reportOn(halted.stdout).skipped?.reason).toBe('halted');
    expect((await cli.run(['resume', '--why', 'over'])).stdout).toContain('now running');
    const url = { DATABASE_URL: `file://${cli.dataDir}/main` };
    expect(pairs(reportOn((await cli.run(scan, url)).stdout))).toEqual(expected);
  });

  test('in memory leaves nothing behind; an order the venue rejects is no error', async () => {
    const cli = cliSandbox();
    const before = cli.fingerprint();
    const faults = cli.file('faults.json', '[{"user":"Asha Rao","symbol":"TITAN","fault":"reject","message":"no"}]');
    const scan = ['scan', '--json', '--date', '2025-08-28', ...flags(cli), '--faults', faults];
    const ended = await cli.run(scan, { DATABASE_URL: 'memory://' });
    expect(ended.code).toBe(0);
    const report = reportOn(ended.stdout);
    expect(pairs(report)).toEqual(expected);
    expect(report.totals).toMatchObject({ filled: 3, rejected: 1 });
    expect(cli.fingerprint()).toEqual(before);
  });

  test('leaves accepted orders queued where a worker sends them, and ends', async () => {
    const cli = cliSandbox();
    const ended = await cli.run(['scan', '--json', '--date', '2025-08-28', ...flags(cli)], { EXECUTE: 'worker' });
    expect(ended.code).toBe(0);
    expect(reportOn(ended.stdout).totals).toMatchObject({ accepted: 4, queued: 4, filled: 0, messages: { queued: 2 } });
  });
});
