// The shape of an account's facts, from which its books can be computed again.
import { z } from 'zod';
import { minor, mode, side } from './rows.ts';

const ppb = z.int();
const listing = { instrumentId: z.int(), exchange: z.string(), symbol: z.string(), product: z.string() };

const accountFacts = z.object({
  accountId: z.int(),
  userId: z.string(),
  venue: z.string(),
  mode,
  cashMinor: minor,
  heldMinor: minor,
  entries: z.array(
    z.object({ orderId: z.int().nullable(), kind: z.string(), cashMinor: minor, heldMinor: minor, atMs: z.int() }),
  ),
  orders: z.array(
    z.object({
      orderId: z.int(),
      clientOrderId: z.string(),
      side,
      tradeDate: z.string(),
      leverageCenti: z.int(),
      rate: z.object({
        transactionTaxPpb: ppb,
        exchangePpb: ppb,
        regulatorPpb: ppb,
        stampPpb: ppb,
        brokeragePpb: ppb,
        brokerageCapMinor: minor,
        gstBps: z.int(),
      }),
      holdMinor: minor,
      createdAtMs: z.int(),
      endedAtMs: z.int().nullable(),
      filledQuantity: z.int(),
      filledValueMinor: minor,
      chargesMinor: minor,
      releasedMinor: minor,
    }),
  ),
  fills: z.array(
    z.object({
      ...listing,
      fillId: z.int(),
      orderId: z.int().nullable(),
      side,
      venueFillId: z.string(),
      quantity: z.int(),
      priceMinor: minor,
      tradeDate: z.string(),
      filledAtMs: z.int(),
      corrects: z.int().nullable(),
      reportedAtMs: z.int(),
      realisedMinor: minor,
      freedMarginMinor: minor,
    }),
  ),
  positions: z.array(z.object({ ...listing, quantity: z.int(), costMinor: minor, marginMinor: minor })),
});

/** Accounts with everything that ever happened to them, and what the books say of them. */
export const facts = z.object({ accounts: z.array(accountFacts), next: z.int().nullable() });
