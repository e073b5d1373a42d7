// Watches what a day’s processes say to venues and users, and compares it with our tables and the venues’ books.
import { isTerminal, type OrderStatus } from '../../../../src/domain/order.ts';
import { storableText } from '../../../../src/domain/text/text.ts';
import type { OrderToSend, SubmitOutcome } from '../../../../src/ports/venue.ts';
import type { MessageToSend } from '../../../../src/ports/world.ts';
import type { Snapshot } from '../../common/ground.ts';
import type { Booked, SimulatedVenue } from '../../common/venue.ts';
import { cutOffMs, type Plan } from '../plan.ts';
import { type RatesWatch, ratesOf } from './rates.ts';

/** A send not started within this time of its mark is abandoned (`execute.ts`); two clocks may be 3 s apart on top. */
const MARK_STANDS_MS = 5_000 + 3_000;

/** One request to place an order, from the moment its process lets go of it. */
export interface Sent {
  order: OrderToSend;
  venue: string;
  /** Under way until it has arrived or is dropped. */
  underWay: boolean;
  outcome: SubmitOutcome | { kind: 'thrown' } | null;
}

interface Standing {
  scope: 'all' | 'venue' | 'user';
  target: string;
  sinceMs: number;
}

/** Watches what is said to whom, and compares it with our tables and the venues' books. */
export interface Promises {
  /** What of the venues' budgets is used. */
  rates: Omit<RatesWatch, 'marked'>;
  /** What is broken, in the order it was found. */
  broken: string[];
  halted(standing: Standing): void;
  resumed(scope: string, target: string): void;
  standing(): readonly Standing[];
  /** A process is about to speak to a venue. */
  leaves(order: OrderToSend, venue: string, itsNowMs: number): Sent;
  /** A process has so many more, or fewer, orders of an account at venues, of at most `concurrency` in all. */
  occupies(worker: string, order: OrderToSend, change: 1 | -1, concurrency: number): void;
  /** The far end has marked these orders as being sent; a call repeated under the same `mark` counts once. */
  marked(mark: string, orderIds: readonly number[], laterNowMs: number): void;
  /** A venue has proven something by not finding an order. */
  missed(order: OrderToSend, venue: string): void;
  sends(message: MessageToSend, itsNowMs: number): void;
  died(worker: string, error: unknown): void;
  /** After every change of our tables. */
  check(now: Snapshot, brokenBooks: readonly string[]): void;
  /** When nothing is left to happen. */
  atRest(): void;
}

export interface PromisesOptions {
  plan: Plan;
  venues: ReadonlyMap<string, SimulatedVenue>;
  nowMs: () => number;
}

export function promisesOf({ plan, venues, nowMs }: PromisesOptions): Promises {
  const broken: string[] = [];
  const sent: Sent[] = [];
  const attempts = new Set<string>();
  const proofs = new Set<string>();
  const sentTo = new Map<number, number>();
  const statuses = new Map<number, OrderStatus>();
  let halts: Standing[] = [];
  let tables: Snapshot = { orders: [], fills: [], messages: [], runs: [], accounts: [], breakers: [] };
  const atOnce = new Map<string, number>();

  const breaks = (promise: string, what: string): void => {
    broken.push(`${promise}: ${what}`);
  };
  const rates = ratesOf({ venues, nowMs, breaks });
  const haltFor = (venue: string, userId: string): Standing | undefined =>
    halts.find(({ scope, target }) => target === { all: '', venue, user: userId }[scope]);
  const sendsOf = (clientOrderId: string) => sent.filter(({ order }) => order.clientOrderId === clientOrderId);
  const bookings = (clientOrderId: string): Booked[] =>
    [...venues.values()].flatMap(({ book }) => book.filter(({ order }) => order.clientOrderId === clientOrderId));

  const checkSend = (order: OrderToSend, venue: string, itsNowMs: number): void => {
    const row = tables.orders.find(({ clientOrderId }) => clientOrderId === order.clientOrderId);
    const name = order.clientOrderId;
    if (!row) {
      breaks('write first', `${venue} hears of ${name}, which is not in our table`);
      return;
    }
    const same = row.accountId === order.accountId && row.symbol === order.symbol && row.quantity === order.quantity;
    if (!same || row.venue !== venue) breaks('write first', `${venue} hears of another ${name} than our table has`);
    if (row.status !== 'submitting' && row.status !== 'unknown') {
      breaks('write first', `${name} is sent while our table says ${row.status}`);
    }
    const earlier = sendsOf(name).filter(({ outcome }) => outcome?.kind !== 'not_sent');
    const refuses = venues.get(venue)?.plan.capabilities.refusesDuplicates === true;
    if (row.status === 'unknown' && !refuses) breaks('unknown is not failed', `${name} is unknown and asked again`);
    if (earlier.length > 0 && !refuses) breaks('unknown is not failed', `${name} is sent again`);
    if (itsNowMs >= row.sendBeforeMs + MARK_STANDS_MS) breaks('send before', `${name} is sent too late`);
    const halt = haltFor(venue, row.userId);
    if (halt && nowMs() - halt.sinceMs > MARK_STANDS_MS) breaks('the switch', `${name} is sent during a halt`);
  };

  /** An order ends only by what its venue says, or where nothing ever went there. */
  const checkEnd = ({ clientOrderId: name, status, quantity, id }: Snapshot['orders'][number]): void => {
    const sends = sendsOf(name);
    const [booked] = bookings(name);
    const filled = sumOf(tables.fills.filter(({ orderId }) => orderId === id));
    if (status === 'filled' && filled < quantity) breaks('unknown is not failed', `${name} is filled with ${filled}`);
    if (sends.length === 0 && (status === 'rejected' || status === 'filled')) {
      breaks('unknown is not failed', `${name} was never sent and is ${status}`);
      return;
    }
    if (booked) {
      const truth = booked.life.findLast(({ fromMs }) => fromMs <= nowMs())?.status ?? 'working';
      const open = truth === 'working' || truth === 'partially_filled';
      const whole = truth === 'filled' && status !== 'filled';
      const refused = status === 'rejected' && truth !== 'rejected';
      if ((open && filled < quantity) || whole || refused)
        breaks('unknown is not failed', `${name} is ${status}, at its venue it is ${truth}`);
      return;
    }
    if (sends.some(({ underWay }) => underWay)) breaks('unknown is not failed', `${name} ends while it is under way`);
    if (sends.some(({ outcome }) => outcome?.kind !== 'not_sent') && !proofs.has(name)) {
      breaks('unknown is not failed', `${name} is ${status} and nobody has proven it`);
    }
  };

  const checkOrders = (): void => {
    for (const row of tables.orders) {
      const before = statuses.get(row.id);
      statuses.set(row.id, row.status);
      if (before === row.status) continue;
      if (before && isTerminal(before)) breaks('terminal', `${row.clientOrderId} went from ${before} to ${row.status}`);
      if (!before && row.createdAtMs >= cutOffMs) breaks('cut-off', `${row.clientOrderId} was decided after it`);
      if (isTerminal(row.status)) checkEnd(row);
    }
  };

  const checkBooks = (): void => {
    const found = new Set<string>();
    for (const { plan: venue, book } of venues.values()) {
      for (const { order, life } of book) {
        if (life[0]?.status === 'rejected') continue;
        const key = `${order.accountId} ${order.symbol} ${order.side}`;
        if (found.has(key)) breaks('one order per signal and account', `${venue.name} has two orders for ${key}`);
        found.add(key);
      }
    }
  };

  const checkFills = (): void => {
    for (const fill of tables.fills) {
      const order = tables.orders.find(({ id }) => id === fill.orderId);
      const booked = order ? bookings(order.clientOrderId) : [];
      const fills = booked.flatMap((one) => one.fills);
      const real = fills.find(({ venueFillId }) => storableText(venueFillId) === fill.venueFillId);
      if (!real || real.quantity !== fill.quantity || real.priceMinor !== fill.priceMinor) {
        breaks('fills', `${fill.venueFillId} is not what the venue filled`);
      }
      if (!Number.isSafeInteger(fill.quantity * fill.priceMinor)) {
        breaks('fills', `${fill.venueFillId} is worth more than a number can tell exactly`);
      }
    }
  };

  const checkCaps = (): void => {
    const { symbolCapMinor } = plan.limits;
    if (symbolCapMinor === null) return;
    for (const { symbol } of plan.signals) {
      const bought = tables.orders.filter((order) => order.symbol === symbol && order.side === 'BUY');
      const usedMinor = bought.reduce((sum, order) => sum + order.quantity * order.decisionPriceMinor, 0);
      if (usedMinor > symbolCapMinor) breaks('limits', `${symbol} is accepted for ${usedMinor}`);
    }
  };

  /** What stops others than an account's own orders is open only where so many accounts were in trouble. */
  const checkBreakers = (): void => {
    for (const { venue, signalId, troubledAccounts } of tables.breakers) {
      if (troubledAccounts < plan.limits.breakerMinAccounts) {
        breaks('fair shares', `${venue} ${signalId} is stopped, and only ${troubledAccounts} accounts are in trouble`);
      }
    }
  };

  /** Venue and tables agree where the venue has told its last word; nothing is left for nobody. */
  const settledAt = (row: Snapshot['orders'][number]): void => {
    const open = !isTerminal(row.status);
    const handedOver = ['unknown', 'working', 'partially_filled'].includes(row.status) && row.nextLookupMs === null;
    if (open && !handedOver) breaks('at rest', `${row.clientOrderId} is still ${row.status}`);
    if (row.status === 'unknown') return;
    // Its venue counts lookups with orders, and the day's budget was spent: nobody could ask it before a person had to.
    if (handedOver && rates.wasSpent(row)) return;
    const real = bookings(row.clientOrderId).flatMap(({ fills }) => fills);
    const ours = tables.fills.filter(({ orderId }) => orderId === row.id);
    if (sumOf(real) !== sumOf(ours)) {
      breaks('fills', `${row.clientOrderId} (${row.status}) filled ${sumOf(real)} at its venue, ${sumOf(ours)} here`);
    }
  };

  return {
    broken,
    rates,
    halted: (standing) => halts.push(standing),
    resumed(scope, target) {
      halts = halts.filter((one) => one.scope !== scope || one.target !== target);
    },
    standing: () => halts,
    leaves(order, venue, itsNowMs) {
      checkSend(order, venue, itsNowMs);
      const one: Sent = { order, venue, underWay: true, outcome: null };
      sent.push(one);
      return one;
    },
    occupies(worker, { accountId, clientOrderId }, change, concurrency) {
      const key = `${worker} ${accountId}`;
      const now = (atOnce.get(key) ?? 0) + change;
      atOnce.set(key, now);
      if (now > Math.max(1, Math.min(5, Math.ceil(concurrency / 2)))) {
        breaks('fair shares', `${clientOrderId} takes a slot of others in ${worker}: its account has ${now}`);
      }
    },
    marked(mark, orderIds, laterNowMs) {
      for (const id of orderIds) {
        const row = tables.orders.find((order) => order.id === id);
        if (!row) continue;
        if (haltFor(row.venue, row.userId)) breaks('the switch', `${row.clientOrderId} is marked during a halt`);
        if (laterNowMs >= row.sendBeforeMs) breaks('send before', `${row.clientOrderId} is marked too late`);
        const attempt = `${id} ${mark}`;
        if (!attempts.has(attempt)) rates.marked(row);
        attempts.add(attempt);
      }
    },
    missed({ clientOrderId }, venue) {
      if (venues.get(venue)?.plan.capabilities.missIsProof) proofs.add(clientOrderId);
    },
    sends({ messageId, text }, itsNowMs) {
      const row = tables.messages.find(({ id }) => id === messageId);
      sentTo.set(messageId, (sentTo.get(messageId) ?? 0) + 1);
      if ((sentTo.get(messageId) ?? 0) > 1) breaks('one summary', `message ${messageId} is sent twice`);
      if (row?.status !== 'sending' || row.text !== text) {
        breaks('one summary', `message ${messageId} is sent and our table says ${row?.status}`);
        return;
      }
      const waits = tables.orders.some(
        ({ userId, status }) => userId === row.userId && ['queued', 'submitting'].includes(status),
      );
      if (waits && itsNowMs < row.dueMs) breaks('one summary', `message ${messageId} is sent before its orders ended`);
    },
    died(worker, error) {
      breaks('one failure stays one', `${worker} died of ${error instanceof Error ? error.stack : String(error)}`);
    },
    check(now, brokenBooks) {
      tables = now;
      for (const { order, outcome } of sent) if (outcome?.kind === 'rejected') proofs.add(order.clientOrderId);
      for (const what of brokenBooks) breaks('money adds up', what);
      checkOrders();
      checkBooks();
      checkFills();
      checkCaps();
      checkBreakers();
    },
    atRest() {
      for (const row of tables.orders) settledAt(row);
      for (const { id, status } of tables.messages) {
        if (status === 'queued' || status === 'sending') breaks('at rest', `message ${id} is still ${status}`);
      }
      for (const { id, state } of tables.runs) if (state !== 'done') breaks('at rest', `run ${id} is still ${state}`);
    },
  };
}

function sumOf(fills: readonly { quantity: number }[]): number {
  return fills.reduce((sum, { quantity }) => sum + quantity, 0);
}
