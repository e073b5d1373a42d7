// What a secret must be like to be taken: long, not trivial, and able to travel in a header.
import { z } from 'zod';

const MIN_LENGTH = 16;
/** Sixteen random hex digits have fewer different ones than this once in two thousand times, thirty-two never. */
const MIN_DISTINCT = 6;
/** A random 32 bytes hold some thirty different ones. */
const MIN_DISTINCT_BYTES = 16;

const MAKE_ONE = 'openssl rand -hex 32 makes a good one';

/** What goes into a header, a form or a file as it is: no space, tab, line end or letter with an accent. */
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
const NOT_VISIBLE_ASCII =
  'must be visible ASCII characters without spaces or line ends, or no header carries it as it is';

const COMMON =
  /password|passwort|secret|change-?me|qwerty(uiop)?|asdf(ghjkl)?|zxcvbnm|letmein|welcome|admin|default|example|placeholder|your/gi;

/** Whether somebody who guesses would come to it soon: few characters, a short one repeated, counting up, common words. */
function isTrivial(text: string): boolean {
  if (new Set(text).size < MIN_DISTINCT || /^(.{1,16}?)\1+$/s.test(text)) return true;
  const alphabetic = text.replaceAll(COMMON, '').replaceAll(/[^a-z]/gi, '');
  return (alphabetic.length < 4 && /[a-z]{4}/i.test(text)) || isMostlyCounting([...Buffer.from(text)]);
}

/** Most neighbours are the same or one apart: 1234567890123456, abcdefghijklmnop, aaaaaaaabbbbbbbb. */
function isMostlyCounting(values: number[]): boolean {
  const steps = values.slice(1).filter((value, index) => Math.abs(value - (values[index] ?? 0)) <= 1);
  return values.length > 1 && steps.length * 2 > values.length;
}

/** A secret that whoever runs the service makes up. */
export const secret = z
  .string()
  .min(MIN_LENGTH, `must have at least ${MIN_LENGTH} characters (${MAKE_ONE})`)
  .regex(VISIBLE_ASCII, `${NOT_VISIBLE_ASCII} (${MAKE_ONE})`)
  .refine((text) => text.length < MIN_LENGTH || !isTrivial(text), `is too easily guessed (${MAKE_ONE})`);

/** A secret somebody else gave us: as good as they made it. */
export const issuedSecret = z
  .string()
  .min(8, 'must have at least 8 characters')
  .regex(VISIBLE_ASCII, NOT_VISIBLE_ASCII);

/** A password of the database: whatever its server takes, as long as it arrives there unchanged. */
export const databasePassword = z.string().regex(VISIBLE_ASCII, NOT_VISIBLE_ASCII);

/** 32 random bytes in base64. Node's decoder would skip what is none of it: they are 43 characters and a `=`. */
const KEY_FORM = /^[A-Za-z0-9+/]{43}=$/;
export const masterKey = z
  .string()
  .regex(KEY_FORM, 'must be 32 bytes in base64 (openssl rand -base64 32 makes some)')
  .refine((text) => !KEY_FORM.test(text) || !isTrivialKey(Buffer.from(text, 'base64')), {
    error: 'is not random, so it protects nothing (openssl rand -base64 32 makes a good one)',
  });

function isTrivialKey(bytes: Buffer): boolean {
  return new Set(bytes).size < MIN_DISTINCT_BYTES || isMostlyCounting([...bytes]);
}

/** Secrets that may be given twice while they are changed: both are taken, as NAME and NAME_PREVIOUS. */
const overlapping = ['CRON_SECRET', 'SIGNALS_SECRET', 'TWILIO_AUTH_TOKEN'] as const;

/** Every setting that is a secret: each may be given as NAME_FILE instead. */
export const secretNames: readonly string[] = [
  'DATABASE_URL',
  'DATABASE_PASSWORD',
  'SUPABASE_SECRET_KEY',
  'CREDENTIALS_KEY',
  'CREDENTIALS_KEYS_OLD',
  ...overlapping.flatMap((name) => [name, `${name}_PREVIOUS`]),
];

/** What makes no sense of an old secret beside a new one. */
export function overlapProblems(set: Readonly<Record<string, string | undefined>>): string[] {
  return overlapping.flatMap((name) => {
    const [now, before] = [set[name], set[`${name}_PREVIOUS`]];
    if (before === undefined) return [];
    if (now === undefined) return [`${name}_PREVIOUS is set without ${name}: it is the one of before`];
    return now === before ? [`${name}_PREVIOUS is the same as ${name}: leave it out`] : [];
  });
}
