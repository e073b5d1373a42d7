// Splits a CSV text into records, so that one broken quote does not swallow the rest.
// Our own around csv-parse: given the whole text it gives up at the first broken quote, and every line is to be judged.
import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';

/** One record of a CSV text: the physical lines it covers, and its cells or why it has none. */
export interface CsvRecord {
  /** Physical lines covered, 1 unless a quoted cell has line breaks. */
  span: number;
  text: string;
  cells: { kind: 'cells'; values: string[] } | { kind: 'broken'; reason: string };
}

/** Splits a text into physical lines: LF or CRLF, and CR alone only where the file has no LF at all. */
export function physicalLines(text: string): string[] {
  return text.split(text.includes('\n') ? /\r?\n/ : '\r');
}

/**
 * The record that starts at `lines[start]`. Records are found one by one because a parser of the whole text gives up,
 * or swallows the rest, at the first broken quote; a caller that can't use a record goes on at the next line.
 */
export function recordAt(lines: readonly string[], start: number, delimiter = ','): CsvRecord {
  let text = lines[start] ?? '';
  if (!text.includes('"')) return { span: 1, text, cells: { kind: 'cells', values: text.split(delimiter) } };
  // A record ends where its quotes pair up (RFC 4180, section 2, rules 5 to 7).
  let span = 1;
  let open = oddQuotes(text);
  const covered = [text];
  while (open && start + span < lines.length) {
    const next = lines[start + span] ?? '';
    covered.push(next);
    if (oddQuotes(next)) open = false;
    span += 1;
  }
  if (open) return { span: 1, text, cells: { kind: 'broken', reason: 'a quote is opened and never closed' } };
  text = covered.join('\n');
  return { span, text, cells: quotedCells(text, delimiter) };
}

function oddQuotes(line: string): boolean {
  let odd = false;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) odd = !odd;
  return odd;
}

function quotedCells(text: string, delimiter: string): CsvRecord['cells'] {
  const misplaced = 'a quote is misplaced: quote the whole cell and double the quotes inside it';
  try {
    const [values, ...more] = parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true });
    if (values === undefined || more.length > 0) return { kind: 'broken', reason: misplaced };
    return { kind: 'cells', values };
  } catch (cause) {
    if (cause instanceof CsvError) return { kind: 'broken', reason: misplaced };
    throw cause;
  }
}
