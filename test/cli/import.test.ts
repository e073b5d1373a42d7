import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { refusalOn, reportOn } from '../stages/support/report-shape.ts';

const columns =
  'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue,client_id';
const row = (name: string, number: string, capital: string, id = '') =>
  `${name},${number},${capital},20,,,,,paper,${id}`;
const users = (...rows: string[]) => [columns, ...rows].join('\n');
const dump = fileURLToPath(new URL('../adapters/files/fixtures/kite-instruments.csv', import.meta.url));

describe('import', { timeout: 240_000 }, () => {
  test('says what changes for whom, asks before a number changes, and keeps what it could not take', async () => {
    const cli = cliSandbox();
    const bring = (text: string, ...more: string[]) =>
      cli.run(['import', 'users', cli.file('users.csv', text), ...more]);
    const first = await bring(users(row('Alice Good', '+919999900001', '100000'), row('Bob', '', '5000')));
    expect(first.stdout).toContain('Imported 2 users');
    expect(first.stdout).toContain('2 new, 0 changed, 0 unchanged.');

    const stolen = users(row('ＡＬＩＣＥ  good', '+918888800009', '7'), row('Bob', '', '6000'));
    const result = await bring(stolen, '--json');
    expect(result.code).toBe(2);
    expect(refusalOn(result.stdout)).toMatchObject({ code: 'number_changes' });
    expect(result.stdout).toContain('alice-good');
    expect(result.stdout + result.stderr).not.toMatch(/9999900001|8888800009/);
    const shown = await cli.run(['account', '--user', 'bob', '--json']);
    expect(shown.stdout, 'nothing of it was written').toContain('"cashMinor":500000');

    const rejects = cli.file('rejects.csv', '');
    const meant = await bring(
      users(row('Alice Good', '+918888800009', '100000'), row('Bob', '', '6000'), row('Carl', '12', '1')),
      '--yes',
      '--rejects',
      rejects,
    );
    expect(meant.code).toBe(0);
    expect(meant.stdout).toContain('0 new, 2 changed, 0 unchanged.');
    expect(meant.stdout).toContain('bob: capitalMinor 5000.00 → 6000.00');
    expect(meant.stdout).toContain('1 row was not taken');
    const kept = readFileSync(rejects, 'utf8');
    expect(kept).toContain('Carl,12,1,20');
    expect(kept).toContain('problem_line,problem');
    const mended = await cli.run(['import', 'users', cli.file('mended.csv', kept.replace(',12,', ',,'))]);
    expect(mended.stdout).toContain('Imported 1 user from');
    expect(mended.stdout).toContain('1 new, 0 changed, 0 unchanged.');

    const namesake = await bring(
      users(row('Bob', '', '100', 'c-7'), row('Carl', '', '1', 'c-8'), row('Carl', '', '1')),
    );
    expect(namesake.stdout, 'a name that is another’s id').toContain('is the name of bob: write bob as client_id');
    expect(namesake.stdout, 'told apart by the row that has the id').toContain('Imported 2 users');
    const other = await bring(users(row('C-7', '', '1', 'dora'), row('Dora', '', '1')));
    expect(other.stdout).toContain('duplicate of line 2');
    expect((await bring(users(row('Dora', '', '1')))).stdout).toContain('is the client_id of somebody else here');
  });

  test('takes Kite’s dump, and symbols are read among it; restrictions last until they are not given any more', async () => {
    const cli = cliSandbox();
    const dumped = await cli.run(['import', 'instruments', dump]);
    expect(dumped.code).toBe(0);
    expect(dumped.stdout).toContain('Imported 3 instruments');
    expect(dumped.stdout).toContain('not due are');

    const head = 'exchange,symbol,restricted\n';
    const restrict = (text: string) => cli.run(['import', 'restrictions', cli.file('r.csv', head + text), '--json']);
    expect((await restrict('NSE,ADANIPORTS,ban list\nNSE,NOBODY,ASM\n')).stdout).toContain(
      '"restricted":["NSE:ADANIPORTS"],"freed":[],"unknown":["NSE:NOBODY"]',
    );
    await cli.run(['import', 'instruments', dump]);
    const signals = cli.file(
      's.csv',
      'trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target\n' +
        '2025-08-28,1,s,centralbk.ns,NSE,BUY,100,,\n2025-08-28,2,s,ADANIPORTS,NSE,BUY,100,,\n',
    );
    const prices = cli.file('p.csv', 'date,symbol,open\n2025-08-28,CENTRALBK-BE,100\n2025-08-28,ADANIPORTS,100\n');
    const people = cli.file('u.csv', users(row('Asha', '', '100000')));
    const scan = [
      'scan',
      '--dry-run',
      '--json',
      '--date',
      '2025-08-28',
      '--signals',
      signals,
      '--users',
      people,
      '--prices',
      prices,
    ];
    const planned = await cli.run(scan);
    const decided = (text: string) =>
      reportOn(text).decisions.map(({ symbol, outcome, reason }) => [symbol, outcome, reason]);
    expect(decided(planned.stdout)).toEqual([
      ['CENTRALBK-BE', 'accepted', null],
      ['ADANIPORTS', 'denied', 'instrument_restricted'],
    ]);
    expect((await restrict('')).stdout).toContain('"freed":["NSE:ADANIPORTS"]');
    expect(decided((await cli.run([...scan, '--symbol', 'NSE:ADANIPORTS'])).stdout)).toEqual([
      ['ADANIPORTS', 'accepted', null],
    ]);
  });
});
