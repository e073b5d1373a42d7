// Turns one requested order into a signal of the trading day, so that it is decided like any other.
import { clientOrderIdOf, signalIdOf } from '../ids.ts';
import type { DayOverride } from '../market/calendar.ts';
import { marketOf } from '../market/market.ts';
import { dateIn, nextSession, sessionIdOf, tradingDay } from '../market/session.ts';
import type { Quote, Side, Signal } from '../types.ts';

/** How long an order somebody asked for may wait to be sent: after that the price they saw is an old one. */
const ORDER_TTL_MS = 120_000;

/** One order, as somebody asks for it. null: sized as a signal would be, and with the usual protection. */
export interface OrderAsRequested {
  userId: string;
  exchange: string;
  symbol: string;
  side: Side;
  quantity: number | null;
  limitPriceMinor: number | null;
}

export type TradingNow =
  | {
      kind: 'trading';
      /** `XNSE:2025-08-28:api` */
      sessionId: string;
      date: string;
      closeMs: number;
      /** The same for cash securities that have derivatives. */
      fnoCloseMs: number;
    }
  | {
      kind: 'not_trading';
      reason: 'market_closed' | 'outside_window' | 'too_late';
      /** When the exchange trades again, as the id of that day's session; null beyond the calendar. */
      nextSession: string | null;
    };

/**
 * Whether an exchange trades at an instant: from the open to before the end of continuous trading. Unknown days don't, and
 * neither does a market no run is made in.
 */
export function tradingNow(nowMs: number, exchange: string, overrides: readonly DayOverride[]): TradingNow {
  const found = marketOf(exchange);
  if (found.kind === 'unknown_market' || found.market.notTraded !== null) {
    return { kind: 'not_trading', reason: 'market_closed', nextSession: null };
  }
  const { market } = found;
  const { mic } = market;
  const date = dateIn(market, nowMs);
  const day = tradingDay(market, date, overrides);
  const next = () => nextSession(date, { market, slot: 'open', overrides });
  if (day.kind !== 'open') return { kind: 'not_trading', reason: 'market_closed', nextSession: next() };
  if (nowMs < day.openMs)
    return { kind: 'not_trading', reason: 'outside_window', nextSession: sessionIdOf(mic, date, 'open') };
  if (nowMs >= day.closeMs) return { kind: 'not_trading', reason: 'too_late', nextSession: next() };
  return {
    kind: 'trading',
    sessionId: sessionIdOf(mic, date, 'api'),
    date,
    closeMs: day.closeMs,
    fnoCloseMs: day.fnoCloseMs,
  };
}

/**
 * The signal an asked-for order becomes. Its strategy is the request (`api:` and 100 bits of who asked under which key),
 * so that the same request is the same signal, account and order, however often it comes. Its reference price is the
 * limit that was named; limit-band.ts says how far that may be from the market.
 */
export function signalOfRequest(
  request: { principal: string; key: string },
  { exchange, symbol, side, limitPriceMinor }: OrderAsRequested,
  { date, quote, nowMs }: { date: string; quote: Quote | null; nowMs: number },
): Signal {
  const strategy = `api:${clientOrderIdOf(request.principal, request.key)}`;
  const named = { exchange, tradeDate: date, strategy, symbol, side };
  return {
    id: signalIdOf(named),
    ...named,
    rank: 1,
    referencePriceMinor: limitPriceMinor ?? quote?.priceMinor ?? 0,
    stopLossMinor: null,
    targetMinor: null,
    validUntilMs: nowMs + ORDER_TTL_MS,
  };
}
