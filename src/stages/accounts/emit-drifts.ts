// Emits the drifts found in a comparison, and one alert for all of them.
import { type CorporateAction, corporateActionText } from '../../domain/market/corporate-actions.ts';
import { foldedSymbol, type Listing } from '../../domain/market/share.ts';
import type { Emit } from '../../ports/events/events.ts';
import type { Drift } from '../../ports/store/accounts.ts';

/**
 * Each new drift as a step, and one alert for all of them with the worst first, which also names the corporate actions
 * of the day that may be why: a split multiplies the shares at a venue and not in our books.
 */
export function emitDrifts(emit: Emit, drifts: readonly Drift[], actions: readonly CorporateAction[]): void {
  if (drifts.length === 0) return;
  for (const drift of drifts) emit({ type: 'drift', ...drift });
  const unknownOrders = drifts.filter(({ kind }) => kind === 'unknown_order');
  const worst = unknownOrders[0] ?? drifts[0];
  const accounts = new Set(drifts.map(({ accountId }) => accountId)).size;
  const first =
    worst && `account ${worst.accountId}, ${worst.kind} ${worst.what}: ours ${worst.ours}, theirs ${worst.theirs}`;
  // By symbol: a venue may hold it under another exchange's listing.
  const symbols = new Set(
    drifts.filter(({ kind }) => kind === 'position').map(({ what }) => foldedSymbol(listingOf(what))),
  );
  const about = actions
    .filter((one) => symbols.has(foldedSymbol(one)))
    .map((one) => `${one.exchange}:${one.symbol} ${corporateActionText(one)}`);
  emit({
    type: 'drift_found',
    alert: true,
    count: drifts.length,
    accounts,
    unknownOrders: unknownOrders.length,
    first,
    ...(about.length > 0 ? { corporateActions: about.join(', ') } : {}),
  });
}

/** `NSE:TITAN`, as a drift of shares names it. */
function listingOf(what: string): Listing {
  const [exchange = '', ...symbol] = what.split(':');
  return { exchange, symbol: symbol.join(':') };
}
