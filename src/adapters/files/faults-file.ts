// Reads the file that says what the simulated venue is to do wrong.
import { z } from 'zod';
import { type Fault, faultKinds } from '../../domain/faults.ts';
import { symbolReader } from '../../domain/market/symbols.ts';
import { parseJson } from '../../domain/text/json.ts';
import { cut } from '../../domain/text/text.ts';
import { decode, type FileResult, readBytes, type UnusableFile } from './source.ts';

const text = z.string().trim().min(1).max(200);
const symbol = text.transform((raw, context): string => {
  const read = symbolReader([])(raw);
  if ('value' in read) return read.value;
  context.issues.push({ code: 'custom', message: `${cut(raw, 40)} ${read.reason}`, input: raw });
  return z.NEVER;
});
const DAY_MS = 24 * 60 * 60_000;
const MAX_FAULTS = 10_000;
const MAX_REASON_LENGTH = 300;

/** Strict: a misspelt `symbol` would otherwise turn one symbol's fault into everybody's. */
const schema: z.ZodType<Fault[]> = z
  .array(
    z.strictObject({
      user: z.exactOptional(text),
      symbol: z.exactOptional(symbol),
      fault: z.enum(faultKinds),
      message: z.exactOptional(z.string().max(2_000)),
      delayMs: z.exactOptional(z.int().nonnegative().max(DAY_MS)),
      quantity: z.exactOptional(z.int().positive().max(1_000_000_000_000)),
    }),
  )
  .max(MAX_FAULTS);

/** Reads a faults file: a JSON array of faults, possibly empty. One wrong entry makes the file unusable. */
export function readFaults(file: string): FileResult<Fault> {
  const source = readBytes(file);
  if (source.kind === 'unusable') return source;
  const decoded = decode(file, source.bytes);
  if (decoded.kind === 'unusable') return decoded;

  const json = parseJson(decoded.text);
  if (json === undefined) return unusable(file, 'not JSON', null);
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: 'read', rows: parsed.data, lines: [], problems: [], warnings: [] };
  const [issue] = parsed.error.issues;
  const reason = cut(issue?.message ?? 'not a list of faults', MAX_REASON_LENGTH);
  return unusable(file, reason, issue ? cut(z.core.toDotPath(issue.path), MAX_REASON_LENGTH) : null);
}

function unusable(file: string, reason: string, path: string | null): UnusableFile {
  const where = path ? ` at ${path}` : '';
  const message = `${file} can't be used${where}: ${reason}. It must be a JSON array such as [{"user":"Asha Rao","symbol":"TITAN","fault":"reject","message":"…"}] with fault one of ${faultKinds.join(', ')}.`;
  const problems = [{ file, line: 1, field: path || null, reason, value: null }];
  return { kind: 'unusable', code: 'unreadable_file', message, problems };
}
