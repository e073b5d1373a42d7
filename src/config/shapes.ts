// Shapes that several groups of settings share.
import { z } from 'zod';
import { parseHundredths } from '../domain/money.ts';

/** A whole number from `least` to `most`. */
export function whole(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));
}

/** A percentage with at most two decimals, in basis points. */
export function percentage(min = 0) {
  return z.string().transform((text, context) => {
    const value = parseHundredths(text);
    if (value === null || value < min) {
      const message = 'must be a percentage with at most two decimals, such as 3 or 0.50';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return value;
  });
}
