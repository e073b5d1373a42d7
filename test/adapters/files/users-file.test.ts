import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTable } from '../../../src/adapters/files/csv/table.ts';
import * as file from '../../../src/adapters/files/users-file.ts';
import { fileWith, good } from './temp-file.ts';

const header = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
const venues = ['paper', 'kite'];
const usersTable = file.usersTable(venues);
const readUsers = (path: string) => file.readUsers(path, venues);

const asha = 'Asha Rao,+919800000012,100000,20,5,3,2.5,1,kite';
const bare = 'Bala,,50000.50,12.5,,,,,';
const read = (...rows: string[]) => good(readUsers(fileWith([header, ...rows].join('\n'))));

function problemOf(change: Record<string, string>) {
  const names = header.split(',');
  const row = asha.split(',').map((value, index) => change[names[index] ?? ''] ?? value);
  const [problem] = read(row.join(','), bare).problems;
  return problem && { field: problem.field, value: problem.value };
}

test('a row is a user with money in paise, shares in basis points and leverage in hundredths', () => {
  expect(read(asha).rows).toEqual([
    {
      id: 'asha-rao',
      name: 'Asha Rao',
      whatsapp: '+919800000012',
      capitalMinor: 10_000_000,
      allocationBps: 2000,
      leverageCenti: 500,
      maxOpenPositions: 3,
      dailyLossLimitBps: 250,
      priority: 1,
      venue: 'kite',
    },
  ]);
});

test('a user may have a row for each currency; one without the column is of rupees', () => {
  const inCurrency = (currency: string) => `${asha},${currency}`;
  const rows = [`${header},currency`, inCurrency('INR'), inCurrency('USD'), inCurrency(''), inCurrency('USDC')];
  const { rows: users, problems } = good(readUsers(fileWith(rows.join('\n'))));
  expect(users).toMatchObject([
    { id: 'asha-rao', currency: 'INR', capitalMinor: 10_000_000 },
    { id: 'asha-rao', currency: 'USD', capitalMinor: 10_000_000 },
  ]);
  expect(problems.map(({ line, field, value }) => ({ line, field, value }))).toEqual([
    { line: 4, field: 'name', value: 'Asha Rao' },
    { line: 5, field: 'currency', value: 'USDC' },
  ]);
});

test('empty cells mean no message, no leverage, no limits, priority 100 and the paper venue', () => {
  expect(read(bare).rows).toEqual([
    {
      id: 'bala',
      name: 'Bala',
      whatsapp: null,
      capitalMinor: 5_000_050,
      allocationBps: 1250,
      leverageCenti: 100,
      maxOpenPositions: null,
      dailyLossLimitBps: null,
      priority: 100,
      venue: 'paper',
    },
  ]);
});

test.each([
  ['name', ''],
  ['capital', ''],
  ['capital', '0'],
  ['capital', '-5'],
  ['capital', '1000000000000'],
  ['allocation_pct', ''],
  ['allocation_pct', '0'],
  ['allocation_pct', '100.01'],
  ['allocation_pct', '20%'],
  ['leverage', '0.99'],
  ['leverage', '100.01'],
  ['leverage', '5x'],
  ['max_open_positions', '0'],
  ['max_open_positions', '2.5'],
  ['daily_loss_limit_pct', '0'],
  ['daily_loss_limit_pct', '101'],
  ['priority', '0'],
  ['venue', 'zerodha'],
  ['venue', 'Paper'],
])('%s %j is one problem under its column', (field, value) => {
  const masked = value === '1000000000000' ? '***********00' : value;
  expect(problemOf({ [field]: value })).toEqual({ field, value: masked });
});

test('daily limits may be left out, be empty, or be set', () => {
  expect(read(asha).rows[0]).not.toHaveProperty('maxOrdersPerDay');
  const readCells = (cells: string) =>
    readUsers(fileWith(`${header},max_orders_per_day,max_order_value\nBala,,100000,20,,,,,,${cells}`));
  const rowOf = (cells: string) => {
    const result = readCells(cells);
    if (result.kind !== 'read') throw new Error(result.message);
    return result.rows[0];
  };
  expect(rowOf('5,150000.50')).toMatchObject({ maxOrdersPerDay: 5, maxOrderValueMinor: 150_000_50 });
  expect(rowOf(',')).toMatchObject({ maxOrdersPerDay: null, maxOrderValueMinor: null });
  expect(readCells('-1,')).toMatchObject({ kind: 'unusable', problems: [{ field: 'max_orders_per_day' }] });
  expect(readCells(',0')).toMatchObject({ kind: 'unusable', problems: [{ field: 'max_order_value' }] });
});

test('settings whose largest order could not be computed exactly are one problem that says what to do', () => {
  const { rows, problems } = read(asha, 'Bala,,999999999999.99,100,100,,,,', 'Chand,,999999999999.99,100,90.07,,,,');
  expect(rows.map(({ name }) => name)).toEqual(['Asha Rao', 'Chand']);
  expect(problems).toEqual([
    {
      file: expect.any(String),
      line: 3,
      field: 'capital',
      reason:
        'capital × allocation × leverage may be at most 90071992547409.91, the largest order that can be computed exactly: lower one of them',
      value: expect.any(String),
    },
  ]);
});

test('a name with control characters is refused: it would rewrite the terminal', () => {
  expect(problemOf({ name: 'A\u001b[2J' })).toEqual({ field: 'name', value: 'A·[2J' });
});

test('the same name in other spacing and case is a duplicate, another name is not', () => {
  const { rows, problems } = read(asha, bare, '  ASHA   rao ,,1,1,,,,,', 'Asha-Rao,,1,1,,,,,', 'आशा राव,,1,1,,,,,');
  expect(rows.map((row) => row.name)).toEqual(['Asha Rao', 'Bala', 'Asha-Rao', 'आशा राव']);
  expect(problems).toMatchObject([{ line: 4, field: 'name', reason: 'duplicate of line 2', value: 'ASHA   rao' }]);
});

describe('a phone number is never shown whole', () => {
  test.each([
    ['without a plus', '919800000012', '**********12'],
    ['with spaces', '+91 98000 00012', '+** ***** ***12'],
    ['of letters too', 'whatsapp:+919800000012', 'whatsapp:+**********12'],
    ['too short', '+91980', '+***80'],
    ['too long', '+9198000000121212', '+**************12'],
    ['in Devanagari digits', '+९१९८००००००१२', '+**********१२'],
  ])('%s', (_, value, masked) => {
    expect(problemOf({ whatsapp: value })).toEqual({ field: 'whatsapp', value: masked });
  });

  test('in a row that is too short, too long or has a broken quote', () => {
    const { problems } = read(bare, 'Asha,+919800000012', `${asha},x`, `"${asha}`, 'Asha,98000-00012');
    expect(problems.map((problem) => problem.line)).toEqual([3, 4, 5, 6]);
    for (const { value } of problems) {
      expect(value).toContain('Asha');
      expect(value?.replace(/\D/g, '')).not.toContain('9800');
    }
  });

  test('in a cell of another column', () => {
    expect(problemOf({ capital: '+919800000012' })).toEqual({ field: 'capital', value: '+**********12' });
    expect(problemOf({ venue: '98000 00012' })).toEqual({ field: 'venue', value: '***** ***12' });
  });

  test('whatever surrounds it', () => {
    const piece = fc.constantFrom(
      '"',
      ',',
      '\n',
      ' ',
      '+',
      'x',
      '-',
      '5',
      header,
      asha,
      '+919800000012',
      '98000 00012',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, withHeader) => {
        const content = `${withHeader ? `${header}\n` : ''}${pieces.join('')}`;
        const result = parseTable('users.csv', new TextEncoder().encode(content), usersTable);
        const output = result.kind === 'read' ? [result.problems, result.warnings] : [result.problems, result.message];
        expect(JSON.stringify(output)).not.toMatch(/98000 ?0001/);
      }),
      { numRuns: 500 },
    );
  });

  test('in a header, where it is no column', () => {
    const file = fileWith(`${header},+919800000012\n${bare},\n`);
    expect(good(readUsers(file)).warnings).toEqual([
      `${file} line 1: column "+**********12" is not known and is ignored`,
    ]);
  });
});
