// Facts of one account with plain defaults, for tests of the account model.
import type { AccountFacts, CashFact, FillFact, OrderFact, Rate } from '../../src/domain/account-model.ts';

export const FOREVER = Number.MAX_SAFE_INTEGER;
const free: Rate = {
  transactionTaxPpb: 0n,
  exchangePpb: 0n,
  regulatorPpb: 0n,
  stampPpb: 0n,
  brokeragePpb: 0n,
  brokerageCapMinor: 0n,
  gstBps: 0n,
};
export const mtfBuy: Rate = {
  transactionTaxPpb: 1_000_000n,
  exchangePpb: 30_700n,
  regulatorPpb: 1_000n,
  stampPpb: 150_000n,
  brokeragePpb: 3_000_000n,
  brokerageCapMinor: 2000n,
  gstBps: 1800n,
};

export const funds: CashFact[] = [{ cashMinor: 10_000_00n, atMs: 0 }];

export function order(orderId: number, side: 'BUY' | 'SELL', more: Partial<OrderFact> = {}): OrderFact {
  const rest = { leverageCenti: 100n, rate: free, holdMinor: 0n, createdAtMs: 0, endedAtMs: 1000 };
  return { orderId, clientOrderId: `c${orderId}`, side, ...rest, ...more };
}

/** Of an order: at a price in rupees. Rows are booked in the order they stand in, unless they say otherwise. */
export function fill(of: OrderFact, quantity: number, rupees: number, more: Partial<FillFact> = {}): FillFact {
  return {
    fillId: 0,
    orderId: of.orderId,
    instrumentId: 7,
    product: of.leverageCenti > 100n ? 'mtf' : 'delivery',
    side: of.side,
    venueFillId: '1',
    quantity: BigInt(quantity),
    priceMinor: BigInt(rupees) * 100n,
    places: 0,
    filledAtMs: of.orderId,
    corrects: null,
    reportedAtMs: 1000,
    ...more,
  };
}

export const external = (side: 'BUY' | 'SELL', quantity: number, rupees: number, more: Partial<FillFact> = {}) =>
  fill(order(0, side), quantity, rupees, { orderId: null, filledAtMs: 500, ...more });

export const facts = (orders: OrderFact[], fills: FillFact[], cash = funds): AccountFacts => ({
  cash,
  orders,
  fills: fills.map((row, n) => ({ ...row, fillId: row.fillId || n + 1 })),
});
