import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cell, plainText, whole } from '../../../src/adapters/files/csv/cells.ts';
import { parseTable, readTable, type Table } from '../../../src/adapters/files/csv/table.ts';
import { fileWith, good, unusable } from './temp-file.ts';

interface Row {
  key: string;
  size: number;
}

const oneLine = (text: string) => (/[\r\n]/.test(text) ? { reason: 'has a line break' } : { value: text });
const schema = z.object({ key: cell(oneLine), size: cell(whole(0, 999)) });
const table: Table<Row> = {
  noun: 'sizes',
  columns: ['key', 'size'],
  schema,
  keyOf: (row) => row.key,
  keyColumn: 'key',
};
const named: Table<Row> = { ...table, schema: z.object({ key: cell(plainText(100)), size: cell(whole(0, 999)) }) };

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, as = table) => parseTable('sizes.csv', bytes(text), as);
const linesOf = (text: string, as = table) => good(parse(text, as)).problems.map((problem) => problem.line);

describe('the header', () => {
  test('names columns in any order, case and spacing, behind a byte order mark, with CRLF', () => {
    const { rows, problems, warnings } = good(parse('\ufeff Size ,"KEY"\r\n7,a\r\n8,b\r\n'));
    expect(rows).toEqual([
      { key: 'a', size: 7 },
      { key: 'b', size: 8 },
    ]);
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
  });

  test('with a column nobody knows is a warning, not a problem', () => {
    const { rows, problems, warnings } = good(parse('key,colour,size\na,red,1\n'));
    expect(rows).toEqual([{ key: 'a', size: 1 }]);
    expect(problems).toEqual([]);
    expect(warnings).toEqual(['sizes.csv line 1: column "colour" is not known and is ignored']);
  });

  test('without a column makes the file unusable and says which, where and what is needed', () => {
    const { code, message, problems } = unusable(parse('key\na\n'));
    expect(code).toBe('missing_column');
    expect(message).toBe(
      'sizes.csv: the header (line 1) lacks size. A sizes file needs the columns key,size: correct the header and run again.',
    );
    expect(problems).toEqual([{ file: 'sizes.csv', line: 1, field: 'size', reason: 'missing column', value: null }]);
  });

  test('with a needed column twice makes the file unusable: nobody can say which one counts', () => {
    expect(unusable(parse('key,size,size\na,1,2\n')).message).toContain('has size more than once');
  });

  test.each(['', '\n\n', '\ufeff'])('is missing from an empty file (%j)', (text) => {
    expect(unusable(parse(text)).code).toBe('missing_column');
  });
});

describe('a file', () => {
  test('that is not there is unusable under the name it was given', () => {
    const { code, message } = unusable(readTable('./no/such.csv', table));
    expect(code).toBe('unreadable_file');
    expect(message).toContain("./no/such.csv can't be read: there is no such file");
  });

  test('that is a directory, or UTF-16, is unreadable and says why', () => {
    expect(unusable(readTable(import.meta.dirname, table)).message).toContain('it is a directory');
    const utf16 = fileWith(Buffer.from('\ufeffkey,size\na,1\n', 'utf16le'));
    expect(unusable(readTable(utf16, table)).message).toContain('save it as UTF-8');
  });

  test('with nothing but a header has no good row', () => {
    const { code, message } = unusable(parse('key,size\r\n\r\n'));
    expect(code).toBe('no_good_row');
    expect(message).toContain('there is nothing below the header');
  });

  test('with only bad rows has no good row and still names every one', () => {
    const { code, message, problems } = unusable(parse('key,size\na,x\nb,y\n'));
    expect(code).toBe('no_good_row');
    expect(message).toContain('all 2 are bad, the first at line 2 (size: must be a whole number from 0 to 999)');
    expect(problems.map((problem) => problem.line)).toEqual([2, 3]);
  });

  test('with old Mac line ends is read line by line too', () => {
    expect(linesOf('key,size\ra,1\rb,x\r')).toEqual([3]);
  });
});

describe('a bad row', () => {
  test('is one problem with file, line, field, reason and value, and the good rows go on', () => {
    const { rows, problems } = good(parse('key,size\na,1\nb,-5\nc,3\n'));
    expect(rows.map((row) => row.key)).toEqual(['a', 'c']);
    const reason = 'must be a whole number from 0 to 999';
    expect(problems).toEqual([{ file: 'sizes.csv', line: 3, field: 'size', reason, value: '-5' }]);
  });

  test('may be too short or too long', () => {
    const { problems } = good(parse('key,size\na\nb,1,250\nc,3\n'));
    expect(problems.map(({ line, field, reason, value }) => ({ line, field, reason, value }))).toEqual([
      { line: 2, field: null, reason: "has only 1 of the header's 2 cells", value: 'a' },
      {
        line: 3,
        field: null,
        reason: 'has 3 cells, the header has 2: quote a cell that has a comma in it',
        value: 'b,1,250',
      },
    ]);
  });

  test('keeps its physical line number after blank lines and quoted line breaks', () => {
    const text = 'key,size\n\n"Asha\nRao",1\r\n"B ""b"" b",2\n\nbad,x\n"C\r\n\r\nc",4\nbad,y';
    expect(linesOf(text, named)).toEqual([7, 11]);
    expect(good(parse(text, named)).rows.map((row) => row.key)).toEqual(['Asha Rao', 'B "b" b', 'C c']);
  });

  test('repeating a key names the line that stands; a bad first one does not stand', () => {
    const { rows, problems } = good(parse('key,size\na,x\na,1\nb,2\na,3\n'));
    expect(rows).toEqual([
      { key: 'a', size: 1 },
      { key: 'b', size: 2 },
    ]);
    expect(problems.map((problem) => problem.line)).toEqual([2, 5]);
    expect(problems[1]).toEqual({
      file: 'sizes.csv',
      line: 5,
      field: 'key',
      reason: 'duplicate of line 3',
      value: 'a',
    });
  });

  test('with a NUL byte or bytes that are no UTF-8 is refused as a whole', () => {
    const { rows, problems } = good(
      parseTable('f.csv', Buffer.concat([bytes('key,size\na\0,1\nb'), Uint8Array.of(0xff), bytes(',2\nc,3\n')]), table),
    );
    expect(rows).toEqual([{ key: 'c', size: 3 }]);
    expect(problems.map((problem) => problem.reason)).toEqual([
      'has a NUL byte',
      'has bytes that are not UTF-8: save the file as UTF-8 (it may be Windows-1252; in Excel choose “CSV UTF-8”)',
    ]);
  });

  test('of a megabyte is shown in at most 80 well-formed characters without control characters', () => {
    const junk = `\u001b[31m${'😀'.repeat(250_000)}`;
    const { rows, problems } = good(parse(`key,size\n${junk}\na,1\nb,${junk}\n`));
    expect(rows).toEqual([{ key: 'a', size: 1 }]);
    expect(problems.map((problem) => problem.line)).toEqual([2, 4]);
    for (const { value } of problems) {
      expect(value?.length).toBeLessThanOrEqual(80);
      expect(value?.isWellFormed()).toBe(true);
      expect(value).not.toMatch(/\p{Cc}/u);
    }
  });
});

describe('a broken quote', () => {
  test.each([
    ['never closed', 'key,size\na,1\n"b,2\nc,3\nd,4\n'],
    ['closed in a later row', 'key,size\na,1\n"b,2\nc,3\n"d",4\n'],
    ['closed early', 'key,size\na,1\n"b"x,2\nc,3\nd,4\n'],
    ['opened inside a cell', 'key,size\na,1\nb"b",2\nc,3\nd,4\n'],
  ])('%s costs its own row only', (_, text) => {
    const { rows, problems } = good(parse(text));
    expect(rows.map((row) => row.key)).toEqual(['a', 'c', 'd']);
    expect(problems.map((problem) => problem.line)).toEqual([3]);
    expect(problems[0]?.reason).toMatch(/quote/);
  });

  test('that happens to pair up with a later one does not hide the rows between', () => {
    const { rows, problems } = good(parse('key,size\n"a,1\nb,2\nc,3"\nd,4\n'));
    expect(rows.map((row) => row.key)).toEqual(['b', 'd']);
    expect(problems.map((problem) => problem.line)).toEqual([2, 4]);
    expect(problems[0]?.reason).toBe('a quote opened here closes on a later line (2 below)');
    expect(problems[0]?.value).toBe('"a,1');
  });
});

describe('a line break at the edge of a quoted cell', () => {
  test('is not trimmed away: a stray quote must not join two rows into a good one', () => {
    expect(linesOf('key,size\na,1\n"\n""b",2\n')).toEqual([3, 4]);
  });
});

describe('whatever bytes it is given, the reader', () => {
  test('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (junk, withHeader) => {
        const content = withHeader ? Buffer.concat([bytes('key,size\n'), junk]) : junk;
        expect(['read', 'unusable']).toContain(parseTable('f.csv', content, table).kind);
      }),
    );
  });

  test('makes every physical line that is not blank exactly one row or one problem', () => {
    const piece = fc.constantFrom('"', '"', ',', '\n', '\r\n', '\r', ' ', 'a', 'b', '1', '"a",1\n', 'c,2\n', '\0', 'é');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const content = `key,size\n${pieces.join('')}`;
        const result = parse(content);
        const expected = content.split(/\r?\n/).flatMap((line, index) => (line.trim() ? [index + 1] : []));
        const problemLines = result.problems.map((problem) => problem.line);
        const rowCount = result.kind === 'read' ? result.rows.length : 0;
        expect(rowCount + problemLines.length).toBe(expected.length - 1);
        expect(new Set(problemLines).size).toBe(problemLines.length);
        expect(problemLines.filter((line) => !expected.includes(line))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('gives back every row that was written by the rules, line breaks and quotes included', () => {
    const asRead = (key: string) => (key.includes('\n') ? key : key.trim());
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', ' ', 'अ'), minLength: 1, maxLength: 12 });
    const anyText: Table<Row> = {
      ...table,
      schema: z.object({ key: cell((value) => ({ value })), size: cell(whole(0, 999)) }),
    };
    fc.assert(
      fc.property(fc.uniqueArray(text, { selector: asRead, minLength: 1, maxLength: 8 }), (keys) => {
        const written = keys.map((key, size) => `"${key.replaceAll('"', '""')}",${size}`);
        const { rows, problems } = good(parse(`key,size\r\n${written.join('\r\n')}`, anyText));
        expect(problems).toEqual([]);
        expect(rows).toEqual(keys.map((key, size) => ({ key: asRead(key), size })));
      }),
    );
  });
});
