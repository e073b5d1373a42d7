// Reads the request for a single order, and says every field that is wrong.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { z } from 'zod';
import type { OrderAsRequested } from '../../domain/decision/single-order.ts';
import { digitsText, mostPriceDigits, parsePrice, priceRule } from '../../domain/market/price.ts';
import { possibleSymbols, symbolReader } from '../../domain/market/symbols.ts';
import { parseMinor } from '../../domain/money.ts';
import { parseJson } from '../../domain/text/json.ts';
import { cut } from '../../domain/text/text.ts';
import type { Store } from '../../ports/store/store.ts';
import type { OrderRequest } from '../../stages/accept/order-inputs.ts';
import type { HttpEnv } from '../callers/auth.ts';
import { actorOf, type Caller } from '../deps.ts';
import type { Problem } from '../problem.ts';
import { exchange } from './exchange.ts';

const decimal = z.union([z.string(), z.number().transform(String)]).transform((text, context) => {
  const value = parseMinor(text, { minorDigits: mostPriceDigits });
  if (value !== null && value > 0) return text;
  const message = `must be an amount above 0 with at most ${digitsText(mostPriceDigits)} decimals`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const body = z
  .strictObject({
    symbol: z.string().max(60, 'is no symbol: it has more than 60 characters'),
    exchange,
    side: z.enum(['BUY', 'SELL'], { error: 'must be BUY or SELL' }),
    quantity: z.int('must be a whole number').min(1, 'must be at least 1').max(100_000_000).optional(),
    orderType: z.enum(['LIMIT', 'MARKET'], { error: 'must be LIMIT or MARKET' }).optional(),
    limitPrice: decimal.optional(),
    userId: z
      .string()
      .regex(/^[^\p{C}]{1,200}$/u, 'must be 1 to 200 printable characters')
      .optional(),
  })
  .refine(({ orderType, limitPrice }) => orderType !== 'LIMIT' || limitPrice !== undefined, {
    path: ['limitPrice'],
    message: 'is needed for a LIMIT order',
  })
  .refine(({ orderType, limitPrice }) => orderType !== 'MARKET' || limitPrice === undefined, {
    path: ['limitPrice'],
    message: 'is for LIMIT orders: a MARKET order goes at the price plus protection',
  });

/** The request of `POST /api/trading/orders`, or what is wrong with it. */
export async function readRequest(
  c: Context<HttpEnv>,
  store: Store,
): Promise<{ request: OrderRequest } | { problem: Problem }> {
  const key = c.req.header('Idempotency-Key')?.trim() ?? '';
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) return { problem: noKey };
  const parsed = body.safeParse(parseJson(await c.req.text()));
  if (!parsed.success) return { problem: badBody(parsed.error) };
  const { exchange, side, quantity = null, limitPrice = null, userId } = parsed.data;
  const limitPriceMinor = limitPrice === null ? null : parsePrice(limitPrice, exchange);
  if (limitPriceMinor === null && limitPrice !== null) {
    return { problem: invalid([{ field: 'limitPrice', message: priceRule(exchange) }]) };
  }
  const named = await symbolOf(parsed.data.symbol, exchange, store);
  if ('status' in named) return { problem: named };
  const { symbol } = named;
  const whose = whoseOrder(c.get('caller'), userId);
  if (typeof whose !== 'string') return { problem: whose };
  const order: OrderAsRequested = { userId: whose, exchange, symbol, side, quantity, limitPriceMinor };
  const bodyHash = createHash('sha256').update(JSON.stringify(order), 'utf8').digest('hex');
  // All keys and logins of a user are that user: a request repeated under another one is the same.
  const { role, principal, apiKey } = c.get('caller');
  const sender = role === 'user' ? { principal: `user:${whose}`, by: null } : { principal, by: actorOf({ principal }) };
  return { request: { ...sender, key, bodyHash, apiKey, order } };
}

/** The symbol as the exchange has it. One that is written so is not looked up: this is the way every order goes. */
async function symbolOf(text: string, exchange: string, store: Store): Promise<{ symbol: string } | Problem> {
  const plain = symbolReader([])(text, exchange);
  if ('value' in plain && plain.value === text) return { symbol: text };
  const match = symbolReader(await store.call('read_listings', { symbols: possibleSymbols(text) }))(text, exchange);
  if ('value' in match) return { symbol: match.value };
  return invalid([{ field: 'symbol', message: match.reason }]);
}

const noKey: Problem = {
  status: 400,
  code: 'idempotency_key_required',
  detail:
    'Send an Idempotency-Key header of 1 to 200 visible characters: a request that is repeated places nothing twice.',
};

/** What is wrong with a field is said in so many characters: a name nobody knows may be as long as the body. */
const MAX_DETAIL_LENGTH = 300;

/** 400 with every field that is wrong. */
export function badBody(error: z.ZodError): Problem {
  const errors = error.issues.map(({ path, message }) => {
    return { field: cut(path.join('.'), MAX_DETAIL_LENGTH), message: cut(message, MAX_DETAIL_LENGTH) };
  });
  return invalid(errors);
}

function invalid(errors: { field: string; message: string }[]): Problem {
  const messages = errors.map(({ field, message }) => (field === '' ? message : `${field} ${message}`));
  return { status: 400, code: 'invalid_body', detail: messages.join('; '), more: { errors } };
}

function whoseOrder(caller: Caller, requested: string | undefined): string | Problem {
  if (caller.role === 'operator') {
    if (requested !== undefined) return requested;
    return { status: 400, code: 'invalid_body', detail: 'userId is needed: an operator orders for somebody.' };
  }
  if (requested === undefined || requested === caller.userId) return caller.userId;
  return { status: 403, code: 'forbidden', detail: 'Users order for themselves only: leave userId out.' };
}
