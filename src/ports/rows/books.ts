// The shape of a broken rule of the books.
import { z } from 'zod';

/** A promise of the books that is not kept, as check_books says it. */
const brokenRule = z.object({
  /** A sentence that should be true. */
  rule: z.string(),
  /** What it is about: an order, an account, a run. */
  subject: z.string(),
  userId: z.string().nullable(),
  /** What the books say, and what they should. */
  ours: z.string(),
  should: z.string(),
  /** The command that settles it. */
  settle: z.string(),
  /** The program has done its part (its account is blocked); a person has to look at it. */
  leftToAPerson: z.boolean(),
  /** How many others break the rule, of which nothing more is said. */
  more: z.int(),
});

export const brokenRules = z.array(brokenRule);
