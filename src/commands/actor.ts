// Who runs a command, for the log of operator actions.
import { hostname, userInfo } from 'node:os';
import type { Actor } from '../domain/actions.ts';

/** Who runs this command, for the log of operator actions: what `--by` says, else the system's user and host. */
export function actorOf({ by, why }: { by?: string | undefined; why?: string | undefined }): Actor {
  const name = by?.trim();
  const who = name === undefined || name === '' ? `${systemUser()}@${hostname()}` : name;
  return { who, how: 'cli', ...(why === undefined ? {} : { why }) };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no user has: an operator who halts must not be kept from it by that.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
