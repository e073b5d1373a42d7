// Input files that last one test, and what reading them gives.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FileResult, ReadFile, UnusableFile } from '../../../src/adapters/files/source.ts';

/** A file with this content for the length of one test. */
export function fileWith(content: string | Uint8Array, name = 'input.csv'): string {
  const folder = mkdtempSync(join(tmpdir(), 'daily-scan-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

export function good<Row>(result: FileResult<Row>): ReadFile<Row> {
  if (result.kind === 'unusable') throw new Error(`expected rows, got: ${result.message}`);
  return result;
}

export function unusable<Row>(result: FileResult<Row>): UnusableFile {
  if (result.kind === 'read') throw new Error(`expected an unusable file, got ${result.rows.length} rows`);
  return result;
}
