// The definition of an account's books, independent of the database's: npm run audit compares the two.
import { valueDown, valueUp } from './value.ts';

/**
 * What the books of an account must be, told a second time: from its facts alone, slowly, without the database and without
 * a line of the code that books. `npm run audit` compares the two; where they differ, one of them is wrong. It is written
 * to be read against the definition it repeats, so nothing of it is shared with what it judges but what a quantity is
 * worth at a price.
 *
 * Money is in minor units and quantities in units of their instrument, both bigint. Divisions are of positive numbers and
 * round down, unless they say otherwise. Times are milliseconds since the epoch.
 */

type Side = 'BUY' | 'SELL';

/** What one leg costs: parts per billion of its value, a cap on the brokerage, GST in basis points. */
export interface Rate {
  transactionTaxPpb: bigint;
  exchangePpb: bigint;
  regulatorPpb: bigint;
  stampPpb: bigint;
  brokeragePpb: bigint;
  brokerageCapMinor: bigint;
  gstBps: bigint;
}

/** Money a person, or the venue's word on its funds, brought or took. */
export interface CashFact {
  cashMinor: bigint;
  atMs: number;
}

export interface OrderFact {
  orderId: number;
  clientOrderId: string;
  side: Side;
  leverageCenti: bigint;
  rate: Rate;
  holdMinor: bigint;
  createdAtMs: number;
  /** null: it may still be filled, and its hold stands for its money. */
  endedAtMs: number | null;
}

/** A row of the fills. Ids grow in the order the rows were booked in. */
export interface FillFact {
  fillId: number;
  /** null: shares that came or went without an order of ours. */
  orderId: number | null;
  instrumentId: number;
  product: string;
  side: Side;
  venueFillId: string;
  quantity: bigint;
  priceMinor: bigint;
  /** Decimals of its quantity and of its price, together: so many does their product have beyond the minor unit. */
  places: number;
  filledAtMs: number;
  /** The fill this row takes the place of: with its own quantity (0: that fill never happened) and price. */
  corrects: number | null;
  /** When it was booked, as far as it moved cash: what an order had before its end, at its end. */
  reportedAtMs: number;
}

/** Everything that ever happened to one account, or everything since its older records were removed. */
export interface AccountFacts {
  /** What it held then, by instrument and product; the cash it had is in `cash`. Left out: its facts are all there. */
  opening?: ReadonlyMap<string, Position>;
  cash: readonly CashFact[];
  orders: readonly OrderFact[];
  fills: readonly FillFact[];
}

export interface Position {
  quantity: bigint;
  costMinor: bigint;
  /** The account's own money in it. */
  marginMinor: bigint;
  realisedMinor: bigint;
  /** Own money that all buys so far have brought; what of it is no longer in the margin was freed. */
  boundMinor: bigint;
}

/** What booking one row of the fills changed in its position. */
export interface FillModel {
  valueMinor: bigint;
  realisedMinor: bigint;
  freedMarginMinor: bigint;
}

export interface OrderModel {
  filledQuantity: bigint;
  filledValueMinor: bigint;
  /** Of what was filled. The database's figure of an order that is still open is an estimate. */
  chargesMinor: bigint;
  /** What its fills gave back: margin, and profit or loss. */
  releasedMinor: bigint;
  /** The sum of its entries in the ledger. */
  cashMinor: bigint;
  heldMinor: bigint;
}

export interface AccountModel {
  cashMinor: bigint;
  heldMinor: bigint;
  /** By instrument and product: `7 mtf`. A position that was closed is still there, with what it realised. */
  positions: Map<string, Position>;
  orders: Map<number, OrderModel>;
  fills: Map<number, FillModel>;
}

export const positionKey = (of: { instrumentId: number; product: string }) => `${of.instrumentId} ${of.product}`;

/** The books after everything that was told until `untilMs`. */
export function modelOf(facts: AccountFacts, untilMs: number): AccountModel {
  const ordersById = new Map(facts.orders.map((order) => [order.orderId, order]));
  const reported = facts.fills.filter((fill) => fill.reportedAtMs <= untilMs);
  const opening = facts.opening ?? new Map<string, Position>();
  const fills = changesOf(facts.fills, ordersById, opening);
  const placed = facts.orders.filter((order) => order.createdAtMs <= untilMs);
  const rowsOf = Map.groupBy(reported, (fill) => fill.orderId);
  const orders = new Map(
    placed.map((order) => [order.orderId, orderModel(order, rowsOf.get(order.orderId) ?? [], fills, untilMs)]),
  );
  const moved = facts.cash.filter((entry) => entry.atMs <= untilMs);
  return {
    cashMinor: sum(moved.map((entry) => entry.cashMinor)) + sum([...orders.values()].map((order) => order.cashMinor)),
    heldMinor: sum([...orders.values()].map((order) => order.heldMinor)),
    positions: positionsOf(reported, ordersById, opening),
    orders,
    fills,
  };
}

/** What an order has been filled, and what its entries must come to. */
function orderModel(
  order: OrderFact,
  rows: readonly FillFact[],
  changes: ReadonlyMap<number, FillModel>,
  untilMs: number,
): OrderModel {
  const effective = effectiveFills(rows);
  const value = sum(effective.map(worthOf));
  const chargesMinor = chargesOn(value, order.rate);
  const ended = order.endedAtMs !== null && order.endedAtMs <= untilMs;
  const released = sum(rows.map((row) => releasedBy(changes.get(row.fillId))));
  const paid = (order.side === 'BUY' ? marginOn(value, order.leverageCenti) : 0n) + chargesMinor;
  return {
    filledQuantity: sum(effective.map((fill) => fill.quantity)),
    filledValueMinor: value,
    chargesMinor,
    releasedMinor: released,
    cashMinor: ended ? released - paid : 0n,
    heldMinor: ended ? 0n : order.holdMinor,
  };
}

const releasedBy = (change: FillModel | undefined) => (change ? change.realisedMinor + change.freedMarginMinor : 0n);

/** Row by row, in the order they were booked: the difference each made to its position. */
function changesOf(
  fills: readonly FillFact[],
  orders: ReadonlyMap<number, OrderFact>,
  opening: ReadonlyMap<string, Position>,
): Map<number, FillModel> {
  const changes = new Map<number, FillModel>();
  for (const [key, rows] of Map.groupBy(fills, positionKey)) {
    const booked = [...rows].sort((one, other) => one.fillId - other.fillId);
    booked.forEach((row, n) => {
      const before = fold(booked.slice(0, n), orders, opening.get(key));
      const after = fold(booked.slice(0, n + 1), orders, opening.get(key));
      const bound = after.boundMinor - before.boundMinor;
      changes.set(row.fillId, {
        valueMinor: worthOf(row),
        realisedMinor: after.realisedMinor - before.realisedMinor,
        freedMarginMinor: bound - (after.marginMinor - before.marginMinor),
      });
    });
  }
  return changes;
}

function positionsOf(
  fills: readonly FillFact[],
  orders: ReadonlyMap<number, OrderFact>,
  opening: ReadonlyMap<string, Position>,
): Map<string, Position> {
  const since = [...Map.groupBy(fills, positionKey)];
  return new Map([...opening, ...since.map(([key, rows]) => [key, fold(rows, orders, opening.get(key))] as const)]);
}

/** The last correction of a fill stands in its place, and at its time; what never happened is left out. */
function effectiveFills(rows: readonly FillFact[]): FillFact[] {
  const correction = new Map<number, FillFact>();
  for (const row of rows) {
    if (row.corrects === null) continue;
    const previous = correction.get(row.corrects);
    if (previous === undefined || previous.fillId < row.fillId) correction.set(row.corrects, row);
  }
  return rows
    .filter((row) => row.corrects === null)
    .map((fill) => {
      const { quantity, priceMinor } = correction.get(fill.fillId) ?? fill;
      return { ...fill, quantity, priceMinor };
    })
    .filter((fill) => fill.quantity > 0n);
}

/** A position: its effective fills, oldest first, whatever order they were told in; of one moment, buys first. */
function fold(
  rows: readonly FillFact[],
  orders: ReadonlyMap<number, OrderFact>,
  opening: Position = { quantity: 0n, costMinor: 0n, marginMinor: 0n, realisedMinor: 0n, boundMinor: 0n },
): Position {
  const position = { ...opening };
  const nameOf = (fill: FillFact) => (fill.orderId === null ? '' : (orders.get(fill.orderId)?.clientOrderId ?? ''));
  const oldestFirst = effectiveFills(rows).sort(
    (one, other) =>
      one.filledAtMs - other.filledAtMs ||
      byBytes(one.side, other.side) ||
      byBytes(nameOf(one), nameOf(other)) ||
      byBytes(one.venueFillId, other.venueFillId),
  );
  const valueSoFar = new Map<number, bigint>();
  for (const fill of oldestFirst) {
    if (fill.side === 'SELL') sell(position, fill);
    else buy(position, fill, ownMoney(fill, orders, valueSoFar));
  }
  return position;
}

/** What a buy brings of the account's own: the margin its order needs with it, less what it needed without it. */
function ownMoney(fill: FillFact, orders: ReadonlyMap<number, OrderFact>, valueSoFar: Map<number, bigint>): bigint {
  const value = worthOf(fill);
  const order = fill.orderId === null ? undefined : orders.get(fill.orderId);
  if (order === undefined) return value;
  const before = valueSoFar.get(order.orderId) ?? 0n;
  valueSoFar.set(order.orderId, before + value);
  return marginOn(before + value, order.leverageCenti) - marginOn(before, order.leverageCenti);
}

/** Covers what is short first, at the average it was sold for; the rest is held at its price. */
function buy(position: Position, fill: FillFact, own: bigint): void {
  position.boundMinor += own;
  const short = position.quantity < 0n ? -position.quantity : 0n;
  const covered = min(fill.quantity, short);
  if (covered > 0n) {
    const soldFor = (-position.costMinor * covered) / short;
    const margin = (-position.marginMinor * covered) / short;
    position.realisedMinor += soldFor - (worthOf(fill) * covered) / fill.quantity;
    position.quantity += covered;
    position.costMinor += soldFor;
    position.marginMinor += margin;
  }
  const rest = fill.quantity - covered;
  if (rest > 0n) {
    position.quantity += rest;
    position.costMinor += worthOf(fill) - (worthOf(fill) * covered) / fill.quantity;
    position.marginMinor += own - (own * covered) / fill.quantity;
  }
}

/** Closes what is held first, at its average cost; the rest is sold short, and what it brings is owed. */
function sell(position: Position, fill: FillFact): void {
  const held = position.quantity > 0n ? position.quantity : 0n;
  const closed = min(fill.quantity, held);
  const forClosed = (worthOf(fill) * closed) / fill.quantity;
  if (closed > 0n) {
    const cost = (position.costMinor * closed) / held;
    const margin = (position.marginMinor * closed) / held;
    position.realisedMinor += forClosed - cost;
    position.quantity -= closed;
    position.costMinor -= cost;
    position.marginMinor -= margin;
  }
  const rest = fill.quantity - closed;
  position.quantity -= rest;
  position.costMinor -= worthOf(fill) - forClosed;
  position.marginMinor -= worthOf(fill) - forClosed;
}

/** What a fill cost, rounded up, or brought, rounded down. */
function worthOf({ side, quantity, priceMinor, places }: FillFact): bigint {
  return (side === 'BUY' ? valueUp : valueDown)(quantity, priceMinor, places);
}

/** Own money behind a value: value ÷ leverage, rounded up. */
function marginOn(valueMinor: bigint, leverageCenti: bigint): bigint {
  return roundedUp(valueMinor * 100n, leverageCenti);
}

/** Tax, fees, stamp duty and brokerage of a value, with GST on brokerage and fees: exact, and rounded up once. */
function chargesOn(valueMinor: bigint, rate: Rate): bigint {
  const billion = 1_000_000_000n;
  const taxes = valueMinor * rate.transactionTaxPpb + valueMinor * rate.stampPpb;
  const fees = valueMinor * rate.exchangePpb + valueMinor * rate.regulatorPpb;
  const brokerage = min(valueMinor * rate.brokeragePpb, rate.brokerageCapMinor * billion);
  const gstTimes10000 = (fees + brokerage) * rate.gstBps;
  return roundedUp((taxes + fees + brokerage) * 10_000n + gstTimes10000, billion * 10_000n);
}

const roundedUp = (amount: bigint, divisor: bigint) => (amount + divisor - 1n) / divisor;
const min = (one: bigint, other: bigint) => (one < other ? one : other);
const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

/** As the database's collation "C" does. */
const byBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
