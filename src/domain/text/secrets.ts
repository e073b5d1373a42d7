// Takes secrets and phone numbers out of texts before they are logged, stored or shown.
import { cut, plainLine } from './text.ts';

/** Stands where something was taken out. */
export const hidden = '[hidden]';

/** Fields that are never shown, whatever is in them. */
export const secretFields: readonly string[] = [
  ...['whatsapp', 'phone', 'text', 'token', 'authorization', 'password', 'secret', 'apikey', 'api_key'],
];

type Pattern = readonly [RegExp, string];

/**
 * What must not come out wherever it stands: fields are known by their name, but messages, stacks and answers of others
 * are strings with anything in them. Each pattern is one pass: no nested repetition, and where it may look ahead for its
 * end, at most 300 characters.
 */
const everywhere: readonly Pattern[] = [
  // A secret field at any depth of a line of JSON.
  [new RegExp(`("(?:${secretFields.join('|')})":)"(?:[^"\\\\]|\\\\.)*"`, 'gi'), `$1"${hidden}"`],
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

/**
 * What else is taken out of others' words, which have no need of it. Not of the log: its times, ids and counts look the
 * same. An amount of money stays: it has decimals, commas or fewer digits.
 */
const inUntrustedText: readonly Pattern[] = [
  [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.[a-z]{2,24}\b/gi, hidden],
  // Keys and tokens of any venue, ids of orders: 16 letters and digits or more in one piece. RULE_12_SHORTFALL is a code.
  [/(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])(?!(?:[a-z0-9]{1,12}_)+[a-z0-9]{1,12}(?![\w-]))[\w-]{16,}/gi, hidden],
  // Numbers of accounts, phones and orders: 9 digits or more, an Indian mobile or an Aadhaar number in groups, a PAN.
  [/(?<![\d.,])\d{9,}(?!\d|[.,]\d)/g, hidden],
  [/(?<!\d)(?:[6-9]\d{4}[ -]\d{5}|\d{4}([ -])\d{4}\1\d{4})(?!\d)/g, hidden],
  [/\b[A-Z]{5}\d{4}[A-Z]\b/g, hidden],
];

/** A text without tokens, passwords and phone numbers, as far as they can be known by their shape. */
export function scrubbed(text: string): string {
  return everywhere.reduce((clean, [pattern, instead]) => clean.replace(pattern, instead), text);
}

/** What is kept of others' words. */
const MAX_UNTRUSTED_LENGTH = 200;
/** What is read of them: enough for any refusal, and little work where somebody sends a megabyte. */
const MAX_UNTRUSTED_READ = 16 * MAX_UNTRUSTED_LENGTH;

/**
 * A venue's or provider's own words (of a refusal, a state, a failure) as they may be stored and shown: one line without
 * control characters, scrubbed of secrets and of numbers that may be somebody's, at most 200 UTF-16 units.
 */
export function untrustedText(text: string): string {
  const line = plainLine(text.slice(0, MAX_UNTRUSTED_READ));
  const clean = inUntrustedText.reduce((kept, [pattern, instead]) => kept.replace(pattern, instead), scrubbed(line));
  return cut(clean, MAX_UNTRUSTED_LENGTH);
}
