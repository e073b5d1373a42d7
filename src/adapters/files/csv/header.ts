// Finds the header of a CSV file and what separates its cells.
import { recordAt } from './records.ts';

/** The first record of a file. */
export interface Header {
  line: number;
  names: string[];
  /** Index of the first line below it. */
  next: number;
  /** What stands between cells. */
  delimiter: string;
}

/** What spreadsheets put between cells, the usual one first. */
const DELIMITERS = [',', ';', '\t'];
/** A line Excel reads and others do not: it says what stands between cells. */
const SEP = /^"?sep=([,;\t])"?[,;\t]*$/i;

/**
 * The header: the first line that is not blank, or the one below `sep=;`. Cells stand between what that line says, else
 * between what gives most of the `wanted` columns: nobody's columns are named by a text with a comma in it.
 */
export function headerOf(lines: readonly string[], wanted: readonly string[]): Header {
  const first = notBlank(lines, 0);
  const declared = SEP.exec(lines[first]?.trim() ?? '')?.[1];
  const at = declared === undefined ? first : notBlank(lines, first + 1);
  const ways = (declared === undefined ? DELIMITERS : [declared]).map((delimiter) => headerAt(lines, at, delimiter));
  const matches = ({ names }: Header) => wanted.filter((column) => names.includes(column)).length;
  return ways.reduce((best, way) => (matches(way) > matches(best) ? way : best));
}

function notBlank(lines: readonly string[], from: number): number {
  const first = lines.findIndex((line, index) => index >= from && line.trim() !== '');
  return first < 0 ? 0 : first;
}

function headerAt(lines: readonly string[], at: number, delimiter: string): Header {
  const record = recordAt(lines, at, delimiter);
  const values = record.cells.kind === 'cells' ? record.cells.values : record.text.split(delimiter);
  return { line: at + 1, names: values.map((name) => name.trim().toLowerCase()), next: at + record.span, delimiter };
}

/** Says so where a file is not what its name promises: a number with a decimal comma in it is refused, never guessed. */
export function otherDelimiter(file: string, { delimiter }: Header): string[] {
  if (delimiter === ',') return [];
  const name = delimiter === ';' ? 'semicolons' : 'tabs';
  return [`${file}: cells are separated by ${name}, and read so; amounts are still written 1250.00`];
}
