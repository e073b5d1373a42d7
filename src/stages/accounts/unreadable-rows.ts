// Tells rows of a venue's lists that nobody can read and that concern us from those that don't.
import { isOurClientOrderId } from '../../domain/ids.ts';
import type { Listing } from '../../domain/market/share.ts';
import { instrumentKey } from '../../domain/market/share.ts';
import type { Emit } from '../../ports/events/events.ts';
import type { Books } from '../../ports/store/accounts.ts';
import type { OddRow } from '../../ports/venue.ts';
import type { OddRows } from './account-snapshot.ts';
import type { KeyOf } from './compare-books.ts';

/**
 * What can't be read and is about an order or a share of ours: `unreadable_holdings: NSE:TITAN (opening_quantity:
 * invalid_type)`. null: whatever is odd there is somebody else's and decides nothing. `wanted`: shares that may be
 * traded today. A row that doesn't even say what it is about may be about anything.
 */
export function unreadOfOurs(
  books: Books,
  wanted: readonly Listing[],
  { orders, positions }: OddRows,
  keyOf: KeyOf,
): string | null {
  const order = orders.find((row) => row.unreadable && isAboutOurOrder(books, row));
  if (order) return `unreadable_orders: ${order.clientOrderId ?? order.venueOrderId ?? 'a row'} (${order.why})`;
  const shares = new Set([...books.positions, ...books.orders, ...wanted].map(keyOf));
  const share = positions.find(({ unreadable, listing }) => {
    return unreadable && (listing === null || shares.has(keyOf(listing)));
  });
  if (!share) return null;
  return `unreadable_holdings: ${share.listing ? instrumentKey(share.listing) : 'a row'} (${share.why})`;
}

/** Says what of an account's lists was left out, once for all of it: where it is, what it is, and how much more. */
export function emitLeftOut(emit: Emit, { accountId, userId, venue }: Books, { orders, positions }: OddRows): void {
  const all = [...orders, ...positions];
  const [first] = all;
  if (!first) return;
  const what = first.listing ? instrumentKey(first.listing) : (first.venueOrderId ?? 'a row');
  emit({ type: 'rows_left_out', accountId, userId, venue, rows: all.length, first: `${what}: ${first.why}` });
}

function isAboutOurOrder({ orders }: Books, { clientOrderId, venueOrderId }: OddRow): boolean {
  if (clientOrderId === null && venueOrderId === null) return true;
  if (clientOrderId !== null && isOurClientOrderId(clientOrderId)) return true;
  return orders.some((ours) => ours.venueOrderId !== null && ours.venueOrderId === venueOrderId);
}
