// What a person says of money and fills, and what the books say of every account.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import { type CurrencyCode, currencyCodes } from '../../domain/currency.ts';
import { call, minor, mode, side, status } from './shapes.ts';

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
const balance = {
  venue: z.string(),
  currency: z.enum(currencyCodes),
  cashBeforeMinor: minor,
  cashMinor: minor,
  heldMinor: minor,
  notReady: z.string().nullable(),
};

const earlierMove = { ...balance, entryId: z.int(), atMs: z.int() };

const namedMove = { ...earlierMove, amountMinor: minor, moved: z.enum(['deposit', 'withdrawal']) };

const paperAccounts = {
  accounts: z.array(z.object({ venue: z.string(), currency: z.enum(currencyCodes) })),
  liveToo: z.boolean(),
};

/**
 * What became of money to move. `counted_before`: its reference has, for the same; `reference_used`: for something else;
 * `moved_just_now`: the same amount a moment ago, and nobody named this one.
 */
const movedCash = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('moved'), ...balance, entryId: z.int() }),
  z.object({ kind: z.literal('counted_before'), ...namedMove }),
  z.object({ kind: z.literal('reference_used'), ...namedMove }),
  z.object({ kind: z.literal('moved_just_now'), ...earlierMove }),
  z.object({ kind: z.literal('not_enough'), ...balance }),
  z.object({ kind: z.literal('too_much'), ...balance }),
  z.object({ kind: z.literal('no_account'), ...paperAccounts }),
  z.object({ kind: z.literal('several_accounts'), ...paperAccounts }),
]);
export type MovedCash = z.infer<typeof movedCash>;

/** Money that is booked, now or when it was asked for before. */
export type BookedCash = Extract<MovedCash, { kind: 'moved' | 'counted_before' }>;

const fillFigures = z.object({ quantity: z.int(), priceMinor: z.int() });

const namedFill = fillFigures.extend({ venueFillId: z.string() });
export type NamedFill = z.infer<typeof namedFill>;

/** What became of a person's correction of a fill. */
const correctedFill = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('no_such_order') }),
  z.object({ kind: z.literal('still_open'), status: z.string() }),
  z.object({ kind: z.literal('which_fill'), fills: z.array(namedFill) }),
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
export type CorrectedFill = z.infer<typeof correctedFill>;
export type FillCorrection = Extract<CorrectedFill, { kind: 'corrected' }>;

const resolvedOrder = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('resolved'), clientOrderId: z.string(), status }),
  z.object({ kind: z.literal('no_such_order') }),
  z.object({ kind: z.literal('still_looked_up') }),
  z.object({ kind: z.literal('not_unknown'), status }),
  z.object({ kind: z.literal('wrong_quantity'), quantity: z.int(), filledQuantity: z.int() }),
  /** Beyond the order's limit. */
  z.object({ kind: z.literal('wrong_price'), side, limitPriceMinor: minor }),
]);
export type ResolvedOrder = z.infer<typeof resolvedOrder>;

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
export type BrokenRule = z.infer<typeof brokenRule>;

const ppb = z.int();

const listed = { instrumentId: z.int(), exchange: z.string(), symbol: z.string(), product: z.string() };

/** `cashMinor`: what the removed orders made; positions with all that was ever realised and freed in them. */
const openedBooks = z.object({
  cashMinor: minor,
  positions: z.array(
    z.object({
      ...{ instrumentId: z.int(), product: z.string(), quantity: z.int(), costMinor: minor, marginMinor: minor },
      ...{ realisedMinor: minor, freedMarginMinor: minor },
    }),
  ),
});

const accountFacts = z.object({
  accountId: z.int(),
  userId: z.string(),
  venue: z.string(),
  mode,
  currency: z.enum(currencyCodes),
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
      ...listed,
      fillId: z.int(),
      orderId: z.int().nullable(),
      side,
      venueFillId: z.string(),
      quantity: z.int(),
      priceMinor: minor,
      places: z.int(),
      valueMinor: minor,
      tradeDate: z.string(),
      filledAtMs: z.int(),
      corrects: z.int().nullable(),
      reportedAtMs: z.int(),
      realisedMinor: minor,
      freedMarginMinor: minor,
    }),
  ),
  positions: z.array(z.object({ ...listed, quantity: z.int(), costMinor: minor, marginMinor: minor })),
  /** What it had when older records were removed; null: all are there. */
  opening: openedBooks.nullable(),
});
export type StoredFacts = z.infer<typeof accountFacts>;

/** Accounts with everything that ever happened to them, and what the books say of them. */
const factsPage = z.object({ accounts: z.array(accountFacts), next: z.int().nullable() });
export type FactsPage = z.infer<typeof factsPage>;

const heldPosition = z.object({
  key: z.string(),
  userId: z.string(),
  userName: z.string(),
  venue: z.string(),
  mode,
  exchange: z.string(),
  symbol: z.string(),
  quantity: z.int(),
  costMinor: minor,
  marginMinor: minor,
  /** null: no price of it is known. */
  priceMinor: minor.nullable(),
  pricedAtMs: z.int().nullable(),
});
export type HeldPosition = z.infer<typeof heldPosition>;

export const money = {
  /** Books a deposit or withdrawal of a paper account, each reference once. */
  move_cash: call<{
    userId: string;
    /** null: the only paper account they have. */
    venue: string | null;
    /** Left out: the only one there. */
    currency?: CurrencyCode;
    kind: 'deposit' | 'withdrawal';
    amountMinor: number;
    /** Counts once within its account. */
    reference: string;
    /** A person named it; else it is made for this one command, and the same amount soon after is a key pressed twice. */
    isNamed: boolean;
    by: Actor & { why: string };
    nowMs: number;
  }>()(movedCash),
  /** Books what a person says a fill really was, of an order that has ended. */
  correct_fill: call<{
    order: string;
    /** As its venue names it; null: the order's only one. */
    fill: string | null;
    /** 0: it never was. */
    quantity: number;
    /** null: as it was told. */
    priceMinor: number | null;
    by: Actor;
    nowMs: number;
  }>()(correctedFill),
  /** Books what a person says became of an order that was left to them. */
  resolve_order: call<{
    order: string;
    as: 'filled' | 'partly' | 'canceled' | 'rejected' | 'not-placed';
    quantity: number | null;
    priceMinor: number | null;
    by: Actor;
    nowMs: number;
  }>()(resolvedOrder),
  /**
   * Finds the promises of the books that are not kept, in what was recorded since the last closing: of runs only since that
   * day (left out: all). With `closing`: in what was recorded before that one, and in what it came to.
   */
  check_books: call<{ sinceDate?: string; closing?: string }>()(z.array(brokenRule), { isLong: true, isReport: true }),
  /**
   * Reads accounts with everything that ever happened to them, a page of about so many `entries`. null: every mode,
   * everybody, from the first account.
   */
  read_facts: call<{ mode: string | null; userId: string | null; after: number | null; entries: number }>()(factsPage, {
    isLong: true,
    isReport: true,
  }),
  /** Reads what is held, by user and symbol, a page at a time: `after` is the `key` of the row before. */
  read_positions: call<{ userId: string | null; mode: string | null; after: string | null; limit: number }>()(
    z.array(heldPosition),
  ),
};
