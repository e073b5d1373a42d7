// What a person reads of an error that ended a process.
import { scrubbed } from './secrets.ts';

/** What went wrong as a person reads it: the messages of the error and of its causes, without a stack or a secret. */
export function failureText(error: unknown): string {
  return scrubbed(messages(error));
}

function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n  because: ${messages(error.cause)}`;
}
