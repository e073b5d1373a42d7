import { z } from 'zod';
import { type Fault, faultKinds } from '../../domain/faults.ts';
import { decode, type FileResult, readBytes, type UnusableFile } from './source.ts';

const text = z.string().trim().min(1);

/** Strict: a misspelt `symbol` would otherwise turn one symbol's fault into everybody's. */
const schema: z.ZodType<Fault[]> = z.array(
  z.strictObject({
    user: z.exactOptional(text),
    symbol: z.exactOptional(text),
    fault: z.enum(faultKinds),
    message: z.exactOptional(z.string()),
    delayMs: z.exactOptional(z.int().nonnegative()),
    quantity: z.exactOptional(z.int().positive()),
  }),
);

/** Reads a faults file: a JSON array of faults, possibly empty. One wrong entry makes the file unusable. */
export function readFaults(file: string): FileResult<Fault> {
  const source = readBytes(file);
  if (source.kind === 'unusable') return source;
  const decoded = decode(file, source.bytes);
  if (decoded.kind === 'unusable') return decoded;

  const json = parseJson(decoded.text);
  if (json.kind === 'broken') return unusable(file, 'not JSON', null);
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { kind: 'read', rows: parsed.data, problems: [], warnings: [] };
  const [issue] = parsed.error.issues;
  return unusable(file, issue?.message ?? 'not a list of faults', issue ? z.core.toDotPath(issue.path) : null);
}

function parseJson(content: string): { kind: 'json'; value: unknown } | { kind: 'broken' } {
  try {
    return { kind: 'json', value: JSON.parse(content) };
  } catch {
    return { kind: 'broken' };
  }
}

function unusable(file: string, reason: string, path: string | null): UnusableFile {
  const where = path ? ` at ${path}` : '';
  const message = `${file} can't be used${where}: ${reason}. It must be a JSON array such as [{"user":"Asha Rao","symbol":"TITAN","fault":"reject","message":"…"}] with fault one of ${faultKinds.join(', ')}.`;
  const problems = [{ file, line: 1, field: path || null, reason, value: null }];
  return { kind: 'unusable', code: 'unreadable_file', message, problems };
}
