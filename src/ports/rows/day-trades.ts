// The shape of what an account traded on a day.
import { z } from 'zod';

/** A whole number of any size, as text: sums of absurd numbers must end nobody else's page. */
const whole = z.string().regex(/^-?\d+$/);

/** What an account traded on a day, by listing, and what it cost in charges. */
export const dayTrades = z.object({
  traded: z.array(
    z.object({
      exchange: z.string(),
      symbol: z.string(),
      share: z.string(),
      boughtQuantity: whole,
      boughtMinor: whole,
      soldQuantity: whole,
      soldMinor: whole,
    }),
  ),
  chargesMinor: whole,
});
