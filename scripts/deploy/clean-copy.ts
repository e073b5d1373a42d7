// Copies the files git would commit into a new folder, as a deployment gets them.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** A new folder with the files git would commit, as they are now: nothing ignored, no database, no .env. */
export function cleanCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'daily-scan-'));
  for (const file of committable()) cpSync(join(ROOT, file), join(folder, file));
  return folder;
}

function committable(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0');
  // A file that was removed and not yet committed is still listed.
  return files.filter((file) => file !== '' && existsSync(join(ROOT, file)));
}

/** What a folder takes, in whole megabytes. */
export function megabytesOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const bytes = files.reduce((sum, file) => sum + lstatSync(join(folder, file)).size, 0);
  return Math.ceil(bytes / 1024 ** 2);
}
