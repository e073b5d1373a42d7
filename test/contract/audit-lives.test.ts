import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Settlement } from '../../src/ports/arguments.ts';
import type { Store } from '../../src/ports/store.ts';
import { differences } from '../support/audited.ts';
import { tester } from '../support/tester.ts';
import { acknowledgeShown } from './acknowledging.ts';
import { onEveryDatabase } from './ground.ts';
import { claim, decideAll, mark, nowMs, openScene, settle, settlement, signal, tradeDate, user } from './scene.ts';

type Fill = Settlement['fills'][number];

const anySymbol = fc.constantFrom('TITAN', 'INFY');
const anyFill = fc.record({
  quantity: fc.integer({ min: 1, max: 25 }),
  priceMinor: fc.integer({ min: 1, max: 200_00 }),
  // A few moments only, so that fills meet.
  atMs: fc.integer({ min: 0, max: 6 }).map((n) => nowMs + n * 1000),
});
const anyEnd = fc.constantFrom('working', 'canceled', 'canceled', 'filled', 'rejected', 'partially_filled', 'unknown');

const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      side: fc.constantFrom('BUY' as const, 'SELL' as const, 'SELL' as const),
      symbol: anySymbol,
      quantity: fc.integer({ min: 1, max: 12 }),
      /** Somebody has seen before what blocks the account. */
      seen: fc.boolean(),
      leverageCenti: fc.constantFrom(100, 200, 300, 333, 500),
      // Mostly one that no fill is beyond.
      beyond: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('tell' as const),
      // Counted from the youngest order.
      outcomes: fc.array(fc.record({ order: fc.nat(3), end: anyEnd, fills: fc.array(anyFill, { maxLength: 3 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('external' as const),
      symbol: anySymbol,
      quantity: fc.integer({ min: 1, max: 25 }),
      priceMinor: fc.integer({ min: 1, max: 200_00 }),
      atMs: fc.integer({ min: 0, max: 6 }).map((n) => nowMs + n * 1000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('cash' as const), amountMinor: fc.integer({ min: -500_00, max: 500_00 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), atMs: fc.constant(nowMs + 3000) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never;

/** One user's account, lived through the functions of the store. */
class Life {
  readonly #store: Store;
  readonly userId: string;
  readonly #orders: { orderId: number; told: Fill[] }[] = [];
  #count = 0;

  constructor(store: Store, userId: string) {
    this.#store = store;
    this.userId = userId;
  }

  async live(step: Step): Promise<void> {
    this.#count += 1;
    if (step.do === 'order') await this.#order(step);
    else if (step.do === 'tell') await this.#tell(step);
    else if (step.do === 'external') await this.#external(step);
    else if (step.do === 'cash') await this.#cash(step.amountMinor);
    else await this.#acknowledge(step.atMs);
  }

  async #acknowledge(atMs: number): Promise<void> {
    if (this.#orders.length === 0) return;
    await acknowledgeShown(this.#store, { userId: this.userId, venue: 'paper', mode: 'paper' }, atMs);
  }

  /** Refused where it may not be (already holding, blocked, nothing to sell): then there is none. */
  async #order({ side, symbol, quantity, seen, leverageCenti, beyond }: Step & { do: 'order' }): Promise<void> {
    if (seen) await this.#acknowledge(nowMs + 3000);
    const name = `${this.userId}-${this.#count}`;
    const limitPriceMinor = beyond ? 100_00 : side === 'BUY' ? 200_00 : 1;
    const of = signal(symbol, { side, strategy: name });
    const users = [user(this.userId, { leverageCenti, capitalMinor: 1_00_000_00 })];
    await decideAll(await openScene(this.#store, { runId: name, signals: [of], users }), { quantity, limitPriceMinor });
    const [order] = await claim(this.#store, name);
    if (!order) return;
    await mark(this.#store, name, [order.orderId]);
    this.#orders.push({ orderId: order.orderId, told: [] });
  }

  /** New fills, and now and then one that was told before. */
  async #tell({ outcomes }: Step & { do: 'tell' }): Promise<void> {
    const told = new Map<number, Settlement>();
    for (const { order, end, fills } of outcomes) {
      const of = this.#orders.at(-1 - order);
      if (!of) continue;
      // Nobody who does not know of an order tells its fills.
      const fresh = (end === 'unknown' ? [] : fills).map((one, n) => ({
        ...one,
        venueFillId: `${(of.told.length + n) % 10}-${of.told.length + n}`,
      }));
      of.told.push(...fresh);
      const known = end === 'unknown' ? [] : of.told.slice(0, order === 0 ? 1 : 0);
      told.set(
        of.orderId,
        settlement(of.orderId, end, { fills: [...known.filter((one) => !fresh.includes(one)), ...fresh] }),
      );
    }
    if (told.size > 0) await settle(this.#store, [...told.values()], nowMs + this.#count);
  }

  async #external({ symbol, quantity, priceMinor, atMs }: Step & { do: 'external' }): Promise<void> {
    const whose = { userId: this.userId, venue: 'paper', mode: 'paper' as const, exchange: 'NSE' };
    const holding = { ...whose, symbol, quantity, priceMinor, tradeDate, reference: `come-${this.#count}` };
    await this.#store.call('import_holdings', { holdings: [holding], nowMs: atMs });
  }

  async #cash(amountMinor: number): Promise<void> {
    if (amountMinor === 0) return;
    const what = {
      kind: amountMinor > 0 ? ('deposit' as const) : ('withdrawal' as const),
      amountMinor: Math.abs(amountMinor),
    };
    const asked = { userId: this.userId, venue: 'paper', ...what, reference: `cash-${this.#count}`, isNamed: true };
    await this.#store.call('move_cash', { by: { ...tester, why: 'a test' }, ...asked, nowMs: nowMs + this.#count });
  }
}

onEveryDatabase('the books of any life', ({ store }) => {
  let lives = 0;

  test('are what its facts come to, after every step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 4, maxLength: 18 }), async (steps) => {
        lives += 1;
        const life = new Life(store, `user-${lives}`);
        for (const step of steps) {
          await life.live(step);
          expect(await differences(store, life.userId)).toEqual([]);
        }
      }),
      { numRuns: 12 },
    );
  });
});
