// Shapes that several groups of settings share.
import { z } from 'zod';

/** A whole number from `least` to `most`. */
export function whole(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));
}
