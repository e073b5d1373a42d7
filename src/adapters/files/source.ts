// Reads a file’s bytes as text, and says in plain words why one can’t be read.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Problem } from '../../domain/types.ts';

/** A file nothing can be done with. `message` says what is wrong, where and what to do; `problems` name lines. */
export interface UnusableFile {
  kind: 'unusable';
  code: 'unreadable_file' | 'missing_column' | 'no_good_row';
  message: string;
  problems: Problem[];
}

/** A file's good rows, its bad ones as problems, and what was odd but harmless as warnings. */
export interface ReadFile<Row> {
  kind: 'read';
  rows: Row[];
  /** The line each row begins on. */
  lines: number[];
  problems: Problem[];
  warnings: string[];
}

export type FileResult<Row> = ReadFile<Row> | UnusableFile;

const whyUnreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'its permissions forbid reading',
  EPERM: 'its permissions forbid reading',
};

const MEGABYTE = 1024 * 1024;
/** A hundred thousand users take 8 MB, every instrument of every Indian exchange some 20. */
const MAX_MEGABYTES = 64;

/** The file's bytes, or why they can't be had. It may be a pipe: nobody knows its size before it is read. */
export function readBytes(file: string): { kind: 'bytes'; bytes: Uint8Array } | UnusableFile {
  try {
    const bytes = bytesOf(file);
    return bytes ? { kind: 'bytes', bytes } : unreadable(file, `it has more than ${MAX_MEGABYTES} MB`);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    return unreadable(file, whyUnreadable[code] ?? code);
  }
}

/** null: there are more than a file may have; no more of them are read. */
function bytesOf(file: string): Uint8Array | null {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Uint8Array[] = [];
    for (let left = MAX_MEGABYTES * MEGABYTE; left >= 0; ) {
      const chunk = Buffer.allocUnsafe(MEGABYTE);
      const read = readSync(descriptor, chunk);
      if (read === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, read));
      left -= read;
    }
    return null;
  } finally {
    closeSync(descriptor);
  }
}

const MAGIC: readonly (readonly [string, string])[] = [
  ['504b0304', 'it is an Excel workbook (xlsx) or another zip archive: in Excel choose Save as, “CSV UTF-8”'],
  ['d0cf11e0', 'it is an old Excel workbook (xls): in Excel choose Save as, “CSV UTF-8”'],
  ['1f8b', 'it is compressed (gzip): unpack it first'],
  ['25504446', 'it is a PDF: what is needed is its data as CSV'],
];
const PEEK_BYTES = 512;

/** What a file is that is no UTF-8 text, with what to do; null: it may be one. */
function otherKind(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, PEEK_BYTES));
  const hex = start.subarray(0, 4).toString('hex');
  const signature = MAGIC.find(([magic]) => hex.startsWith(magic));
  if (signature) return signature[1];
  if (/^(fffe|feff)/.test(hex) || isUtf16(start)) return 'it is UTF-16: save it as UTF-8 (in Excel “CSV UTF-8”)';
  if (/^\s*<(!doctype html|html|head|body|table)\b/i.test(start.toString('latin1').replace(/^\xef\xbb\xbf/, ''))) {
    return 'it is a web page (HTML), perhaps of a login or an error: download the CSV itself';
  }
  return null;
}

/** Text of one byte a character has no NUL; UTF-16's has one in every other byte. */
function isUtf16(start: Uint8Array): boolean {
  const nuls = [0, 0];
  start.forEach((byte, at) => {
    if (byte === 0) nuls[at % 2] = (nuls[at % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = nuls;
  const half = start.length / 2;
  return half >= 4 && Math.max(even, odd) > half * 0.7 && Math.min(even, odd) < half * 0.1;
}

/** The bytes as text without a byte order mark; bytes that are no UTF-8 become U+FFFD. */
export function decode(file: string, bytes: Uint8Array): { kind: 'text'; text: string } | UnusableFile {
  const other = otherKind(bytes);
  if (other !== null) return unreadable(file, other);
  try {
    return { kind: 'text', text: new TextDecoder().decode(bytes) };
  } catch (cause) {
    // Node decodes any bytes, but not into a string beyond its longest one (512 MB).
    return unreadable(file, cause instanceof Error ? cause.message : String(cause));
  }
}

function unreadable(file: string, why: string): UnusableFile {
  const message = `${file} can't be read: ${why}. Check the path and the file, and run again.`;
  return { kind: 'unusable', code: 'unreadable_file', message, problems: [] };
}
