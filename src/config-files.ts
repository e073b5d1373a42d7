import { readFileSync, statSync } from 'node:fs';

const MAX_BYTES = 64 * 1024;

/** A secret from a file, without the one line end that editors and echo put there. */
export function secretFile(path: string): { kind: 'text'; text: string } | { kind: 'unreadable'; why: string } {
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isFIFO()) return { kind: 'unreadable', why: 'which is no file' };
    if (stat.size > MAX_BYTES) return { kind: 'unreadable', why: `which is larger than ${MAX_BYTES} bytes` };
    return { kind: 'text', text: readFileSync(path, 'utf8').replace(/\r?\n$/, '') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { kind: 'unreadable', why: `which can not be read (${whys[code] ?? code})` };
  }
}

const whys: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not: chmod or chown it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
};
