// Alpaca's list of assets as instruments: every US share it knows, and which of them it does not trade.
import { z } from 'zod';
import { symbolPattern } from '../../../domain/decision/signal-rules.ts';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, OddRow, VenueInstrument, VenueRead, VenueRows } from '../../../ports/venue.ts';
import { word } from '../bounds.ts';
import { oddRowOf, rowsOf } from '../rows.ts';
import { type AlpacaClientOptions, callAlpaca, readAs } from './client.ts';

const asset = z.object({
  symbol: word.min(1),
  class: word,
  name: z.string().max(1_000).nullish(),
  status: word,
  tradable: z.boolean(),
});
const assets = rowsOf(asset);

/** Their shares trade in cents and one by one. Parts of a share and of a cent are not among what an instrument says. */
const CENT = 1;

/**
 * The active US shares (`GET /v2/assets`, docs.alpaca.markets). One that Alpaca marks as not tradable may not be entered.
 * Of two with one symbol it is the one that is traded. An empty list is a broken answer.
 */
export async function readAssets(
  options: AlpacaClientOptions,
  account: AccountAtVenue,
  exchange: string,
): Promise<VenueRead<VenueRows<VenueInstrument>>> {
  const query = new URLSearchParams({ status: 'active', asset_class: 'us_equity' });
  const answer = readAs(await callAlpaca(options, account, { method: 'GET', path: `/v2/assets?${query}` }), assets);
  if (answer.kind !== 'read') return answer;
  const odd: OddRow[] = answer.value.unread.map((row) => oddRowOf(row, { exchange: 'class', symbol: 'symbol' }));
  const bySymbol = new Map<string, VenueInstrument>();
  for (const { symbol, class: kind, name, status, tradable } of answer.value.read) {
    // A server that leaves the bounds out answers with everything there is.
    if (kind !== 'us_equity' || status !== 'active') continue;
    if (!symbolPattern.test(symbol)) {
      const listing = { exchange, symbol: untrustedText(symbol) };
      odd.push({ listing, clientOrderId: null, venueOrderId: null, why: 'symbol: not one of ours', unreadable: true });
      continue;
    }
    const restricted = tradable ? null : 'Alpaca does not trade it';
    if (restricted !== null && bySymbol.has(symbol)) continue;
    const named = untrustedText(name ?? '').trim() || symbol;
    bySymbol.set(symbol, { exchange, symbol, name: named, tickMinor: CENT, lotSize: 1, restricted });
  }
  if (bySymbol.size === 0) return { kind: 'unreadable', reason: 'no_assets' };
  return { kind: 'read', value: { rows: [...bySymbol.values()], odd } };
}
