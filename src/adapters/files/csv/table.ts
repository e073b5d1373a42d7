// Reads a CSV file into good rows and problems, each problem with its line and column.
import type { z } from 'zod';
import { cut } from '../../../domain/text/text.ts';
import type { Problem } from '../../../domain/types.ts';
import { decode, type FileResult, readBytes, type UnusableFile } from '../source.ts';
import { type Header, headerOf, otherDelimiter } from './header.ts';
import { type CsvRecord, physicalLines, recordAt } from './records.ts';

/** What a kind of CSV file holds. */
export interface Table<Row> {
  /** For messages: 'signals', 'users'. */
  noun: string;
  /** Every column is required: a misspelt limit must not pass for an absent one. */
  columns: readonly string[];
  /** Columns a file may leave out: the schema sees no cell of theirs then. */
  optional?: readonly string[];
  /** Reads one record's cells keyed by column, trimmed unless they have a line break; an issue's path is the column, its message the reason. */
  schema: z.ZodType<Row>;
  /** Rows with the same key are duplicates: the first stands. */
  keyOf: (row: Row) => string;
  /** The column a duplicate is reported under. */
  keyColumn: string;
  /** A file of this kind may say that there is nothing. */
  mayBeEmpty?: boolean;
  /** Hides what must not be shown of a bad value; `field` null is a whole record. */
  mask?: (value: string, field: string | null) => string;
}

type Judged<Row> =
  | { kind: 'row'; row: Row; shown: string }
  | ({ kind: 'bad' } & Pick<Problem, 'field' | 'reason' | 'value'>);

/**
 * Reads a CSV file (RFC 4180, UTF-8): header by name in any order and case, CRLF and byte order mark welcome, blank
 * lines passed over. Every record below the header is a row or one problem; nothing about a file's content throws.
 * `file` appears in problems as given.
 */
export function readTable<Row>(file: string, table: Table<Row>): FileResult<Row> {
  const source = readBytes(file);
  return source.kind === 'unusable' ? source : parseTable(file, source.bytes, table);
}

/** As `readTable`, for bytes already at hand. */
export function parseTable<Row>(file: string, bytes: Uint8Array, table: Table<Row>): FileResult<Row> {
  const source = decode(file, bytes);
  if (source.kind === 'unusable') return source;
  const lines = physicalLines(source.text);
  const header = headerOf(lines, table.columns);
  const wrong = tooWide(file, header) ?? wrongHeader(file, header, table);
  if (wrong) return wrong;

  const { rows, rowLines, problems } = readRecords(file, lines, header, table);
  if (rows.length === 0 && !(table.mayBeEmpty && problems.length === 0)) return noGoodRow(file, problems);
  return {
    kind: 'read',
    rows,
    lines: rowLines,
    problems,
    warnings: [...otherDelimiter(file, header), ...unknownColumns(file, header, table)],
  };
}

function readRecords<Row>(file: string, lines: readonly string[], header: Header, table: Table<Row>) {
  const rows: Row[] = [];
  const rowLines: number[] = [];
  const problems: Problem[] = [];
  const lineOfKey = new Map<string, number>();
  let uncounted = 0;
  const count = (problem: Problem): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
    else uncounted += 1;
  };
  for (let at = header.next; at < lines.length; ) {
    const line = at + 1;
    const record = recordAt(lines, at, header.delimiter);
    if (record.text.trim() === '') {
      at += 1;
      continue;
    }
    const judged = judge(record, header, table);
    if (judged.kind === 'bad') {
      const { field, reason, value } = judged;
      count({ file, line, field, reason, value });
      // A bad record over several lines is a stray quote until proven otherwise: the lines in it get their own hearing.
      at += 1;
      continue;
    }
    at += record.span;
    const key = table.keyOf(judged.row);
    const first = lineOfKey.get(key);
    if (first === undefined) {
      lineOfKey.set(key, line);
      rows.push(judged.row);
      rowLines.push(line);
    } else {
      count({ file, line, field: table.keyColumn, reason: `duplicate of line ${first}`, value: judged.shown });
    }
  }
  if (uncounted > 0) problems.push({ file, line: lines.length, field: null, reason: tooMany(uncounted), value: null });
  return { rows, rowLines, problems };
}

/** Problems are kept with the run and read by people: of a file that is bad throughout, the first ones say it all. */
const MAX_PROBLEMS = 10_000;
const MAX_COLUMNS = 200;
const MAX_RECORD_LENGTH = 100_000;

function tooMany(uncounted: number): string {
  return `and ${uncounted} more bad rows, of ${uncounted + MAX_PROBLEMS} in this file`;
}

function tooWide(file: string, { line, names }: Header): UnusableFile | null {
  if (names.length <= MAX_COLUMNS) return null;
  const reason = `has ${names.length} columns, more than ${MAX_COLUMNS}`;
  const message = `${file}: the header (line ${line}) ${reason}: give the columns that are needed, and run again.`;
  const problem = { file, line, field: null, reason, value: null };
  return { kind: 'unusable', code: 'unreadable_file', message, problems: [problem] };
}

function judge<Row>(record: CsvRecord, header: Header, table: Table<Row>): Judged<Row> {
  const reason = unreadableReason(record, header);
  if (reason !== null) {
    const [firstLine = ''] = record.text.split('\n', 1);
    return { kind: 'bad', field: null, reason, value: shown(firstLine, null, table) };
  }
  const values = record.cells.kind === 'cells' ? record.cells.values : [];
  const cells = Object.fromEntries(
    columnsIn(header, table).map((column) => [column, trimmed(values[header.names.indexOf(column)] ?? '')]),
  );
  const parsed = table.schema.safeParse(cells);
  if (parsed.success) {
    return { kind: 'row', row: parsed.data, shown: shown(cells[table.keyColumn] ?? '', table.keyColumn, table) };
  }
  const [issue] = parsed.error.issues;
  const field = issue ? String(issue.path[0] ?? table.keyColumn) : table.keyColumn;
  return {
    kind: 'bad',
    field,
    reason: issue?.message ?? 'is not valid',
    value: shown(cells[field] ?? '', field, table),
  };
}

function columnsIn<Row>(header: Header, { columns, optional = [] }: Table<Row>): string[] {
  return [...columns, ...optional.filter((column) => header.names.includes(column))];
}

/** Spaces around a cell mean nothing; a line break does: trimmed away, it would let a stray quote join two rows. */
function trimmed(value: string): string {
  return value.includes('\n') ? value : value.trim();
}

/** Why a record has no cells to read, or null. */
function unreadableReason({ text, span, cells }: CsvRecord, header: Header): string | null {
  if (text.length > MAX_RECORD_LENGTH) return `is longer than ${MAX_RECORD_LENGTH} characters`;
  if (text.includes('\0')) return 'has a NUL byte';
  if (text.includes('\ufffd'))
    return 'has bytes that are not UTF-8: save the file as UTF-8 (it may be Windows-1252; in Excel choose “CSV UTF-8”)';
  if (cells.kind === 'broken') return cells.reason;
  const [count, expected] = [cells.values.length, header.names.length];
  if (count === expected) return null;
  if (span > 1) return `a quote opened here closes on a later line (${span - 1} below)`;
  if (count < expected) return `has only ${count} of the header's ${expected} cells`;
  const sign = header.delimiter === ',' ? 'comma' : header.delimiter === '\t' ? 'tab' : 'semicolon';
  return `has ${count} cells, the header has ${expected}: quote a cell that has a ${sign} in it`;
}

/** A value fit to print and to store: masked, at most 80 characters, no control characters. */
function shown<Row>(value: string, field: string | null, table: Table<Row>): string {
  // Cut before the mask to bound the work on a megabyte of junk, and after it so that no mask is cut short.
  const start = cut(value, 400, '');
  const masked = table.mask ? table.mask(start, field) : start;
  return cut(masked, 80).replace(/\p{Cc}/gu, '·');
}

function wrongHeader<Row>(file: string, header: Header, table: Table<Row>): UnusableFile | null {
  const missing = table.columns.filter((column) => !header.names.includes(column));
  const twice = columnsIn(header, table).filter(
    (column) => header.names.indexOf(column) !== header.names.lastIndexOf(column),
  );
  if (missing.length === 0 && twice.length === 0) return null;
  const what = missing.length > 0 ? `lacks ${missing.join(', ')}` : `has ${twice.join(', ')} more than once`;
  const message = `${file}: the header (line ${header.line}) ${what}. ${aFileOf(table.noun)} needs the columns ${table.columns.join(',')}: correct the header and run again.`;
  const problem = (reason: string) => (field: string) => ({ file, line: header.line, field, reason, value: null });
  const problems = [...missing.map(problem('missing column')), ...twice.map(problem('column appears more than once'))];
  return { kind: 'unusable', code: 'missing_column', message, problems };
}

function aFileOf(noun: string): string {
  return `${/^[aeio]/.test(noun) ? 'An' : 'A'} ${noun} file`;
}

function noGoodRow(file: string, problems: Problem[]): UnusableFile {
  const [first] = problems;
  const all = problems.length === 1 ? 'the only one is bad,' : `all ${problems.length} are bad, the first`;
  const why = first
    ? `${all} at line ${first.line} (${first.field ?? 'whole row'}: ${first.reason})`
    : 'there is nothing below the header';
  const message = `${file} has no good row: ${why}. Correct the file and run again.`;
  return { kind: 'unusable', code: 'no_good_row', message, problems };
}

function unknownColumns<Row>(file: string, header: Header, table: Table<Row>): string[] {
  return header.names
    .filter((name) => !columnsIn(header, table).includes(name))
    .map((name) => `${file} line ${header.line}: column "${shown(name, null, table)}" is not known and is ignored`);
}
