// Shapes of what the database answers about deposits, withdrawals and corrected fills.
import { z } from 'zod';
import { minor } from './rows.ts';

/** A deposit or withdrawal as the ledger has it. */
export const cashMove = z.object({
  entryId: z.int(),
  kind: z.enum(['deposit', 'withdrawal']),
  amountMinor: minor,
  reference: z.string().nullable(),
  source: z.string().nullable(),
  atMs: z.int(),
});

/** The account's money, before and after. */
const money = {
  venue: z.string(),
  cashBeforeMinor: minor,
  cashMinor: minor,
  heldMinor: minor,
  notReady: z.string().nullable(),
};
const earlier = { ...money, entryId: z.int(), atMs: z.int() };
const named = { ...earlier, amountMinor: minor, moved: z.enum(['deposit', 'withdrawal']) };
const accounts = { venues: z.array(z.string()), liveToo: z.boolean() };

/**
 * What became of money to move. `counted_before`: its reference has, for the same; `reference_used`: for something else;
 * `moved_just_now`: the same amount a moment ago, and nobody named this one.
 */
export const movedCash = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('moved'), ...money, entryId: z.int() }),
  z.object({ kind: z.literal('counted_before'), ...named }),
  z.object({ kind: z.literal('reference_used'), ...named }),
  z.object({ kind: z.literal('moved_just_now'), ...earlier }),
  z.object({ kind: z.literal('not_enough'), ...money }),
  z.object({ kind: z.literal('too_much'), ...money }),
  z.object({ kind: z.literal('no_account'), ...accounts }),
  z.object({ kind: z.literal('several_accounts'), ...accounts }),
]);

const fillFigures = z.object({ quantity: z.int(), priceMinor: z.int() });

/** What became of a person's correction of a fill. */
export const correctedFill = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('no_such_order') }),
  z.object({ kind: z.literal('still_open'), status: z.string() }),
  z.object({ kind: z.literal('which_fill'), fills: z.array(fillFigures.extend({ venueFillId: z.string() })) }),
  z.object({ kind: z.literal('unchanged'), clientOrderId: z.string() }),
  z.object({ kind: z.literal('wrong_quantity'), quantity: z.int(), filledQuantity: z.int() }),
  z.object({ kind: z.literal('wrong_price'), limitPriceMinor: z.int() }),
  z.object({
    kind: z.literal('corrected'),
    clientOrderId: z.string(),
    userId: z.string(),
    accountVenue: z.string(),
    venueFillId: z.string(),
    was: fillFigures,
    now: fillFigures,
    cashBeforeMinor: z.int(),
    cashMinor: z.int(),
    notReady: z.string().nullable(),
  }),
]);
