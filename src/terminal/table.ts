// Lays out tables without a frame, in any script, as wide as the terminal.
import CliTable from 'cli-table3';
import { displayWidth } from './width.ts';

/** The few ways a word may stand out: good, bad, to be noticed, unimportant, a heading. */
export type Tone = 'good' | 'bad' | 'notice' | 'quiet' | 'strong';

/** Gives a text its tone on a terminal that shows colours, and leaves it alone elsewhere. */
export type Paint = (tone: Tone, text: string) => string;

/** The paint of an output without colours. */
export const plain: Paint = (_tone, text) => text;

export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** May be left out where the table is too wide; the last spare column goes first. */
  spare?: boolean;
}

export type Cell = string | { text: string; tone: Tone };

const COLUMN_GAP = 2;

/**
 * A table without a frame: titles, a rule, the rows, at most `maxWidth` columns wide as far as spare columns allow.
 * Cells must be single lines (see `fitted`). cli-table3 lays out stand-ins of the right width, because it counts a
 * Devanagari vowel sign as a column of its own, and the texts then take their places in reading order.
 */
export function table(columns: Column[], rows: Cell[][], maxWidth: number, paint: Paint): string {
  const shown = columnsThatFit(columns, rows, maxWidth);
  const widths = shown.map((index) => columnWidth(columns, rows, index));
  const cells: Cell[][] = [
    shown.map((index) => ({ text: columns[index]?.title ?? '', tone: 'strong' })),
    widths.map((width) => ({ text: '─'.repeat(width), tone: 'quiet' })),
    ...rows.map((row) => shown.map((index) => row[index] ?? '')),
  ];
  const layout = new CliTable({
    chars: noFrame,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: shown.map((index) => columns[index]?.align ?? 'left'),
  });
  layout.push(...cells.map((row) => row.map(standIn)));
  const texts = cells.flat().filter((cell) => standIn(cell) !== '');
  let next = 0;
  return trimLines(layout.toString()).replace(/\ue000\ue001*/g, () => {
    const cell = texts[next++] ?? '';
    return typeof cell === 'string' ? cell : paint(cell.tone, cell.text);
  });
}

/** How wide a table of these columns would be. */
export function tableWidth(columns: Column[], rows: Cell[][]): number {
  return widthOf(
    columns,
    rows,
    columns.map((_, index) => index),
  );
}

function columnsThatFit(columns: Column[], rows: Cell[][], maxWidth: number): number[] {
  let shown = columns.map((_, index) => index);
  while (widthOf(columns, rows, shown) > maxWidth) {
    const last = shown.findLast((index) => columns[index]?.spare);
    if (last === undefined) break;
    shown = shown.filter((index) => index !== last);
  }
  return shown;
}

function widthOf(columns: Column[], rows: Cell[][], shown: number[]): number {
  return shown.reduce((sum, index) => sum + columnWidth(columns, rows, index) + COLUMN_GAP, -COLUMN_GAP);
}

function columnWidth(columns: Column[], rows: Cell[][], index: number): number {
  const title = displayWidth(columns[index]?.title ?? '');
  return rows.reduce((width, row) => Math.max(width, displayWidth(textOf(row[index] ?? ''))), title);
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** Private-use characters can't stand in a cell: `fitted` takes them out of every text from outside. */
function standIn(cell: Cell): string {
  const width = displayWidth(textOf(cell));
  return width === 0 ? '' : `\ue000${'\ue001'.repeat(width - 1)}`;
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const noFrame = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(COLUMN_GAP),
};
