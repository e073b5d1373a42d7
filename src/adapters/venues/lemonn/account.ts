// What is read of an account at Lemonn: money, positions, margins, prices and whether its session stands.
import { z } from 'zod';
import { INR } from '../../../domain/currency.ts';
import { formatMinor } from '../../../domain/money.ts';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { Quote } from '../../../domain/types.ts';
import type {
  AccountAtVenue,
  OddRow,
  OrderToSend,
  SessionStatus,
  VenueAccountApi,
  VenueFunds,
  VenueMargin,
  VenuePosition,
  VenueRead,
  VenueRows,
} from '../../../ports/venue.ts';
import { exactOrNull, word } from '../bounds.ts';
import { paise } from '../indian.ts';
import { oddRowOf, type Rows, rowsOf, type UnreadRow } from '../rows.ts';
import { callLemonn, type LemonnClientOptions, type LemonnRequest, lemonnSession, readAs } from './client.ts';
import { type LemonnDialect, quantity, rowOf, rupees } from './dialect.ts';
import { timeMs } from './shapes.ts';

/** What can be read of an account at Lemonn; the order book's own reads are the venue's. */
export function lemonnAccount(options: LemonnClientOptions): Omit<VenueAccountApi, 'ordersToday' | 'cancel'> {
  const { dialect } = options;
  const funds = z.object({ funds: rowOf(dialect.funds, fundsRow) });
  const read = async <T>(
    account: AccountAtVenue,
    request: LemonnRequest,
    shape: z.ZodType<T>,
  ): Promise<VenueRead<T>> => {
    return readAs(await callLemonn(options, account, request), shape);
  };
  return {
    quotes: (account, listings) => quotesOf(options, account, listings),
    async margins(account, orders) {
      const value: (VenueMargin | null)[] = [];
      for (const order of orders) {
        const body = marginRequest(order, dialect.marginProduct);
        const answer = await read(account, { method: 'POST', path: '/margin-info', json: body }, margin);
        if (answer.kind !== 'read') return answer;
        value.push(marginOf(order, answer.value.approximateMargin));
      }
      return { kind: 'read', value };
    },
    async funds(account) {
      const answer = await read(account, { method: 'GET', path: '/funds' }, funds);
      if (answer.kind !== 'read') return answer;
      return { kind: 'read', value: fundsOf(answer.value.funds) };
    },
    async positions(account) {
      const holdings = z.object({ holdings: rowsOf(rowOf(dialect.holding, holdingRow)) });
      const held = await read(account, { method: 'GET', path: '/holdings' }, holdings);
      if (held.kind !== 'read') return held;
      const positions = z.object({ positions: rowsOf(rowOf(dialect.position, positionRow)) });
      const traded = await read(account, { method: 'GET', path: '/positions' }, positions);
      if (traded.kind !== 'read') return traded;
      return { kind: 'read', value: positionsOf(held.value.holdings, traded.value.positions, dialect) };
    },
    async sessionStatus(account): Promise<SessionStatus> {
      // Any page of its own shows whether the token lives; what is in it is another question.
      const answer = await read(account, { method: 'GET', path: '/funds' }, z.unknown());
      if (answer.kind === 'no_session') return { kind: 'closed', reason: answer.reason };
      if (answer.kind === 'unreadable') return answer;
      const session = await lemonnSession(options, account);
      return { kind: 'open', untilMs: session.kind === 'open' ? session.untilMs : null };
    },
  };
}

const fundsRow = z.object({ available: rupees, cash: rupees });

/**
 * What may be spent is the smaller of the two figures: the available one may count limits that are no money, the cash
 * what is blocked. What blocks the difference Lemonn doesn't say.
 */
function fundsOf({ available, cash }: z.infer<typeof fundsRow>): VenueFunds {
  const spendableMinor = Math.max(0, paise(Math.min(available, cash), 'down'));
  return { cashMinor: paise(cash, 'down'), spendableMinor, blockedByOthersMinor: null };
}

const margin = z.object({ approximateMargin: rupees.pipe(z.number().min(0)) });

/** For one share: whether the answer is for one or for all of them is not known, and for one it is the same. */
function marginRequest({ symbol, exchange, side, limitPriceMinor, product }: OrderToSend, marginProduct: string) {
  return {
    symbol,
    exchange,
    transactionType: side,
    price: formatMinor(limitPriceMinor, INR),
    quantity: '1',
    productType: product === 'mtf' ? marginProduct : 'DELIVERY',
  };
}

/** 0 is said while the market is closed: it means «not known». Charges are not given. */
function marginOf(order: OrderToSend, ofOneShare: number): VenueMargin | null {
  const marginMinor = exactOrNull(paise(ofOneShare, 'up') * order.quantity);
  return marginMinor === null || marginMinor === 0 ? null : { marginMinor, chargesMinor: null };
}

const holdingRow = z.object({
  exchange: word,
  symbol: word,
  quantity,
  averagePrice: rupees.pipe(z.number().min(0)),
});
const positionRow = holdingRow.extend({ product: z.string() });

type Held = z.infer<typeof holdingRow>;
type Traded = z.infer<typeof positionRow>;

/**
 * Shares held and shares traded today. Lemonn doesn't say whether a holding counts what was traded today, so one that is
 * in both lists is not added up: nobody can say how many there are. Nor of a product nobody knows. Derivatives and what
 * is bought and sold within the day are none of ours.
 */
function positionsOf(held: Rows<Held>, traded: Rows<Traded>, dialect: LemonnDialect): VenueRows<VenuePosition> {
  const shares = traded.read.filter(({ exchange, product }) => {
    return (exchange === 'NSE' || exchange === 'BSE') && product !== 'INTRADAY';
  });
  const positions = new Map<string, VenuePosition>();
  const odd = [...unreadOf(held.unread, dialect.holding), ...unreadOf(traded.unread, dialect.position)];
  const doubtful = ({ exchange, symbol }: Held, why: string): void => {
    const listing = { exchange, symbol };
    odd.push({ listing, clientOrderId: null, venueOrderId: null, why: untrustedText(why), unreadable: true });
  };
  for (const one of shares.filter(({ product }) => !knownProducts.has(product))) {
    doubtful(one, `unknown_product: ${one.product}`);
  }
  const eligible = shares.filter(({ product }) => knownProducts.has(product));
  for (const one of [...held.read, ...eligible].filter(({ quantity: pieces }) => pieces !== 0)) {
    const { exchange, symbol, quantity: pieces } = one;
    const key = `${exchange}:${symbol}`;
    if (positions.has(key)) doubtful(one, 'counted_twice');
    const mtf = 'product' in one && one.product !== 'DELIVERY' ? { mtfQuantity: pieces } : {};
    positions.set(key, { exchange, symbol, quantity: pieces, ...mtf, costMinor: costOf(one) });
  }
  return { rows: [...positions.values()], odd };
}

const knownProducts = new Set(['DELIVERY', 'MTF', 'MARGIN']);

function unreadOf(rows: UnreadRow[], { exchange, symbol }: { exchange: string; symbol: string }): OddRow[] {
  return rows.map((row) => oddRowOf(row, { exchange, symbol }));
}

/** Shares that came from elsewhere may have no price: what they cost is not known. */
function costOf({ quantity: pieces, averagePrice }: Held): number | null {
  return pieces > 0 && averagePrice > 0 ? exactOrNull(paise(pieces * averagePrice, 'nearest')) : null;
}

const quoteRow = z.object({ symbol: z.string(), price: rupees, at: z.string().nullish() });

/** How shares are named to `ltp` is not known: without a list for the exchange there are no quotes. */
async function quotesOf(
  options: LemonnClientOptions,
  account: AccountAtVenue,
  listings: { exchange: string; symbol: string }[],
): Promise<VenueRead<Quote[]>> {
  const quotes: Quote[] = [];
  const shape = z.object({ ltp: rowsOf(rowOf(options.dialect.quote, quoteRow)) });
  for (const exchange of new Set(listings.map((one) => one.exchange))) {
    const list = new Map(Object.entries(options.dialect.ltpLists)).get(exchange);
    if (list === undefined) return { kind: 'unreadable', reason: `ltp_list_not_configured: ${exchange}` };
    const symbols = listings.filter((one) => one.exchange === exchange).map(({ symbol }) => symbol);
    const request = { method: 'POST', path: '/market-data/ltp', json: { [list]: symbols } } as const;
    const answer = readAs(await callLemonn(options, account, request), shape);
    if (answer.kind !== 'read') return answer;
    const wanted = answer.value.ltp.read.filter(({ symbol }) => symbols.includes(symbol));
    quotes.push(...wanted.flatMap((row) => quoteOf(exchange, row) ?? []));
  }
  return { kind: 'read', value: quotes };
}

/** The time is of when the price stood: without one there is no price. */
function quoteOf(exchange: string, { symbol, price, at }: z.infer<typeof quoteRow>): Quote | null {
  const atMs = timeMs(at ?? '');
  const priceMinor = paise(price, 'nearest');
  if (atMs === null || priceMinor <= 0) return null;
  const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
  return { exchange, symbol, priceMinor, ...unknown, atMs };
}
