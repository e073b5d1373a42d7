// Settings that lie in files: secrets mounted by Docker or systemd.
import { readFileSync, statSync } from 'node:fs';
import { secretNames } from './secrets.ts';

const MAX_BYTES = 64 * 1024;

export interface SettingsRead {
  set: Record<string, string>;
  problems: string[];
  /** Secrets whose file is at fault: that they are not set need not be said as well. */
  failed: Set<string>;
}

/**
 * The settings as they are meant: an empty one counts as not set, and a secret may lie in a file that NAME_FILE names
 * (Docker's and systemd's secrets). A file is read once, one line end at its end is no part of the secret, and an empty
 * one counts as not set.
 */
export function withFiles(env: Readonly<Record<string, string | undefined>>): SettingsRead {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && value !== '') set[name] = value;
  const problems: string[] = [];
  const failed = new Set<string>();
  for (const name of secretNames) {
    const path = set[`${name}_FILE`];
    if (path === undefined) continue;
    if (set[name] !== undefined) {
      problems.push(`${name} and ${name}_FILE are both set: leave one out, or nobody knows which counts`);
      continue;
    }
    const read = secretFile(path);
    if (read.kind === 'unreadable') {
      problems.push(`${name}_FILE names ${path}, ${read.why}`);
      failed.add(name);
    } else if (read.text !== '') set[name] = read.text;
  }
  return { set, problems, failed };
}

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
