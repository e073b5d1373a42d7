import pino from 'pino';
import type { Step, Tell } from './ports/world.ts';

const hidden = '[hidden]';

/** Fields that are never shown, whatever is in them. */
const secretKeys = ['whatsapp', 'phone', 'text', 'token', 'authorization', 'password', 'secret', 'apikey', 'api_key'];

/**
 * What must not come out wherever it stands: fields are known by their name, but messages, stacks and answers of others
 * are strings with anything in them. So the finished line is gone over once more. Each pattern is one pass: no nested
 * repetition, and where it may look ahead for its end, at most 300 characters.
 */
const secretPatterns: readonly [RegExp, string][] = [
  // A secret field at any depth of the line.
  [new RegExp(`("(?:${secretKeys.join('|')})":)"(?:[^"\\\\]|\\\\.)*"`, 'gi'), `$1"${hidden}"`],
  // user:password@ of any address; a password may itself have an @ or a slash in it.
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s"<>]{0,300}@/gi, `$1${hidden}@`],
  [/\b(Bearer|Basic)(\s+)[\w.~+/=-]+/gi, `$1$2${hidden}`],
  // Kite: `token KEY:ACCESS_TOKEN`.
  [/\b(token)(\s+)[\w-]{1,300}:[\w-]+/gi, `$1$2${hidden}`],
  // Our API keys, Supabase's keys, JWTs.
  [/\bds_[\w-]{8,}/g, hidden],
  [/\bsb_(?:secret|publishable)_[\w-]+/g, hidden],
  [/\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, hidden],
  // password=…, "token": "…" and their like in the text of others, quoted as deep as it may be.
  [
    /\b([a-z_]{0,40}(?:password|passwd|pwd|secret|token|api_?key))([\\"']{0,8}\s{0,3}[=:]\s{0,3}[\\"']{0,8})[^\s"'\\&,;}[]+/gi,
    `$1$2${hidden}`,
  ],
  // A phone number (E.164: + and up to 15 digits), also in groups and in an encoded address.
  [/(?:\+|%2B)[1-9](?:[ -]?\d){6,14}/gi, hidden],
];

/** A text without tokens, passwords and phone numbers, as far as they can be known by their shape. */
export function scrubbed(text: string): string {
  return secretPatterns.reduce((clean, [pattern, instead]) => clean.replace(pattern, instead), text);
}

/** Causes further down are left out. */
const DEEPEST_CAUSE = 5;

/** What is logged of an error: what it says and where, with its causes; other members may hold anything. */
function errorFacts(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause } = thrown;
  const code = 'code' in thrown ? { code: String(thrown.code) } : {};
  const errors = thrown instanceof AggregateError && depth < DEEPEST_CAUSE;
  return {
    name,
    message,
    ...code,
    stack,
    ...(cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: errorFacts(cause, depth + 1) }),
    ...(errors ? { errors: thrown.errors.slice(0, 5).map((error) => errorFacts(error, depth + 1)) } : {}),
  };
}

/**
 * Structured logs to stderr (file descriptor 2), so that stdout stays the command's own. Every step carries its ids and
 * the time; what could be a number, a token or a text to a person is taken out wherever it stands.
 */
export function makeLog(level: string, fileDescriptor = 2): Tell {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*[*].${key}`]), censor: hidden },
      hooks: { streamWrite: scrubbed },
    },
    pino.destination({ dest: fileDescriptor, sync: true }),
  );
  return ({ step, alert, ...facts }: Step) => {
    const shown = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, errorFacts(value)]));
    return alert ? logger.warn(shown, step) : logger.info(shown, step);
  };
}

/** Everybody is told every step. */
export function tellAll(...tells: Tell[]): Tell {
  return (step) => {
    for (const tell of tells) tell(step);
  };
}
