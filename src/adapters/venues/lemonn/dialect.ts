// What nobody has confirmed of Lemonn’s wire format, as configuration.
import { z } from 'zod';
import { MAX_SHARES, venueId } from '../bounds.ts';

/** PLACED and PENDING were seen; of the others only the plain ones are here. A filled one has to have its trades too. */
const statuses: Readonly<Record<string, 'working' | 'filled' | 'rejected' | 'canceled' | 'expired'>> = {
  PLACED: 'working',
  PENDING: 'working',
  OPEN: 'working',
  PARTIALLY_FILLED: 'working',
  FILLED: 'filled',
  EXECUTED: 'filled',
  COMPLETE: 'filled',
  COMPLETED: 'filled',
  TRADED: 'filled',
  REJECTED: 'rejected',
  CANCELLED: 'canceled',
  CANCELED: 'canceled',
  EXPIRED: 'expired',
};

/**
 * Everything about Lemonn's wire format that nobody outside Lemonn has confirmed. There is no public reference:
 * what is known comes from other people's integrations (2025-11 to 2026-08), and they read little of the answers. The
 * names are guesses in Lemonn's style, but for `orderID`, `data.orders`, `data.trades`, `data.positions`,
 * `data.holdings`, `data.funds` and `approximateMargin`, which were seen. A wrong name never passes for an empty value:
 * the page is unreadable, and the reason says which name is missing and which ones are there, to be put here.
 */
export const lemonnDialect = z.strictObject({
  /** One row of `data.orders`. Whether the tag comes back at all is not known. */
  order: names({
    id: 'orderID',
    tag: 'tag',
    status: 'orderStatus',
    exchange: 'exchangeSegment',
    symbol: 'symbol',
    side: 'transactionType',
    quantity: 'quantity',
    filledQuantity: 'filledQuantity',
    message: 'rejectionReason',
  }),
  /** One row of `data.trades`. `at`: ISO with an offset, or `YYYY-MM-DD HH:MM:SS` of India. */
  trade: names({ id: 'tradeId', orderId: 'orderID', quantity: 'quantity', price: 'price', at: 'tradeTime' }),
  funds: names({ available: 'availableBalance', cash: 'cashBalance' }),
  holding: names({ exchange: 'exchangeSegment', symbol: 'symbol', quantity: 'quantity', averagePrice: 'averagePrice' }),
  position: names({
    exchange: 'exchangeSegment',
    symbol: 'symbol',
    product: 'productType',
    quantity: 'netQuantity',
    averagePrice: 'averagePrice',
  }),
  /** One row of `data.ltp`; without a time of its own a price is none. */
  quote: names({ symbol: 'symbol', price: 'lastTradedPrice', at: 'lastTradeTime' }),
  /** The words of an order's state. One that is not here makes the order unreadable: nobody guesses what it means. */
  statuses: z
    .record(z.string(), z.enum(['working', 'filled', 'rejected', 'canceled', 'expired']))
    .default({})
    .transform((configured) => ({ ...statuses, ...configured })),
  /** What margin-info is asked for an MTF order: it is said to refuse `MTF` itself. */
  marginProduct: z.string().default('MARGIN'),
  /** The list that names an exchange's shares to market-data/ltp (`{"NSE": "…"}`); not known, so there are no quotes. */
  ltpLists: z.record(z.string(), z.string()).default({}),
  /** Lemonn has confirmed that an order answered 429 or RATE_LIMIT_EXCEEDED was turned away: it may go again. */
  rateLimitIsRefusal: z.boolean().default(false),
});

export type LemonnDialect = z.infer<typeof lemonnDialect>;

/** The field names of a row, each with its default; any of them can be given alone. */
function names<Name extends string>(defaults: Record<Name, string>) {
  return z
    .partialRecord(z.literal(keysOf(defaults)), z.string().min(1))
    .default({})
    .transform((configured): Record<Name, string> => ({ ...defaults, ...configured }));
}

function keysOf<Name extends string>(of: Record<Name, string>): Name[] {
  return Object.keys(of).filter((key): key is Name => key in of);
}

/**
 * Reads a row by the dialect's names, as an object with ours. What is missing or of another kind is named, with the
 * names the row has.
 */
export function rowOf<T>(named: Record<string, string>, shape: z.ZodType<T>) {
  return z.record(z.string(), z.unknown()).transform((row, context): T => {
    const fields = new Map(Object.entries(row));
    const renamed = Object.fromEntries(Object.entries(named).map(([name, theirs]) => [name, fields.get(theirs)]));
    const read = shape.safeParse(renamed);
    if (read.success) return read.data;
    const wrong = [...new Set(read.error.issues.map(({ path }) => named[String(path[0])] ?? String(path[0])))];
    const message = `no usable ${wrong.join(', ')} among ${Object.keys(row).join(', ')}`;
    context.issues.push({ code: 'custom', message, input: row });
    return z.NEVER;
  });
}

/** A whole number, written as one or as a string of digits. */
export const quantity = z
  .union([z.int(), z.string().regex(/^-?\d{1,12}$/)])
  .transform(Number)
  .pipe(z.int().min(-MAX_SHARES).max(MAX_SHARES));

/** Rupees, written as a number or as a plain decimal. */
export const rupees = z
  .union([z.number(), z.string().regex(/^-?\d{1,12}(\.\d{1,12})?$/)])
  .transform(Number)
  .pipe(z.number().min(-1e10).max(1e10));

/** An id, written as a string or as a whole number. */
export const id = z.union([venueId, z.int().transform(String)]);
