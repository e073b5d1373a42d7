// Shapes and arguments about readiness, and about books that differ from a venue's.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import type { Product } from '../../domain/types.ts';
import { minor, side, status } from './rows.ts';

/** Where our books and a venue's differ in a way nobody may trade over. */
export interface Drift {
  accountId: number;
  /** `unknown_order`, the worst: the venue has an order under one of our ids that we know nothing of. */
  kind: 'unknown_order' | 'order' | 'position' | 'oversold' | 'funds';
  /** Which order, which share, which money; then what each side has, for people. */
  what: string;
  ours: string;
  theirs: string;
}

export interface Verdict {
  accountId: number;
  ready: boolean;
  /** Its books were brought to the venue's of that day, or found so; left out: where it is ready. */
  broughtUp?: boolean;
  /** `no_login: token_expired`; null where it is ready. */
  reason: string | null;
  checkedAtMs: number;
}

/** What brings the books of one account to its venue's, if they still are as they were seen. */
export interface Adjustment {
  accountId: number;
  venueCashMinor: number;
  cashMinor: number;
  /** What business that is none of ours has blocked of the account's cash then. */
  blockedByOthersMinor: number;
  /** Who says so: `kite at readiness of 2025-08-28`. */
  source: string;
  /** Shares we don't know of: `quantity` more than the `venueQuantity` we have of that listing. */
  holdings: {
    exchange: string;
    symbol: string;
    product: Product;
    venueQuantity: number;
    quantity: number;
    priceMinor: number;
    /** Counts once per account. */
    reference: string;
  }[];
}

export interface ReadinessArguments {
  read_books: { mode: string; tradeDate: string; accountIds: number[] | null; afterId: number; limit: number };
  read_shares: { listings: { exchange: string; symbol: string }[] };
  adjust_books: { mode: string; tradeDate: string; nowMs: number; accounts: Adjustment[] };
  /** `nowMs` says how long ago each was checked. */
  store_readiness: { tradeDate: string; nowMs: number; verdicts: Verdict[] };
  read_blocks: { userId: string };
  acknowledge_account: {
    userId: string;
    venue: string;
    mode: string;
    driftIds: number[];
    /** The last entry of the ledger that was there when the block was seen; null: it is not acknowledged. */
    snapshotEntryId: number | null;
    nowMs: number;
    by: Actor;
  };
  store_drifts: { tradeDate: string; nowMs: number; drifts: Drift[] };
}

const listing = z.object({ exchange: z.string(), symbol: z.string() });

/** One account's books, with the orders of the day and those still open. */
export const books = z.object({
  accountId: z.int(),
  userId: z.string(),
  userName: z.string(),
  active: z.boolean(),
  venue: z.string(),
  leverageCenti: z.int(),
  cashMinor: minor,
  heldMinor: minor,
  /** What other business had blocked when the books were brought to the venue's. */
  blockedByOthersMinor: minor,
  positions: z.array(listing.extend({ quantity: z.int(), mtfQuantity: z.int() })),
  orders: z.array(
    listing.extend({
      clientOrderId: z.string(),
      venueOrderId: z.string().nullable(),
      side,
      quantity: z.int(),
      filledQuantity: z.int(),
      filledValueMinor: minor,
      status,
      /** At the venue by all we know, and nobody looks it up any more. */
      leftToAPerson: z.boolean(),
      /** Of the trade date that was asked for; else of an earlier one, and open. */
      today: z.boolean(),
    }),
  ),
});
export type Books = z.infer<typeof books>;

export const shares = z.array(listing.extend({ share: z.string() }));

/** `free`: the accounts whose books could be brought to their venue's; in the others something was under way. */
export const adjusted = z.object({ free: z.array(z.int()), adjusted: z.int(), external: z.int() });

/** `acknowledge`: only a person can clear it. */
export const readiness = z.array(
  z.object({ accountId: z.int(), notReady: z.string().nullable(), acknowledge: z.boolean() }),
);

export const drifts = z.array(
  z.object({
    accountId: z.int(),
    kind: z.enum(['unknown_order', 'order', 'position', 'oversold', 'funds']),
    what: z.string(),
    ours: z.string(),
    theirs: z.string(),
  }),
);

/** What a person has to acknowledge of an account: what is said about its money, and its open drifts. */
export const blocks = z.array(
  z.object({
    venue: z.string(),
    mode: z.string(),
    block: z.string().nullable(),
    snapshotEntryId: z.int(),
    drifts: z.array(
      z.object({
        driftId: z.int(),
        kind: z.enum(['unknown_order', 'order', 'position', 'oversold', 'funds']),
        what: z.string(),
        ours: z.string(),
        theirs: z.string(),
        foundAtMs: z.int(),
        lastFoundAtMs: z.int(),
      }),
    ),
  }),
);
export type Blocks = z.infer<typeof blocks>[number];

/** `waiting`: drifts of shares with an open order, which stay; `booked`: shares booked out, at what they cost. */
export const acknowledged = z.object({
  acknowledged: z.array(z.int()),
  waiting: z.array(z.int()),
  changed: z.boolean(),
  booked: z.array(listing.extend({ quantity: z.int(), priceMinor: minor })),
});
