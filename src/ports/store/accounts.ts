// Accounts at venues: their credentials, their books as a venue sees them, and whether they may trade.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import { type CurrencyCode, currencyCodes } from '../../domain/currency.ts';
import type { Product } from '../../domain/types.ts';
import { call, listing, minor, mode, side, status } from './shapes.ts';

interface Verdict {
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
  booksCashMinor: number;
  cashMinor: number;
  /** What business that is none of ours has blocked of the account's cash then. */
  blockedByOthersMinor: number;
  /** Who says so: `kite at readiness of 2025-08-28`. */
  source: string;
  /** Shares we don't know of: `quantity` more than the `booksQuantity` we have of that listing. */
  holdings: {
    exchange: string;
    symbol: string;
    product: Product;
    booksQuantity: number;
    quantity: number;
    priceMinor: number;
    /** Counts once per account. */
    reference: string;
  }[];
}

/** Where our books and a venue's differ in a way nobody may trade over. */
const drift = z.object({
  accountId: z.int(),
  /** `unknown_order`, the worst: the venue has an order under one of our ids that we know nothing of. */
  kind: z.enum(['unknown_order', 'order', 'position', 'oversold', 'funds']),
  /** Which order, which share, which money; then what each side has, for people. */
  what: z.string(),
  ours: z.string(),
  theirs: z.string(),
});
export type Drift = z.infer<typeof drift>;

/** One account's books, with the orders of the day and those still open. */
const books = z.object({
  accountId: z.int(),
  userId: z.string(),
  userName: z.string(),
  active: z.boolean(),
  venue: z.string(),
  currency: z.enum(currencyCodes),
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

/** `free`: the accounts whose books could be brought to their venue's; in the others something was under way. */
const adjustedBooks = z.object({ free: z.array(z.int()), adjusted: z.int(), external: z.int() });

/** `acknowledge`: only a person can clear it. */
const accountReadiness = z.object({
  accountId: z.int(),
  notReady: z.string().nullable(),
  acknowledge: z.boolean(),
});

/** What a person has to acknowledge of an account: what is said about its money, and its open drifts. */
const blocks = z.object({
  venue: z.string(),
  mode: z.string(),
  currency: z.enum(currencyCodes),
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
});
export type Blocks = z.infer<typeof blocks>;

/** `waiting`: drifts of shares with an open order, which stay; `booked`: shares booked out, at what they cost. */
const acknowledged = z.object({
  acknowledged: z.array(z.int()),
  waiting: z.array(z.int()),
  changed: z.boolean(),
  booked: z.array(listing.extend({ quantity: z.int(), priceMinor: minor })),
});
export type Acknowledged = z.infer<typeof acknowledged>;

/** `tradesAt`: the venue the user's orders go to. `no_sizing`: they have no account to take settings from. */
const openedAccount = z.union([
  z.object({ kind: z.literal('open'), accountId: z.int(), created: z.boolean(), tradesAt: z.string() }),
  z.object({ kind: z.literal('no_such_user') }),
  z.object({ kind: z.literal('no_sizing') }),
]);

const storedCredentials = z.object({ kind: z.enum(['stored', 'changed', 'no_such_account']) });

const sealedCredentials = z.object({
  accountId: z.int(),
  userId: z.string(),
  venue: z.string(),
  mode,
  keyId: z.string(),
  wrappedKey: z.string(),
  sealed: z.string(),
  storedAtMs: z.int(),
});

export const accounts = {
  /** Opens a user’s account at a venue, with the sizing of the account they have already and no money. */
  open_account: call<{ userId: string; venue: string; mode: string; currency?: CurrencyCode; by: Actor }>()(
    openedAccount,
  ),
  /** Stores the sealed credentials of an account, if the record is still the one that was read. */
  store_credentials: call<{
    accountId: number;
    keyId: string;
    wrappedKey: string;
    sealed: string;
    /** The wrapped key of the record that was read before; null: whichever is there. */
    replaces: string | null;
    nowMs: number;
    /** null: a session that the account's own login made. */
    by: Actor | null;
  }>()(storedCredentials),
  /** Reads the sealed credentials of an account; null: none are stored. */
  read_credentials: call<{ accountId: number }>()(sealedCredentials.nullable()),
  /** Reads all that are stored: for a new master key, and to see who is connected. */
  read_all_credentials: call<Record<string, never>>()(z.array(sealedCredentials), { isLong: true }),
  /** Reads a page of accounts’ books, by id: what readiness and the evening’s sync compare. */
  read_books: call<{
    mode: string;
    /** Of the market whose day it is: accounts in another one have a day of their own. */
    currency: CurrencyCode;
    tradeDate: string;
    accountIds: number[] | null;
    afterId: number;
    limit: number;
  }>()(z.array(books), { isLong: true }),
  /** Reads which share each listing is, whether it is an instrument of ours or not. */
  read_shares: call<{ listings: { exchange: string; symbol: string }[] }>()(
    z.array(listing.extend({ share: z.string() })),
  ),
  /**
   * Brings our books to what venues have, before a day’s first trade: the difference in cash, and shares we don’t know.
   */
  adjust_books: call<{ mode: string; tradeDate: string; nowMs: number; accounts: Adjustment[] }>()(adjustedBooks, {
    isLong: true,
  }),
  /**
   * Stores which accounts may trade that day; answers for each why not, whoever says so. `nowMs` says how long ago each
   * was checked.
   */
  store_readiness: call<{ tradeDate: string; nowMs: number; verdicts: Verdict[] }>()(z.array(accountReadiness)),
  /** Stores drifts, each once, and blocks their accounts; answers those that are new. */
  store_drifts: call<{ tradeDate: string; nowMs: number; drifts: Drift[] }>()(z.array(drift)),
  /** Queues the login reminders of a day: due from `dueMs` on, never sent from `sendBeforeMs` on. */
  queue_login_reminders: call<{
    currency: CurrencyCode;
    tradeDate: string;
    dueMs: number;
    sendBeforeMs: number;
    nowMs: number;
  }>()(z.object({ queued: z.int() })),
  /** Reads what a person has to acknowledge of a user’s accounts. */
  read_blocks: call<{ userId: string }>()(z.array(blocks), { isReport: true }),
  /** Takes off what an operator has seen of what blocks an account, and just that. */
  acknowledge_account: call<{
    userId: string;
    venue: string;
    mode: string;
    /** Rupees where nothing is said. */
    currency?: CurrencyCode | undefined;
    driftIds: number[];
    /** The last entry of the ledger that was there when the block was seen; null: it is not acknowledged. */
    snapshotEntryId: number | null;
    nowMs: number;
    by: Actor;
  }>()(acknowledged),
};
