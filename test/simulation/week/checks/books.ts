// Reads the books of a week and recomputes them by the plain account model.
import { z } from 'zod';
import { type AccountFacts, type FillFact, modelOf, type OrderFact } from '../../../../src/domain/account-model.ts';
import { currencyCodes } from '../../../../src/domain/currency.ts';
import type { SqlSession } from '../../../../src/ports/database.ts';
import { filledBy, type WeekVenue } from '../world/venue.ts';

/** As the model names a position. */
const positionKey = (of: { instrumentId: number; product: string }) => `${of.instrumentId} ${of.product}`;

const id = z.coerce.number();
const big = z.coerce.bigint();
const side = z.enum(['BUY', 'SELL']);

/** Everything of the database that says what the accounts' books must be, and what they are. */
const rows = z.object({
  accounts: z.array(
    z.object({
      ...{ id, userId: z.string(), venue: z.string(), mode: z.string() },
      ...{ currency: z.enum(currencyCodes), cashMinor: big, heldMinor: big },
    }),
  ),
  cash: z.array(z.object({ accountId: id, entryId: id, kind: z.string(), cashMinor: big, atMs: z.number() })),
  orders: z.array(
    z.object({
      accountId: id,
      orderId: id,
      clientOrderId: z.string(),
      side,
      symbol: z.string(),
      instrumentId: id,
      product: z.string(),
      leverageCenti: big,
      holdMinor: big,
      createdAtMs: z.number(),
      endedAtMs: z.number().nullable(),
      reason: z.string().nullable(),
      rate: z.object({
        transactionTaxPpb: big,
        exchangePpb: big,
        regulatorPpb: big,
        stampPpb: big,
        brokeragePpb: big,
        brokerageCapMinor: big,
        gstBps: big,
      }),
    }),
  ),
  fills: z.array(
    z.object({
      accountId: id,
      fillId: id,
      orderId: id.nullable(),
      instrumentId: id,
      product: z.string(),
      side,
      venueFillId: z.string(),
      quantity: big,
      priceMinor: big,
      places: z.number(),
      filledAtMs: z.number(),
      corrects: id.nullable(),
    }),
  ),
  positions: z.array(
    z.object({
      accountId: id,
      instrumentId: id,
      symbol: z.string(),
      product: z.string(),
      quantity: big,
      costMinor: big,
      marginMinor: big,
    }),
  ),
});

export type Rows = z.infer<typeof rows>;

const READ_SQL = `select json_build_object(
  'accounts', (select coalesce(json_agg(json_build_object('id', id, 'userId', user_id, 'venue', venue, 'mode', mode,
    'currency', currency, 'cashMinor', cash_minor, 'heldMinor', held_minor) order by id), '[]') from public.accounts),
  'cash', (select coalesce(json_agg(json_build_object('accountId', account_id, 'entryId', id, 'kind', kind, 'cashMinor', cash_delta_minor,
    'atMs', core.ms(at)) order by id), '[]') from public.ledger_entries
    where kind in ('deposit', 'withdrawal', 'adjustment')),
  'orders', (select coalesce(json_agg(json_build_object('accountId', o.account_id, 'orderId', o.id,
    'clientOrderId', o.client_order_id, 'side', o.side, 'symbol', i.symbol, 'instrumentId', o.instrument_id,
    'product', coalesce(to_jsonb(o) ->> 'product', r.product), 'leverageCenti', o.leverage_centi,
    'holdMinor', o.hold_minor, 'createdAtMs', core.ms(o.created_at), 'endedAtMs', core.ms(o.ended_at), 'reason', o.reason,
    'rate', json_build_object('transactionTaxPpb', r.transaction_tax_ppb, 'exchangePpb', r.exchange_ppb,
      'regulatorPpb', r.regulator_ppb, 'stampPpb', r.stamp_ppb, 'brokeragePpb', r.brokerage_ppb,
      'brokerageCapMinor', r.brokerage_cap_minor, 'gstBps', r.gst_bps)) order by o.id), '[]')
    from public.orders o join public.charge_rates r on r.id = o.rate_id join public.instruments i on i.id = o.instrument_id),
  'fills', (select coalesce(json_agg(json_build_object('accountId', f.account_id, 'fillId', f.id, 'orderId', f.order_id,
    'instrumentId', f.instrument_id, 'product', coalesce(to_jsonb(f) ->> 'product', 'delivery'), 'side', f.side,
    'venueFillId', f.venue_fill_id, 'quantity', f.quantity, 'priceMinor', f.price_minor,
    'places', i.quantity_scale + i.price_scale, 'filledAtMs', core.ms(f.filled_at), 'corrects', to_jsonb(f) -> 'corrects') order by f.id), '[]')
    from public.fills f join public.instruments i on i.id = f.instrument_id),
  'positions', (select coalesce(json_agg(json_build_object('accountId', p.account_id, 'instrumentId', p.instrument_id,
    'symbol', i.symbol, 'product', coalesce(to_jsonb(p) ->> 'product', 'delivery'), 'quantity', p.quantity,
    'costMinor', p.cost_minor, 'marginMinor', p.margin_minor) order by p.account_id, p.instrument_id, to_jsonb(p) ->> 'product'),
    '[]') from public.positions p join public.instruments i on i.id = p.instrument_id)) as found`;

export async function readRows(session: SqlSession): Promise<Rows> {
  const [row] = await session.query(READ_SQL);
  return rows.parse(row?.['found']);
}

/** With what was removed, but those of it that are still there. */
export function withRemoved(there: Rows, removed: Pick<Rows, 'orders' | 'fills'>): Rows {
  const orders = new Set(there.orders.map(({ orderId }) => orderId));
  const fills = new Set(there.fills.map(({ fillId }) => fillId));
  return {
    ...there,
    orders: [...removed.orders.filter(({ orderId }) => !orders.has(orderId)), ...there.orders],
    fills: [...removed.fills.filter(({ fillId }) => !fills.has(fillId)), ...there.fills],
  };
}

/** Where the database's books are not what the facts in it make of them: sentences. */
export function notAsModelled(found: Rows): string[] {
  return found.accounts.flatMap((account) => {
    const ours = factsOf(found, account.id);
    const model = modelOf(ours, Number.POSITIVE_INFINITY);
    const wrong: string[] = [];
    const compare = (what: string, is: bigint, should: bigint): void => {
      if (is !== should) wrong.push(`account ${account.id}: ${what} ${is}, and its facts make ${should}`);
    };
    compare('cash', account.cashMinor, model.cashMinor);
    compare('held', account.heldMinor, model.heldMinor);
    const positions = new Map(
      found.positions.filter(({ accountId }) => accountId === account.id).map((one) => [positionKey(one), one]),
    );
    for (const key of new Set([...positions.keys(), ...model.positions.keys()])) {
      const is = positions.get(key);
      const should = model.positions.get(key);
      compare(`quantity of ${key}`, is?.quantity ?? 0n, should?.quantity ?? 0n);
      compare(`cost of ${key}`, is?.costMinor ?? 0n, should?.costMinor ?? 0n);
      compare(`margin of ${key}`, is?.marginMinor ?? 0n, should?.marginMinor ?? 0n);
    }
    return wrong;
  });
}

/** What the account model wants to know of one account. */
export function factsOf({ cash, orders, fills }: Rows, account: number) {
  const mine = <T extends { accountId: number }>(all: readonly T[]) =>
    all.filter(({ accountId }) => accountId === account);
  const facts = {
    cash: mine(cash),
    orders: mine(orders),
    fills: mine(fills).map((fill) => ({ ...fill, reportedAtMs: 0 })),
  };
  return facts satisfies AccountFacts;
}

/** The books without what depends on when they were told of: the same facts give the same, however they are told. */
export function booksOf({ accounts, positions }: Rows): string[] {
  return [
    ...accounts.map(
      (one) => `${one.userId} ${one.venue} ${one.mode} ${one.currency}: cash ${one.cashMinor}, held ${one.heldMinor}`,
    ),
    ...positions.map((one) => {
      const { accountId, symbol, product, quantity, costMinor, marginMinor } = one;
      return `${accountId} ${symbol} ${product}: ${quantity} for ${costMinor}, margin ${marginMinor}`;
    }),
  ];
}

/** The same without what is of one user. */
export function withoutUser(found: Rows, userId: string): Rows {
  const theirs = new Set(found.accounts.flatMap((account) => (account.userId === userId ? [account.id] : [])));
  const accounts = found.accounts.filter(({ id: accountId }) => !theirs.has(accountId));
  return { ...found, accounts, positions: found.positions.filter(({ accountId }) => !theirs.has(accountId)) };
}

/** What an account may spend by what its venue knows: every fill there was, told or not, and what came from outside. */
export function cashAtVenue(found: Rows, venue: WeekVenue, account: number, nowMs: number): number {
  const orders = found.orders.filter(({ accountId }) => accountId === account);
  const cash = venue.outside
    .filter(({ accountId, atMs }) => accountId === account && atMs <= nowMs)
    .map(({ cashMinor, atMs }) => ({ cashMinor: BigInt(cashMinor), atMs }));
  const ended: OrderFact[] = orders.map((order) => ({ ...order, endedAtMs: 0 }));
  const fills = [
    ...orders.flatMap((order) => filledAt(venue, order, nowMs)),
    ...broughtTo(found, venue, account, nowMs),
  ];
  return Number(modelOf({ cash, orders: ended, fills }, Number.POSITIVE_INFINITY).cashMinor);
}

type OrderRow = Rows['orders'][number];

function filledAt(venue: WeekVenue, order: OrderRow, nowMs: number): FillFact[] {
  const one = venue.ever.get(order.clientOrderId);
  const { orderId, instrumentId, product, side: bought } = order;
  return (one ? filledBy(one, nowMs) : []).map(({ venueFillId, quantity, priceMinor, atMs }, index) => ({
    ...{ fillId: orderId * 1000 + index, orderId, instrumentId, product, side: bought, venueFillId, corrects: null },
    ...{ quantity: BigInt(quantity), priceMinor: BigInt(priceMinor), places: 0, filledAtMs: atMs, reportedAtMs: 0 },
  }));
}

/** Shares that came from outside are paid for outside, too. */
function broughtTo({ orders }: Rows, { outside }: WeekVenue, account: number, nowMs: number): FillFact[] {
  const instrumentOf = (symbol: string) => orders.find((order) => order.symbol === symbol)?.instrumentId ?? 0;
  return outside.flatMap(({ accountId, atMs, shares }, index) => {
    if (accountId !== account || !shares || atMs > nowMs) return [];
    const { symbol, quantity, priceMinor } = shares;
    return [
      {
        ...{ fillId: index, orderId: null, instrumentId: instrumentOf(symbol), product: 'delivery', corrects: null },
        ...{ side: quantity > 0 ? ('BUY' as const) : ('SELL' as const), venueFillId: `outside ${index}` },
        ...{ quantity: BigInt(Math.abs(quantity)), priceMinor: BigInt(priceMinor), places: 0 },
        ...{ filledAtMs: atMs, reportedAtMs: 0 },
      },
    ];
  });
}
