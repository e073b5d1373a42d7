import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { amount, cell, whole } from '../../../src/adapters/files/csv/cells.ts';
import { parseTable, type Table } from '../../../src/adapters/files/csv/table.ts';
import { good } from './temp-file.ts';

interface Row {
  key: string;
  size: number;
}

const table: Table<Row> = {
  noun: 'sizes',
  columns: ['key', 'size'],
  schema: z.object({ key: cell((value) => ({ value })), size: cell(whole(0, 999)) }),
  keyOf: (row) => row.key,
  keyColumn: 'key',
};
const parse = (text: string, as = table) => parseTable('sizes.csv', new TextEncoder().encode(text), as);

describe('a file that is not what its name says', () => {
  const columns = 'key,size\na,1\n';
  const utf16 = (bigEndian: boolean) => {
    const little = Buffer.from(columns.repeat(3), 'utf16le');
    return bigEndian ? little.swap16() : little;
  };

  test.each<[string, Uint8Array, string]>([
    ['a workbook', Buffer.from('PK\x03\x04\x14\x00\x06\x00', 'latin1'), 'Excel workbook (xlsx)'],
    ['an old workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'old Excel workbook (xls)'],
    ['UTF-16 with its mark', Buffer.concat([Buffer.from('fffe', 'hex'), utf16(false)]), 'it is UTF-16'],
    ['UTF-16 without', utf16(false), 'it is UTF-16'],
    ['UTF-16 the other way round', utf16(true), 'it is UTF-16'],
    ['a web page', Buffer.from('\n<!DOCTYPE html><html>'), 'it is a web page'],
    ['compressed', Buffer.from('1f8b0800', 'hex'), 'unpack it'],
    ['a PDF', Buffer.from('%PDF-1.7'), 'it is a PDF'],
  ])('(%s) is named for what it is', (_what, content, says) => {
    expect(parseTable('f.csv', content, table)).toMatchObject({
      kind: 'unusable',
      code: 'unreadable_file',
      message: expect.stringContaining(says),
    });
  });

  test.each([
    ['semicolons', 'key;size\na;1\n"b;c";2\n'],
    ['tabs', 'key\tsize\na\t1\n"b;c"\t2\n'],
    ['sep= and semicolons', 'sep=;\nkey;size\na;1\nb;c;2\n"b;c";2\n'],
  ])('(%s between cells) is read, and said', (what, content) => {
    const { rows, warnings, problems } = good(parse(content));
    expect(rows).toEqual([
      { key: 'a', size: 1 },
      { key: 'b;c', size: 2 },
    ]);
    expect(warnings.join()).toContain(what.split(' ').at(-1));
    expect(problems.map(({ line }) => line)).toEqual(what.startsWith('sep') ? [4] : []);
  });

  test('(sep=, on top) is read, and lines are counted from the top', () => {
    const { rows, problems, warnings } = good(parse('sep=,\nkey,size\na,1\nb,x\n'));
    expect([rows, warnings, problems.map(({ line }) => line)]).toEqual([[{ key: 'a', size: 1 }], [], [4]]);
  });

  test('has its numbers with decimal commas refused, never guessed', () => {
    const money: Table<{ key: string; size: number }> = {
      ...table,
      schema: z.object({ key: cell((value) => ({ value })), size: cell(amount) }),
    };
    const { rows, problems } = good(parse('key;size\na;1,50\nb;1,00,000\nc;1.50\n', money));
    expect(rows).toEqual([{ key: 'c', size: 150 }]);
    expect(problems.map(({ reason }) => reason)).toEqual(Array(2).fill(expect.stringContaining('write 1250.00')));
  });
});

test('words have their articles and numbers', () => {
  const named = (noun: string) => parse('nothing\n', { ...table, noun });
  expect(named('instruments')).toMatchObject({ message: expect.stringContaining('An instruments file needs') });
  expect(named('users')).toMatchObject({ message: expect.stringContaining('A users file needs') });
  expect(parse('key,size\na,x\n')).toMatchObject({
    message: expect.stringContaining('the only one is bad, at line 2'),
  });
});
