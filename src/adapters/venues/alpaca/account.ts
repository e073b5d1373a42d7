// What is read of an account at Alpaca: money, positions, margins, prices and whether its keys stand.
import { z } from 'zod';
import { parseInstant } from '../../../domain/market/india-time.ts';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { Quote } from '../../../domain/types.ts';
import type {
  AccountAtVenue,
  OddRow,
  OrderToSend,
  Scales,
  ScalesOf,
  SessionStatus,
  VenueAccountApi,
  VenueFunds,
  VenueMargin,
  VenuePosition,
  VenueRead,
  VenueRows,
} from '../../../ports/venue.ts';
import { word } from '../bounds.ts';
import { oddRowOf, type Rows, rowsOf, textOf } from '../rows.ts';
import { readAssets } from './assets.ts';
import { type AlpacaClientOptions, type AlpacaRequest, callAlpaca, readAs } from './client.ts';
import { cents, decimal, exchangeOf } from './shapes.ts';
import { quantityAndRest, scalesOf, worthAtLimit } from './units.ts';

/** Symbols go into the address; so many fit any server. */
export const QUOTES_BATCH_SIZE = 100;

/** What can be read of an account at Alpaca; the order book's own reads are the venue's. */
export function alpacaAccount(
  options: AlpacaClientOptions,
  exchanges: readonly [string, ...string[]],
  feed: 'iex' | 'sip',
): Omit<VenueAccountApi, 'ordersToday' | 'cancel'> {
  const [exchange] = exchanges;
  return {
    async quotes(account, listings) {
      const quotes: Quote[] = [];
      const listed = listings.filter((one) => exchanges.includes(one.exchange));
      for (let from = 0; from < listed.length; from += QUOTES_BATCH_SIZE) {
        const batch = listed.slice(from, from + QUOTES_BATCH_SIZE);
        const query = new URLSearchParams({ symbols: batch.map(({ symbol }) => symbol).join(','), feed });
        const answer = await get(options, account, { path: `/v2/stocks/snapshots?${query}`, data: true }, snapshots);
        if (answer.kind !== 'read') return answer;
        const bySymbol = new Map(Object.entries(answer.value));
        quotes.push(...batch.flatMap((one) => quoteOf(one, bySymbol.get(one.symbol)) ?? []));
      }
      return { kind: 'read', value: quotes };
    },
    async margins(_account, orders) {
      const [first] = orders;
      const listed = (order: OrderToSend) => exchanges.includes(order.exchange);
      // An order that is not taken has no margin; where none is, that is worth saying.
      if (first && !orders.some(listed)) {
        return { kind: 'unreadable', reason: notTradedHere(first.exchange, exchanges) };
      }
      return { kind: 'read', value: orders.map((order) => (listed(order) ? marginOf(order) : null)) };
    },
    async funds(account) {
      const answer = await get(options, account, { path: '/v2/account' }, accountShape);
      return answer.kind === 'read' ? fundsOf(answer.value) : answer;
    },
    async positions(account, scales = () => ({})) {
      const answer = await get(options, account, { path: '/v2/positions' }, positions);
      return answer.kind === 'read' ? { kind: 'read', value: positionsOf(exchange, answer.value, scales) } : answer;
    },
    async sessionStatus(account): Promise<SessionStatus> {
      const answer = await get(options, account, { path: '/v2/account' }, accountShape);
      if (answer.kind === 'no_session') return { kind: 'closed', reason: answer.reason };
      return answer.kind === 'read' ? sessionOf(answer.value) : answer;
    },
    instruments: (account) => readAssets(options, account, exchange),
    calendar: {
      mic: 'XNYS',
      async tradingDays(account, from, to) {
        const query = new URLSearchParams({ start: from, end: to });
        const answer = await get(options, account, { path: `/v2/calendar?${query}` }, calendarDays);
        if (answer.kind !== 'read') return answer;
        // A server that leaves the bounds out answers with every day from 1970 on.
        const wanted = answer.value.filter(({ date }) => date >= from && date <= to);
        return {
          kind: 'read',
          value: wanted.map(({ date, open, close }) => ({ date, openTime: open, closeTime: close })),
        };
      },
    },
  };
}

/** What an operator has to know where our instruments are of another exchange than those sent here. */
export function notTradedHere(exchange: string, exchanges: readonly string[]): string {
  return `${exchange} is not traded here: ALPACA_EXCHANGES is ${exchanges.join(',')}`;
}

async function get<T>(
  options: AlpacaClientOptions,
  account: AccountAtVenue,
  request: Omit<AlpacaRequest, 'method'>,
  shape: z.ZodType<T>,
): Promise<VenueRead<T>> {
  return readAs(await callAlpaca(options, account, { ...request, method: 'GET' }), shape);
}

const snapshot = z.object({
  latestTrade: z.object({ t: z.string(), p: decimal }).nullish(),
  prevDailyBar: z.object({ c: decimal }).nullish(),
});
/** Each is read by itself: one that can't be read is one share without a price. */
const snapshots = z.record(z.string(), z.unknown());

/** The last trade, of when it was. A share that has not traded has no price. US shares have no circuit of the day. */
function quoteOf(listing: { exchange: string; symbol: string } & Scales, raw: unknown): Quote | null {
  const { exchange, symbol } = listing;
  const { priceScale } = scalesOf(listing);
  const data = snapshot.safeParse(raw).data;
  const atMs = parseInstant(data?.latestTrade?.t ?? '');
  const priceMinor = data?.latestTrade ? cents(data.latestTrade.p, 'nearest', priceScale) : 0;
  if (atMs === null || priceMinor <= 0) return null;
  const before = data?.prevDailyBar ? cents(data.prevDailyBar.c, 'nearest', priceScale) : 0;
  const none = { lowerCircuitMinor: null, upperCircuitMinor: null };
  return { exchange, symbol, ...none, priceMinor, previousCloseMinor: before > 0 ? before : null, atMs };
}

/**
 * Alpaca has no margin to ask for. What is bought outright takes its whole price, by what «outright» means; of anything
 * else nothing is known. Commission is none, the regulators' fees on a sale are not known beforehand.
 */
function marginOf(order: OrderToSend): VenueMargin | null {
  if (order.product !== 'delivery' || order.side !== 'BUY') return null;
  const marginMinor = worthAtLimit(order);
  return marginMinor === null ? null : { marginMinor, chargesMinor: null };
}

const accountShape = z.object({
  status: z.string(),
  currency: z.string(),
  cash: decimal,
  /** What may be bought without the account's leverage, open orders counted. */
  non_marginable_buying_power: decimal,
  trading_blocked: z.boolean(),
  account_blocked: z.boolean(),
  trade_suspended_by_user: z.boolean(),
});

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);

/** Days that trade, with early closes, in New York's time; a row that can't be read makes the whole list unreadable. */
const calendarDays = z.array(
  z.object({ date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/), open: timeOfDay, close: timeOfDay }),
);

/**
 * What may be spent is the account's own money: the smaller of its cash (below zero in an account that has borrowed) and
 * of what it may buy without leverage, which counts its open orders. What blocks the difference Alpaca doesn't say; the
 * buying power of a borrowing account (its sample has cash -23140.20 and 98945.02) is credit, and never ours to use.
 */
function fundsOf(account: z.infer<typeof accountShape>): VenueRead<VenueFunds> {
  if (account.currency !== 'USD') return { kind: 'unreadable', reason: 'account_not_in_usd' };
  const cashMinor = cents(account.cash, 'down');
  const spendableMinor = Math.max(0, Math.min(cashMinor, cents(account.non_marginable_buying_power, 'down')));
  return { kind: 'read', value: { cashMinor, spendableMinor, blockedByOthersMinor: null } };
}

/** Keys don't end by themselves. An account that may not trade is no session for what we do. */
function sessionOf(account: z.infer<typeof accountShape>): SessionStatus {
  if (account.status !== 'ACTIVE')
    return { kind: 'closed', reason: untrustedText(`account_${account.status.toLowerCase()}`) };
  if (account.account_blocked) return { kind: 'closed', reason: 'account_blocked' };
  if (account.trading_blocked || account.trade_suspended_by_user) return { kind: 'closed', reason: 'trading_blocked' };
  return { kind: 'open', untilMs: null };
}

const position = z.object({
  symbol: word.min(1),
  asset_class: word.nullish(),
  qty: decimal,
  cost_basis: decimal.nullish().catch(null),
});
const positions = rowsOf(position);

/**
 * Ours is what the listing's unit can say. A part of a unit beside it is reported as a fraction, and a coin or an option as what it is:
 * neither decides anything. What such a broken number's own part cost is not known.
 */
function positionsOf(
  exchange: string,
  { read, unread }: Rows<z.infer<typeof position>>,
  scales: ScalesOf,
): VenueRows<VenuePosition> {
  const rows: VenuePosition[] = [];
  const odd: OddRow[] = unread.map((row): OddRow => {
    const kind = textOf(row, 'asset_class');
    const symbol = textOf(row, 'symbol');
    const listing = symbol === null ? null : { exchange: exchangeOf(exchange, kind), symbol };
    return { ...oddRowOf(row, { exchange: 'asset_class', symbol: 'symbol' }), listing };
  });
  for (const { symbol, asset_class, qty, cost_basis } of read) {
    const listing = { exchange: exchangeOf(exchange, asset_class), symbol };
    const foreign = { listing, clientOrderId: null, venueOrderId: null, unreadable: false };
    if (listing.exchange !== exchange) {
      odd.push({ ...foreign, why: `asset_class: ${listing.exchange}` });
      continue;
    }
    const { quantity, rest } = quantityAndRest(qty, scalesOf(scales(listing)).quantityScale);
    if (quantity === null) {
      odd.push({ ...foreign, why: 'quantity: too_big', unreadable: true });
      continue;
    }
    const costKnown = rest === null && quantity > 0 && cost_basis !== null && cost_basis !== undefined;
    if (quantity !== 0) rows.push({ ...listing, quantity, costMinor: costKnown ? cents(cost_basis, 'nearest') : null });
    if (rest !== null) odd.push({ ...foreign, why: `fraction: ${rest}` });
  }
  return { rows, odd };
}
