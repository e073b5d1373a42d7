// Why a command can’t be carried out as it was given (exit code 2).
import type { Problem } from '../domain/types.ts';

/** The command can't be carried out as it was given: exit 2. `message` says what is wrong, where, and what to do. */
export interface Refusal {
  kind: 'refusal';
  code: string;
  message: string;
  problems: Problem[];
}

export function refusal(code: string, message: string, problems: Problem[] = []): Refusal {
  return { kind: 'refusal', code, message, problems };
}
