// Shapes of what the database answers about runs, accounts, orders and messages.
import { z } from 'zod';
import { denyReasons, skipReasons } from '../../domain/decision/decision.ts';
import { corporateActionKinds } from '../../domain/market/corporate-actions.ts';
import { languages } from '../../domain/messages/en.ts';
import { orderStatuses } from '../../domain/order.ts';
import { dayTrades } from './day-trades.ts';

// The shapes of what the database answers. Money is an integer in the minor unit; a JSON number holds it exactly
// up to 2^53, which zod's int() checks.

export const minor = z.int();
export const side = z.enum(['BUY', 'SELL']);
export const mode = z.enum(['paper', 'live']);
export const status = z.enum(orderStatuses);
export const outcome = z.enum(['accepted', 'skipped', 'denied']);
export const reason = z.enum([...skipReasons, ...denyReasons]).nullable();
export const language = z.enum(languages);
export const channel = z.enum(['whatsapp', 'sms']);
const listing = z.object({ exchange: z.string(), symbol: z.string() });
export const messageStatus = z.enum(['queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'suppressed']);
export const runState = z.enum(['planning', 'decided', 'done']);

const signal = z.object({
  id: z.string(),
  tradeDate: z.string(),
  rank: z.int(),
  strategy: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  side,
  referencePriceMinor: minor,
  stopLossMinor: minor.nullable(),
  targetMinor: minor.nullable(),
  validUntilMs: z.int().nullable(),
});

export const instrument = z.object({
  exchange: z.string(),
  symbol: z.string(),
  isin: z.string().nullable(),
  name: z.string(),
  tickMinor: minor,
  lotSize: z.int(),
  freezeQuantity: z.int().nullable(),
  fno: z.boolean(),
  restricted: z.string().nullable(),
});

const quote = z.object({
  exchange: z.string(),
  symbol: z.string(),
  priceMinor: minor,
  previousCloseMinor: minor.nullable(),
  lowerCircuitMinor: minor.nullable(),
  upperCircuitMinor: minor.nullable(),
  atMs: z.int(),
});

export const storedPrices = z.object({
  any: z.boolean(),
  prices: z.array(listing.extend({ priceMinor: minor, previousCloseMinor: minor.nullable() })),
});

export const corporateAction = z.object({
  exchange: z.string(),
  symbol: z.string(),
  exDate: z.string(),
  kind: z.enum(corporateActionKinds),
  ratio: z.string().nullable(),
});

export const rate = z.object({
  id: z.int(),
  product: z.enum(['delivery', 'mtf']),
  side,
  transactionTaxPpb: z.int(),
  exchangePpb: z.int(),
  regulatorPpb: z.int(),
  stampPpb: z.int(),
  brokeragePpb: z.int(),
  brokerageCapMinor: minor,
  gstBps: z.int(),
});

/** Written only where it says something. */
export const pricesFrom = z.literal('signal');

const limits = z.object({
  priceBandBps: z.int(),
  limitBandBps: z.int().optional(),
  protectionBps: z.int(),
  minOrderValueMinor: minor,
  maxOrderValueMinor: minor.nullable(),
  symbolCapMinor: minor.nullable(),
  quoteMaxAgeMs: z.int(),
  pricesFrom: pricesFrom.optional(),
});

export const inputs = z.object({
  users: z.int(),
  anySignals: z.boolean(),
  signals: z.array(signal),
  instruments: z.array(instrument),
  /** Whether an instruments file was ever imported: from then on what is not in one is unknown. */
  instrumentsKnown: z.boolean(),
  held: z.array(listing),
  rates: z.array(rate),
  corporateActions: z.array(corporateAction),
  symbolExposure: z.record(z.string(), minor),
  halted: z.string().nullable(),
  runState: runState.nullable(),
});

export const run = z.object({
  runId: z.string(),
  sessionId: z.string(),
  tradeDate: z.string(),
  mode,
  state: runState,
  limits,
  planHash: z.string().nullable(),
  cutOffMs: z.int(),
  openedAtMs: z.int(),
  doneAtMs: z.int().nullable(),
  users: z.int(),
  undecided: z.int(),
  halted: z.string().nullable(),
  instrumentsKnown: z.boolean(),
  rates: z.array(rate),
  corporateActions: z.array(corporateAction),
  symbolExposure: z.record(z.string(), minor),
  signals: z.array(z.object({ signal, instrument: instrument.nullable(), share: z.string(), sendBeforeMs: z.int() })),
  quotes: z.array(quote),
});

export const queuedAccount = z.object({
  queuePosition: z.int(),
  accountId: z.int().nullable(),
  settings: z.object({
    id: z.string(),
    name: z.string(),
    whatsapp: z.string().nullable(),
    capitalMinor: minor,
    allocationBps: z.int(),
    leverageCenti: z.int(),
    maxOpenPositions: z.int().nullable(),
    dailyLossLimitBps: z.int().nullable(),
    maxOrdersPerDay: z.int().nullable(),
    maxOrderValueMinor: minor.nullable(),
    priority: z.int(),
    venue: z.string(),
  }),
  active: z.boolean(),
  tradingEnabled: z.boolean(),
  strategies: z.array(z.string()).nullable(),
  allowSymbols: z.array(z.string()).nullable(),
  denySymbols: z.array(z.string()),
  notReady: z.string().nullable(),
  halted: z.string().nullable(),
  availableMinor: minor,
  today: dayTrades,
  ordersToday: z.int(),
  positions: z.array(listing.extend({ share: z.string(), product: z.enum(['delivery', 'mtf']), quantity: z.int() })),
  working: z.array(listing.extend({ share: z.string(), side })),
  decidedSignalIds: z.array(z.string()),
});

export const order = z.object({
  orderId: z.int(),
  clientOrderId: z.string(),
  runId: z.string(),
  signalId: z.string().nullable(),
  userId: z.string(),
  accountId: z.int(),
  venue: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  side,
  quantity: z.int(),
  limitPriceMinor: minor,
  product: z.enum(['delivery', 'mtf']),
  status,
  sendBeforeMs: z.int(),
  attempts: z.int(),
  lookups: z.int(),
  venueOrderId: z.string().nullable(),
  filledQuantity: z.int(),
  submittedAtMs: z.int().nullable(),
});

export const dueMessage = z.object({
  messageId: z.int(),
  /** null: a login reminder. */
  runId: z.string().nullable(),
  userId: z.string(),
  kind: z.string(),
  userName: z.string(),
  whatsapp: z.string().nullable(),
  /** Why it is not to go at all; null: it may. */
  silenced: z.string().nullable(),
  language,
  channel,
  attempt: z.int(),
  /** They wrote within the last 24 hours: free text may go. */
  windowOpen: z.boolean(),
  dueMs: z.int(),
  contentHash: z.string(),
  tradeDate: z.string(),
  mode,
  /** `signal`: no prices were given, and each signal's own stood for one. */
  pricesFrom: pricesFrom.nullable(),
  /** Which login is missing, and until when it can be made and the message may go; null: it is about a run. */
  login: z.object({ accountId: z.int(), venue: z.string(), beforeMs: z.int() }).nullable(),
  lines: z.array(
    z.object({
      symbol: z.string(),
      side,
      outcome,
      reason,
      limit: z.string().nullable(),
      actual: z.string().nullable(),
      status: status.nullable(),
      orderReason: z.string().nullable(),
      message: z.string().nullable(),
      quantity: z.int().nullable(),
      filledQuantity: z.int().nullable(),
      filledValueMinor: minor.nullable(),
      limitPriceMinor: minor.nullable(),
      marginMinor: minor.nullable(),
      chargesMinor: minor.nullable(),
      /** What its strategy watches it by; a message of single orders says none. */
      stopLossMinor: minor.nullish(),
      targetMinor: minor.nullish(),
      /** Of a sale: what its fills brought beyond what was paid, before charges. */
      realisedMinor: minor.nullable(),
      /** Of a message of single orders: whether the user placed it, and with which key, by its label or hint. */
      placedBy: z.object({ own: z.boolean(), key: z.string().nullable() }).optional(),
    }),
  ),
  /** Cash of the account that is not set aside, as it is now; null: it is about no run. */
  availableMinor: minor.nullable(),
});

const venueReport = z.object({
  venueOrderId: z.string(),
  status: z.enum(['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired']),
  message: z.string().nullable(),
  fills: z.array(z.object({ venueFillId: z.string(), quantity: z.int(), priceMinor: minor, atMs: z.int() })),
});

export const paperAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('acknowledged'), report: venueReport }),
  z.object({ kind: z.literal('rejected'), report: venueReport }),
  z.object({ kind: z.literal('duplicate') }),
  z.object({ kind: z.enum(['silence', 'garbage']) }),
]);

export const paperLookup = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('found'), report: venueReport }),
  z.object({ kind: z.literal('missing') }),
]);

export const resolved = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('resolved'), clientOrderId: z.string(), status }),
  z.object({ kind: z.literal('no_such_order') }),
  z.object({ kind: z.literal('still_looked_up') }),
  z.object({ kind: z.literal('not_unknown'), status }),
  z.object({ kind: z.literal('wrong_quantity'), quantity: z.int(), filledQuantity: z.int() }),
  /** Beyond the order's limit. */
  z.object({ kind: z.literal('wrong_price'), side, limitPriceMinor: minor }),
]);
