import { expect, test } from 'vitest';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { refusalOn } from '../stages/support/report-shape.ts';

const head = 'market,date,kind,open,close,name\n';
const dates = ['01-26', '03-22', '03-26', '04-14', '05-17', '08-16', '10-08', '11-24'];
const closed = dates.map((day) => `NSE,2027-${day},closed,,,Holiday ${day}`);
const list = `${head}${[...closed, 'NSE,2027-10-31,open,18:00,19:00,Muhurat'].join('\n')}\n`;

test('a year’s list makes its weekdays trading days; a part of one, or one with a bad row, changes nothing', {
  timeout: 240_000,
}, async () => {
  const cli = cliSandbox();
  const bring = (text: string) => cli.run(['calendar', 'import', cli.file('c.csv', text), '--json']);
  const refusalFor = async (text: string) => {
    const ended = await bring(text);
    return [ended.code, refusalOn(ended.stdout).code];
  };
  expect(await refusalFor(head + closed.slice(1).join('\n'))).toEqual([2, 'part_of_a_year']);
  expect(await refusalFor(list.replace('18:00,19:00', ','))).toEqual([2, 'bad_rows']);
  expect(await refusalFor(list.replace('NSE,2027-01-26,closed,,', 'NSE,2027-01-26,closed,09:15,'))).toEqual([
    2,
    'bad_rows',
  ]);
  expect(await refusalFor(list.replace('NSE', 'BSE'))).toEqual([2, 'bad_rows']);

  const people = cli.file(
    'u.csv',
    `${'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue'}\nAsha,,1000,20,,,,,paper\n`,
  );
  const early = await cli.run(['scan', '--json', '--date', '2027-01-27', '--users', people]);
  expect([early.code, refusalOn(early.stdout).code]).toEqual([2, 'beyond_calendar']);
  expect(early.stdout).toContain('npm run calendar -- import F.csv');

  expect(JSON.parse((await bring(list)).stdout)).toMatchObject({ added: { length: 9 }, changed: [], removed: [] });
  const again = await cli.run(['calendar', 'import', cli.file('c.csv', list)]);
  expect(again.stdout).toBe('The calendar has all of it already.\n');
  const sessionLine = async (date: string) => (await cli.run(['calendar', '--date', date])).stdout.trim();
  expect(await sessionLine('2027-01-27')).toBe('2027-01-27: the NSE trades.');
  expect(await sessionLine('2027-01-26')).toContain('closed (Holiday 01-26)');
});

test('each market has a calendar of its own: its day is shown, changed and listed without touching another’s', {
  timeout: 240_000,
}, async () => {
  const cli = cliSandbox();
  const dayOf = async (market: string, date: string) => {
    return (await cli.run(['calendar', '--market', market, '--date', date])).stdout.trim();
  };
  expect(await dayOf('XNYS', '2026-12-24')).toBe(
    '2026-12-24: the NYSE trades 09:30 to 13:00 New York time (Christmas Eve).',
  );
  expect(await dayOf('NSE', '2026-12-24')).toBe('2026-12-24: the NSE trades.');
  const closed = await cli.run([
    'calendar',
    '--market',
    'US',
    '--date',
    '2026-12-23',
    '--closed',
    '--name',
    'mourning',
  ]);
  expect(closed.stdout).toBe('2026-12-23: the NYSE is closed (mourning).\n');
  expect(await dayOf('XNSE', '2026-12-23')).toBe('2026-12-23: the NSE trades.');

  const holidays = '01-01 01-15 02-19 03-30 05-28 06-19 07-04 09-03 11-22 12-25'.split(' ');
  const days = holidays.map((day) => `XNYS,2029-${day},closed,,,Holiday`);
  const year = [...days, 'NYSE,2029-11-23,open,09:30,13:00,Day after Thanksgiving'].join('\n');
  expect(await dayOf('XNYS', '2029-11-23')).toContain('is beyond the calendar (2025-01-01 to 2028-12-31)');
  const bring = (text: string, ...flags: string[]) =>
    cli.run(['calendar', 'import', cli.file('y.csv', text), '--json', ...flags]);
  const mixed = `${list}${year}\n`;
  expect(refusalOn((await bring(mixed)).stdout).code).toBe('several_markets');
  expect(refusalOn((await bring(list, '--market', 'XNYS')).stdout).code).toBe('other_market');
  expect(JSON.parse((await bring(mixed, '--market', 'XNYS')).stdout)).toMatchObject({ added: { length: 11 } });
  expect(await dayOf('XNYS', '2029-11-23')).toContain('trades 09:30 to 13:00 New York time (Day after Thanksgiving)');
  expect(await dayOf('XNSE', '2027-01-27')).toContain('is beyond the calendar');

  const bse = await bring(list.replaceAll('NSE', 'BSE'));
  expect(refusalOn(bse.stdout)).toMatchObject({ code: 'no_good_row' });
  expect(bse.stdout).toContain('has the calendar of NSE: list the days of NSE');
  expect(refusalOn((await cli.run(['calendar', '--market', 'LSE', '--json'])).stdout)).toMatchObject({
    code: 'bad_flag',
    message: expect.stringContaining('there is no market "LSE"'),
  });
  const facts = JSON.parse((await cli.run(['calendar', '--market', 'XNYS', '--json'])).stdout);
  expect(facts).toMatchObject({ mic: 'XNYS', zone: 'America/New_York', known: { to: '2029-12-31' } });
});

test('a flag about a day without its date, and a day set for a market without a calendar of its own, change nothing', {
  timeout: 240_000,
}, async () => {
  const cli = cliSandbox();
  const calendar = (...flags: string[]) => cli.run(['calendar', '--json', ...flags]);
  const alone = ['--open', '--closed', '--remove', '--name=x', '--name=', '--from=09:15', '--until=15:30'];
  for (const flag of alone) {
    const ended = await calendar('--market', 'XNSE', flag);
    const message = `Give --date D, the day that ${flag.replace(/=.*/, '')} is about.`;
    expect([ended.code, refusalOn(ended.stdout)]).toMatchObject([2, { code: 'bad_flag', message }]);
    expect((await calendar(flag)).code).toBe(2);
  }
  expect(Object.keys(cli.fingerprint()).filter((path) => path.startsWith('main/'))).toEqual([]);

  const day = ['--date', '2026-12-25'];
  for (const change of [['--open', '--name', 'x'], ['--closed', '--name', 'x'], ['--remove']]) {
    const ended = await calendar('--market', 'BSE', ...day, ...change);
    const message = 'The BSE has the calendar of NSE: set the day of NSE, and it is of both.';
    expect([ended.code, refusalOn(ended.stdout)]).toMatchObject([2, { code: 'bad_flag', message }]);
  }
  const shown = async (...flags: string[]) => JSON.parse((await calendar(...flags)).stdout);
  const christmas = { date: '2026-12-25', kind: 'closed', open: null, close: null };
  expect(await shown(...day)).toMatchObject({ mic: 'XNSE', ...christmas });
  expect(await shown('--market', 'BSE', ...day)).toMatchObject({ mic: 'XBOM', ...christmas });
  expect(await shown('--market', 'XNYS', '--date', '2026-12-24')).toEqual({
    mic: 'XNYS',
    date: '2026-12-24',
    kind: 'open',
    name: 'Christmas Eve',
    open: '09:30',
    close: '13:00',
  });
});
