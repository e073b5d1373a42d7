// The made-up venue as a venue of the port: orders, lookups, and what is read of an account.
import { z } from 'zod';
import { inTime } from '../../../src/adapters/venues/http.ts';
import { INR } from '../../../src/domain/currency.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import type {
  AccountAtVenue,
  OrderToSend,
  SubmitOutcome,
  Venue,
  VenueAccountApi,
  VenueCapabilities,
  VenueRead,
  VenueReport,
} from '../../../src/ports/venue.ts';
import { ask, type MadeUpOptions, type MadeUpReply, readAs } from './client.ts';

const capabilities: VenueCapabilities = {
  refusesDuplicates: true,
  missIsProof: false,
  rates: { account: { perSecond: 5, perMinute: 100, perDay: 1000 }, venue: null },
  quotes: { everyMs: 0, atOnce: 10 },
  dealing: {
    lookup: 'by_id',
    afterMarketOrders: false,
    marketOrders: 'no',
    products: ['delivery'],
    staticIp: false,
    tagLength: 20,
  },
};

const taken = z.object({ id: z.string() });
const fill = z.object({ id: z.string(), quantity: z.int(), priceMinor: z.int(), atMs: z.int() });
const orderShape = z.object({ id: z.string(), tag: z.string(), state: z.enum(['open', 'done']), fills: z.array(fill) });
const prices = z.array(z.object({ exchange: z.string(), symbol: z.string(), priceMinor: z.int(), atMs: z.int() }));
const money = z.object({ cashMinor: z.int() });

export function madeUpVenue(options: MadeUpOptions): Venue {
  return {
    name: 'made-up',
    capabilities,
    async submit(order) {
      const { clientOrderId: tag, symbol, side, quantity, limitPriceMinor } = order;
      const json = { tag, market: options.market, symbol, side, quantity, limit: formatMinor(limitPriceMinor, INR) };
      const request = { method: 'POST', path: '/orders', json, mayLeave: inTime(options.clock, order) } as const;
      return outcomeOf(await ask(options, order, request));
    },
    async lookup(order) {
      const reply = await ask(options, order, { method: 'GET', path: `/orders/${order.clientOrderId}` });
      if (reply.kind === 'error' && reply.status === 404) return { kind: 'missing' };
      const found = readAs(reply, orderShape);
      if (found.kind !== 'read') return { kind: 'unreadable', reason: found.reason };
      return { kind: 'found', report: reportOf(found.value) };
    },
    accountApi: accountReads(options),
  };
}

function outcomeOf(reply: MadeUpReply): SubmitOutcome {
  switch (reply.kind) {
    case 'data': {
      const read = taken.safeParse(reply.data);
      if (!read.success) return { kind: 'unknown', reason: 'unreadable_answer' };
      return {
        kind: 'acknowledged',
        report: { venueOrderId: read.data.id, status: 'working', fills: [], message: null },
      };
    }
    case 'error':
      return reply.status === 422
        ? { kind: 'rejected', message: reply.message }
        : { kind: 'unknown', reason: reply.message };
    case 'odd':
      return { kind: 'unknown', reason: reply.reason };
    case 'not_sent':
      return reply;
    case 'no_session':
    case 'rate_limited':
      return { kind: 'not_sent', reason: reply.kind };
  }
}

function reportOf({ id, state, fills }: z.infer<typeof orderShape>): VenueReport {
  const status = state === 'done' ? 'filled' : fills.length > 0 ? 'partially_filled' : 'working';
  return {
    venueOrderId: id,
    status,
    fills: fills.map(({ id: venueFillId, ...rest }) => ({ venueFillId, ...rest })),
    message: null,
  };
}

function accountReads(options: MadeUpOptions): VenueAccountApi {
  const get = async <T>(account: AccountAtVenue, path: string, shape: z.ZodType<T>): Promise<VenueRead<T>> =>
    readAs(await ask(options, account, { method: 'GET', path }), shape);
  const nothing = async () => ({ kind: 'read' as const, value: { rows: [], odd: [] } });
  return {
    ordersToday: nothing,
    cancel: async () => ({ kind: 'unknown', reason: 'not_offered' }),
    async quotes(account, listings) {
      const read = await get(account, '/prices', prices);
      if (read.kind !== 'read') return read;
      const wanted = (one: { exchange: string; symbol: string }) =>
        listings.some(({ exchange, symbol }) => exchange === one.exchange && symbol === one.symbol);
      const value = read.value.filter(wanted).map(({ exchange, symbol, priceMinor, atMs }) => ({
        ...{ exchange, symbol, priceMinor, atMs },
        ...{ previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null },
      }));
      return { kind: 'read', value };
    },
    async margins(account, orders) {
      const read = await get(account, '/money', money);
      return read.kind === 'read' ? { kind: 'read', value: orders.map(marginOf) } : read;
    },
    async funds(account) {
      const read = await get(account, '/money', money);
      if (read.kind !== 'read') return read;
      const { cashMinor } = read.value;
      return { kind: 'read', value: { cashMinor, spendableMinor: cashMinor, blockedByOthersMinor: 0 } };
    },
    positions: nothing,
    async sessionStatus(account) {
      const read = await get(account, '/money', money);
      if (read.kind === 'no_session') return { kind: 'closed', reason: read.reason };
      return read.kind === 'read' ? { kind: 'open', untilMs: null } : read;
    },
  };
}

const marginOf = ({ quantity, limitPriceMinor }: OrderToSend) => ({
  marginMinor: quantity * limitPriceMinor,
  chargesMinor: null,
});
