// Compares an account's books with its venue's: orders, shares and money.

import { INR } from '../../domain/currency.ts';
import { isOurClientOrderId } from '../../domain/ids.ts';
import { foldedSymbol, instrumentKey, type Listing } from '../../domain/market/share.ts';
import { formatMinor } from '../../domain/money.ts';
import type { Books, Drift } from '../../ports/store/accounts.ts';
import type { VenueFunds, VenueOrder, VenuePosition } from '../../ports/venue.ts';
import type { AccountSnapshot } from './account-snapshot.ts';
import type { AccountsDeps } from './deps.ts';

/** One account's difference, before it is said whose. */
export type Difference = Omit<Drift, 'accountId'>;

/** Which share a listing is (see domain/market/share.ts). */
export type KeyOf = (listing: Listing) => string;

export async function shareKeys({ store }: AccountsDeps, listings: Listing[]): Promise<KeyOf> {
  const distinct = new Map(listings.map(({ exchange, symbol }) => [`${exchange}:${symbol}`, { exchange, symbol }]));
  const rows = await store.call('read_shares', { listings: [...distinct.values()] });
  const shares = new Map(rows.map((one) => [instrumentKey(one), one.share]));
  return (listing) => shares.get(instrumentKey(listing)) ?? foldedSymbol(listing);
}

/** A share of which one side has more. */
export interface ShareDifference {
  /** Ours where we have it, else theirs. */
  listing: Listing;
  /** What we have of that listing. */
  listedQuantity: number;
  ours: number;
  theirs: number;
  /** How much more of it than in our books they have as bought with the broker's leverage. */
  mtfMore: number;
  /** What all of theirs cost; null: the venue does not say. */
  costMinor: number | null;
}

/** Shares of which the two sides don't have the same number. Shares with an order of ours that is open are left out. */
export function shareDifferences(books: Books, theirs: VenuePosition[], keyOf: KeyOf): ShareDifference[] {
  const differences = new Map<string, ShareDifference>();
  const none = { ours: 0, theirs: 0, mtfMore: 0, costMinor: 0 };
  for (const { quantity, mtfQuantity, ...listing } of books.positions) {
    const before = differences.get(keyOf(listing)) ?? { listing, listedQuantity: quantity, ...none };
    differences.set(keyOf(listing), {
      ...before,
      ours: before.ours + quantity,
      mtfMore: before.mtfMore - mtfQuantity,
    });
  }
  for (const { quantity, mtfQuantity = 0, costMinor, exchange, symbol } of theirs) {
    const listing = { exchange, symbol };
    const before = differences.get(keyOf(listing)) ?? { listing, listedQuantity: 0, ...none };
    const cost = costMinor === null || before.costMinor === null ? null : before.costMinor + costMinor;
    const mtfMore = before.mtfMore + mtfQuantity;
    differences.set(keyOf(listing), { ...before, theirs: before.theirs + quantity, mtfMore, costMinor: cost });
  }
  for (const order of books.orders.filter((one) => !hasEnded(one))) differences.delete(keyOf(order));
  return [...differences.values()].filter(({ ours, theirs: has }) => ours !== has);
}

/** Shares our books have and the venue does not. */
export function missingShares(differences: ShareDifference[]): Difference[] {
  const missing = differences.filter(({ ours, theirs }) => theirs < ours);
  return missing.map(({ listing, ours, theirs }) => ({
    ...{ kind: 'position', what: instrumentKey(listing), ours: String(ours), theirs: String(theirs) },
  }));
}

type BookOrder = Books['orders'][number];

const endings = new Set<string>(['filled', 'rejected', 'canceled', 'expired']);

function hasEnded({ status }: BookOrder): boolean {
  return endings.has(status);
}

/**
 * Orders of today that the two sides don't tell alike. What is open in our books and still looked up is left out: its
 * truth is on its way.
 */
export function orderDifferences({ orders }: Books, theirs: VenueOrder[]): Difference[] {
  const byOurs = new Map(orders.map((order) => [order.clientOrderId, order]));
  const byTheirs = new Map(orders.flatMap((order) => (order.venueOrderId ? [[order.venueOrderId, order]] : [])));
  const matched = new Set<BookOrder>();
  const differences: Difference[] = [];
  for (const their of theirs) {
    const order = byOurs.get(their.clientOrderId ?? '') ?? byTheirs.get(their.report.venueOrderId);
    const difference = order ? differenceOf(order, their, matched.has(order)) : unknownOrder(their);
    if (difference) differences.push(difference);
    if (order) matched.add(order);
  }
  const lost = orders.filter((order) => !matched.has(order) && mustBeThere(order));
  const nowhere = lost.map((order) => {
    return { kind: 'order', what: order.clientOrderId, ours: ourText(order), theirs: 'not in the book' } as const;
  });
  return [...differences, ...nowhere];
}

function differenceOf(order: BookOrder, their: VenueOrder, isSecond: boolean): Difference | null {
  const what = order.clientOrderId;
  if (isSecond) return { kind: 'unknown_order', what, ours: 'one order', theirs: 'several orders' };
  return differs(order, their) ? { kind: 'order', what, ours: ourText(order), theirs: theirText(their) } : null;
}

/** An order we know nothing of is the account's own affair, unless it goes by an id that only we could have made. */
function unknownOrder(their: VenueOrder): Difference | null {
  const { clientOrderId: what } = their;
  if (what === null || !isOurClientOrderId(what)) return null;
  return { kind: 'unknown_order', what, ours: 'no such order', theirs: theirText(their) };
}

function differs(order: BookOrder, their: VenueOrder): boolean {
  if (!hasEnded(order) && !order.leftToAPerson) return false;
  const { exchange, symbol, side, quantity, filledQuantity } = order;
  const sameOrder = exchange === their.exchange && symbol === their.symbol && side === their.side;
  const open = their.report.status === 'working' || their.report.status === 'partially_filled';
  return !sameOrder || quantity !== their.quantity || filledQuantity !== filledOf(their) || open;
}

/** What was refused or never sent needs not be in a venue's book; what it has numbered and ended otherwise does. */
function mustBeThere({ today, status, venueOrderId, filledQuantity }: BookOrder): boolean {
  return today && (filledQuantity > 0 || (venueOrderId !== null && (status === 'canceled' || status === 'expired')));
}

function filledOf({ report }: VenueOrder): number {
  return report.fills.reduce((sum, { quantity }) => sum + quantity, 0);
}

function ourText(order: BookOrder): string {
  return `${whatOf(order)} ${order.status}, ${order.filledQuantity} filled`;
}

function theirText(their: VenueOrder): string {
  return `${whatOf(their)} ${their.report.status}, ${filledOf(their)} filled`;
}

function whatOf({ side, quantity, ...listing }: Pick<VenueOrder, 'exchange' | 'symbol' | 'side' | 'quantity'>): string {
  return `${side} ${quantity} ${instrumentKey(listing)}`;
}

/** Whether something of the account has traded today, ours or not: from then on a venue's cash is in terms of its own. */
export function tradedToday({ orders }: Books, snapshot: Pick<AccountSnapshot, 'orders'>): boolean {
  return (
    snapshot.orders.some((their) => filledOf(their) > 0) || orders.some((one) => one.today && one.filledQuantity > 0)
  );
}

/** What brokers block beyond our charges and margins before the contract note, of what was traded, in basis points. */
const MARGIN_SLACK_BPS = 200;
const MIN_SLACK_MINOR = 100;

/**
 * Money our books have and the venue does not: what may be spent, on both sides. A sale is credited the day after, the
 * venue's margin is not ours to the paisa, and what the account's other business has blocked since readiness is not
 * gone. More money than we think is a payment in, which the next readiness books.
 */
export function missingMoney(books: Books, snapshot: { orders: VenueOrder[]; funds: VenueFunds }): Difference[] {
  if (books.orders.some((order) => !hasEnded(order))) return [];
  const ours = books.cashMinor - books.heldMinor;
  const theirs = snapshot.funds.spendableMinor;
  const blockedSince = Math.max(
    0,
    blockedByOthers(snapshot.funds, tradedToday(books, snapshot)) - books.blockedByOthersMinor,
  );
  const value = (side: 'BUY' | 'SELL') =>
    books.orders.reduce((sum, one) => sum + (one.today && one.side === side ? one.filledValueMinor : 0), 0);
  const slack = value('SELL') + Math.ceil((value('BUY') * MARGIN_SLACK_BPS) / 10_000) + MIN_SLACK_MINOR;
  if (theirs + blockedSince + slack >= ours) return [];
  return [{ kind: 'funds', what: 'spendable', ours: formatMinor(ours, INR), theirs: formatMinor(theirs, INR) }];
}

/**
 * What business that is none of ours has blocked of an account's cash: what the venue says, and, while nothing has traded
 * that day, whatever of the cash may not be spent.
 */
export function blockedByOthers(funds: VenueFunds, traded: boolean): number {
  return Math.max(funds.blockedByOthersMinor ?? 0, traded ? 0 : funds.cashMinor - funds.spendableMinor);
}

/** What was found both times: what one look sees and the next does not was only on its way. */
export function inBoth(first: Difference[], second: Difference[]): Difference[] {
  const again = new Set(second.map((one) => JSON.stringify(one)));
  return first.filter((one) => again.has(JSON.stringify(one)));
}
