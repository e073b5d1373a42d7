// Random outcomes of orders, drawn from a seed: accounts that hold something, orders at the venue, and what it says of them.
import type { Settlement } from '../../../src/ports/store/orders.ts';
import type { Arguments, Store } from '../../../src/ports/store/store.ts';
import { type Chance, chanceOf } from '../../simulation/common/chance.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { decideAll, openTestRun, settlement, take } from './test-run.ts';

export type Batch = Arguments['settle_orders'];

/** An order as it is before a batch. */
export interface OrderBefore {
  orderId: number;
  status: string;
  side: string;
  quantity: number;
  filled: number;
  attempts: number;
}

const symbols = ['TITAN', 'INFY', 'SBIN', 'ITC'] as const;

/** Orders of some accounts at the venue: buys, and sales of what they hold. Some have more money than they need. */
export async function drawnOrders(store: Store, chance: Chance): Promise<void> {
  const users = Array.from({ length: chance.between(1, 4) }, (_, n) =>
    user(`user-${n}`, { capitalMinor: 1_00_000_00, leverageCenti: chance.pick([100, 100, 333, 500]) }),
  );
  const sides = symbols.map((symbol) => ({ symbol, side: chance.weighted({ BUY: 3, SELL: 2 }) }));
  const signals = sides.map(({ symbol, side }, index) => signal(symbol, { side, rank: index + 1 }));
  const testRun = await openTestRun(store, { users, signals });
  const holdings = users.flatMap(({ id: userId }) =>
    sides
      .filter(({ side }) => side === 'SELL')
      .map(({ symbol }) => ({
        ...{ userId, venue: 'paper', mode: 'paper' as const, exchange: 'NSE', symbol, tradeDate },
        ...{
          quantity: chance.pick([10, 13, 40]),
          priceMinor: chance.pick([90_07, 110_00]),
          reference: `had-${symbol}`,
        },
      })),
  );
  await store.call('import_holdings', { holdings, nowMs: nowMs - 3_600_000 });
  await decideAll(testRun, { quantity: 10 });
  await take(store, 'first');
}

type Fill = Settlement['fills'][number];

/** What a venue says next, with what it has said before. */
export class TalkingVenue {
  readonly #chance: Chance;
  readonly #reported = new Map<number, Fill[]>();
  #fills = 0;

  constructor(seed: number) {
    this.#chance = chanceOf(seed);
  }

  get chance(): Chance {
    return this.#chance;
  }

  /** A batch about some of the orders, ended ones seldom; now and then one is named twice. */
  batch(orders: readonly OrderBefore[], round: number): Batch {
    const chance = this.#chance;
    const isOpen = ({ status }: OrderBefore) => !['filled', 'rejected', 'canceled', 'expired'].includes(status);
    const chosen = orders.filter((order) => chance.happens(isOpen(order) ? 0.7 : 0.06));
    const outcomes = chosen.map((order) => this.#outcome(order, round));
    const twice = chosen.slice(0, chance.happens(0.04) ? 1 : 0).map((order) => this.#outcome(order, round));
    return { outcomes: [...outcomes, ...twice], nowMs: nowMs + round * 10_000, skipLocked: chance.happens(0.5) };
  }

  #outcome(order: OrderBefore, round: number): Settlement {
    const chance = this.#chance;
    const status = chance.weighted({
      ...{ filled: 9, partially_filled: 3, working: 3, unknown: 2, rejected: 2, canceled: 1, expired: 1, queued: 2 },
    });
    const fills = status === 'unknown' || status === 'queued' ? [] : this.#fillsOf(order, status, round);
    // What is read in a venue's book is a fact at any time, and names no attempt.
    const isOfAttempt = fills.length === 0 && chance.happens(0.8);
    const attempts = order.attempts - (chance.happens(0.04) ? 1 : 0);
    const asks = status === 'unknown' || status === 'working' || status === 'partially_filled';
    return settlement(order.orderId, status, {
      ...(isOfAttempt ? { attempts } : {}),
      reason: chance.pick([null, `venue_${status}`, 'waiting_for_rate']),
      message: chance.pick([null, 'in full words']),
      venueOrderId: status !== 'unknown' && chance.happens(0.8) ? `V${order.orderId}` : null,
      nextLookupMs: asks && chance.happens(0.9) ? nowMs + round * 10_000 + 2_000 : null,
      nextAttemptMs: status === 'queued' && chance.happens(0.5) ? nowMs + round * 10_000 : null,
      fills,
    });
  }

  #fillsOf(order: OrderBefore, status: string, round: number): Fill[] {
    const chance = this.#chance;
    const before = this.#reported.get(order.orderId) ?? [];
    const left = order.quantity - before.reduce((sum, one) => sum + one.quantity, 0);
    const most = status === 'filled' && chance.happens(0.9) ? left : chance.between(0, Math.max(left, 0));
    // Seldom more than was ordered, or beyond its limit.
    const more = chance.happens(0.02) ? most + 3 : most;
    const parts = more > 1 && chance.happens(0.3) ? [1, more - 1] : [more];
    const fresh = parts.filter((quantity) => quantity > 0).map((quantity) => this.#fill(order, quantity, round));
    this.#reported.set(order.orderId, [...before, ...fresh]);
    return chance.happens(0.5) ? [...before, ...fresh] : fresh;
  }

  #fill({ side }: OrderBefore, quantity: number, round: number): Fill {
    const chance = this.#chance;
    this.#fills += 1;
    const beyond = side === 'BUY' ? 100_51 : 99_49;
    return {
      venueFillId: `F${(this.#fills * 7) % 10}-${this.#fills}`,
      quantity,
      priceMinor: chance.happens(0.02) ? beyond : chance.pick([100_00, 99_83, 100_17]),
      // Seldom of before what was told in an earlier round.
      atMs: nowMs + (chance.happens(0.04) ? 0 : round) * 10_000 + chance.below(3) * 1_000,
    };
  }
}
