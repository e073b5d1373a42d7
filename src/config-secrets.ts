import { z } from 'zod';

const MIN_LENGTH = 16;
/** Sixteen random hex digits have fewer different ones than this once in two thousand times, thirty-two never. */
const MIN_DISTINCT = 6;

const MAKE_ONE = 'openssl rand -hex 32 makes a good one';

/** What goes into a header, a form or a file as it is: no space, tab, line end or letter with an accent. */
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
const NOT_VISIBLE_ASCII =
  'must be visible ASCII characters without spaces or line ends, or no header carries it as it is';

const COMMON =
  /password|passwort|secret|change-?me|qwerty(uiop)?|asdf(ghjkl)?|zxcvbnm|letmein|welcome|admin|default|example|placeholder|your/gi;

/** Whether somebody who guesses would come to it soon: few characters, a short one repeated, counting up, common words. */
function isTrivial(text: string, minDistinct = MIN_DISTINCT): boolean {
  if (new Set(text).size < minDistinct || /^(.{1,16}?)\1+$/s.test(text)) return true;
  const letters = text.replaceAll(COMMON, '').replaceAll(/[^a-z]/gi, '');
  return (letters.length < 4 && /[a-z]{4}/i.test(text)) || isMostlyCounting([...Buffer.from(text)]);
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
