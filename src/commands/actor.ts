import { hostname, userInfo } from 'node:os';
import type { Actor } from '../domain/actions.ts';

/** Who runs this command, for the log of operator actions: what `--by` says, else the system's user and host. */
export function actorOf({ by }: { by?: string | undefined }): Actor {
  const given = by?.trim();
  return { who: given === undefined || given === '' ? `${systemUser()}@${hostname()}` : given, how: 'cli' };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no user has: an operator who halts must not be kept from it by that.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
