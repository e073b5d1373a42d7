// Places single orders, as the HTTP API does.
import type { RunLimits } from '../../../src/domain/decision/inputs.ts';
import { signalOfRequest } from '../../../src/domain/decision/single-order.ts';
import type { PlacedOrder } from '../../../src/ports/store/single-orders.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { minuteMs, nowMs, quote, tradeDate } from '../../support/builders.ts';
import { accepted, cutOffMs, limits } from './test-run.ts';

/** The run single orders of the tests' day are booked under. */
export const apiRunId = `XNSE:${tradeDate}:api:paper`;

/** One order asked for by itself. Default: by the user, with a login. */
export interface SingleOrder {
  userId: string;
  symbol: string;
  /** Default: none, which gives one of 100.50. */
  limitPriceMinor?: number;
  principal?: string;
  apiKey?: string | null;
}

let keys = 0;

/** Places each of them, accepted, in one call, under these limits. */
export async function placeSingleOrders(
  store: Store,
  orders: SingleOrder[],
  atMs = nowMs,
  under: Partial<RunLimits> = {},
): Promise<PlacedOrder[]> {
  const userIds = [...new Set(orders.map(({ userId }) => userId))];
  const listings = orders.map(({ symbol }) => ({ exchange: 'NSE', symbol }));
  const run = { runId: apiRunId, mode: 'paper', tradeDate } as const;
  const { accounts, rates } = await store.call('read_order_inputs', { ...run, capped: false, userIds, listings });
  const rows = orders.map(({ userId, symbol, limitPriceMinor, principal = `user:${userId}`, apiKey = null }) => {
    keys += 1;
    const key = `k${keys}`;
    const sized = { side: 'BUY' as const, quantity: 1, limitPriceMinor: limitPriceMinor ?? null };
    const order = { userId, exchange: 'NSE', symbol, ...sized };
    const signal = signalOfRequest({ principal, key }, order, { date: tradeDate, quote: quote(symbol), nowMs: atMs });
    const account = accounts.find(({ settings }) => settings.id === userId);
    if (!account) throw new Error(`there is no ${userId}`);
    const testRun = { store, ...run, signals: [], users: [], rates };
    const request = { principal, key, bodyHash: key, apiKey, by: null, sendBeforeMs: cutOffMs, signal };
    return { request, decision: accepted(testRun, account, signal, { quantity: 1, limitPriceMinor }) };
  });
  return store.call('place_orders', {
    ...run,
    ...{ sessionId: `XNSE:${tradeDate}:api`, limits: { ...limits, ...under }, nowMs: atMs },
    takesOrdersUntilMs: cutOffMs + 60 * minuteMs,
    quotes: [...new Set(orders.map(({ symbol }) => symbol))].map((symbol) => quote(symbol, 100_00, atMs)),
    decisions: rows.map(({ decision }) => decision),
    requests: rows.map(({ request }) => request),
  });
}
