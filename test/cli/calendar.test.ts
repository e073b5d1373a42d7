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
