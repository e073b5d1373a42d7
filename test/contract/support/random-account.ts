// One account that goes through random orders, fills, corrections and cash movements.
import fc from 'fast-check';
import type { Settlement } from '../../../src/ports/store/orders.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts } from './acknowledge-drifts.ts';
import { decideAll, openTestRun, settle, settlement, take } from './test-run.ts';

type Fill = Settlement['fills'][number];

const by = { ...tester, why: 'a test' };
const anySymbol = fc.constantFrom('TITAN', 'TITAN', 'INFY');
const anyQuantity = fc.integer({ min: 1, max: 25 });
const anyPrice = fc.integer({ min: 1, max: 200_00 });
// A few moments only, so that fills meet.
const anyMoment = fc.integer({ min: 0, max: 6 }).map((n) => nowMs + n * 1000);
const anyFill = fc.record({ quantity: anyQuantity, priceMinor: anyPrice, atMs: anyMoment });
const anyEnd = fc.constantFrom('working', 'canceled', 'canceled', 'canceled', 'filled', 'rejected', 'unknown');

const steps = {
  order: fc.record({
    do: fc.constant('order' as const),
    side: fc.constantFrom('BUY' as const, 'SELL' as const),
    symbol: anySymbol,
    quantity: fc.integer({ min: 1, max: 12 }),
    leverageCenti: fc.constantFrom(100, 200, 300, 333, 500),
    // Now and then fills are beyond it.
    isTight: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    // Somebody has seen before what blocks the account.
    isAcknowledged: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
  }),
  report: fc.record({
    do: fc.constant('report' as const),
    // Orders counted from the youngest.
    outcomes: fc.array(fc.record({ order: fc.nat(3), end: anyEnd, fills: fc.array(anyFill, { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  correct: fc.record({
    do: fc.constant('correct' as const),
    order: fc.nat(4),
    fill: fc.nat(5),
    quantity: fc.nat(8),
    priceMinor: fc.option(anyPrice),
  }),
  external: fc.record({
    do: fc.constant('external' as const),
    symbol: anySymbol,
    quantity: anyQuantity,
    priceMinor: anyPrice,
    atMs: anyMoment,
  }),
  cash: fc.record({ do: fc.constant('cash' as const), amountMinor: fc.integer({ min: -500_00, max: 500_00 }) }),
  acknowledge: fc.record({ do: fc.constant('acknowledge' as const), atMs: anyMoment }),
};

/** Something that happens to an account. */
export const anyStep = fc.oneof(
  { weight: 7, arbitrary: steps.order },
  { weight: 6, arbitrary: steps.report },
  { weight: 4, arbitrary: steps.correct },
  { weight: 1, arbitrary: steps.external },
  { weight: 1, arbitrary: steps.cash },
  { weight: 2, arbitrary: steps.acknowledge },
);
type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never;
type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

/** One user's account, lived through the functions of the store. What may not be done is refused, and changes nothing. */
export class RandomAccount {
  readonly #store: Store;
  readonly userId: string;
  readonly #orders: { orderId: number; clientOrderId: string; reported: Fill[] }[] = [];
  #count = 0;

  constructor(store: Store, userId: string) {
    this.#store = store;
    this.userId = userId;
  }

  async take(step: Step): Promise<void> {
    this.#count += 1;
    if (step.do === 'order') await this.#order(step);
    else if (step.do === 'report') await this.#report(step);
    else if (step.do === 'correct') await this.#correct(step);
    else if (step.do === 'external') await this.#external(step);
    else if (step.do === 'cash') await this.#cash(step);
    else await this.#acknowledge(step.atMs);
  }

  async #order({ side, symbol, quantity, leverageCenti, isTight, isAcknowledged }: StepOf<'order'>): Promise<void> {
    if (isAcknowledged) await this.#acknowledge(nowMs + 3000);
    const name = `${this.userId}-${this.#count}`;
    const limitPriceMinor = isTight ? 100_00 : side === 'BUY' ? 200_00 : 1;
    const of = signal(symbol, { side, strategy: name });
    const users = [user(this.userId, { leverageCenti, capitalMinor: 1_00_000_00 })];
    await decideAll(await openTestRun(this.#store, { runId: name, signals: [of], users }), {
      quantity,
      limitPriceMinor,
    });
    const [order] = await take(this.#store, name);
    if (!order) return;
    this.#orders.push({ ...order, reported: [] });
  }

  /** New fills, and one that was reported before. */
  async #report({ outcomes }: StepOf<'report'>): Promise<void> {
    const settlements = new Map<number, Settlement>();
    for (const { order, end, fills } of outcomes) {
      const of = this.#orders.at(-1 - order);
      if (!of) continue;
      // Nobody who does not know of an order tells its fills.
      const repeated = end === 'unknown' ? [] : of.reported.slice(0, 1);
      const fresh = (end === 'unknown' ? [] : fills).map((one, n) => {
        const number = of.reported.length + n;
        return { ...one, venueFillId: `${number % 3}-${number}` };
      });
      of.reported.push(...fresh);
      const before = settlements.get(of.orderId)?.fills ?? [];
      settlements.set(of.orderId, settlement(of.orderId, end, { fills: [...repeated, ...before, ...fresh] }));
    }
    if (settlements.size > 0) await settle(this.#store, [...settlements.values()], nowMs + this.#count);
  }

  async #correct({ order, fill, quantity, priceMinor }: StepOf<'correct'>): Promise<void> {
    const of = this.#orders.at(-1 - order);
    const wrong = of?.reported.at(fill % Math.max(1, of.reported.length));
    if (!of || !wrong) return;
    const really = { order: of.clientOrderId, fill: wrong.venueFillId, quantity, priceMinor };
    await this.#store.call('correct_fill', { by, ...really, nowMs: nowMs + this.#count });
  }

  async #external({ symbol, quantity, priceMinor, atMs }: StepOf<'external'>): Promise<void> {
    const whose = { userId: this.userId, venue: 'paper', mode: 'paper' as const, exchange: 'NSE' };
    const holding = { ...whose, symbol, quantity, priceMinor, tradeDate, reference: `come-${this.#count}` };
    await this.#store.call('import_holdings', { holdings: [holding], nowMs: atMs });
  }

  async #cash({ amountMinor }: StepOf<'cash'>): Promise<void> {
    if (amountMinor === 0) return;
    const kind = amountMinor > 0 ? ('deposit' as const) : ('withdrawal' as const);
    const what = { kind, amountMinor: Math.abs(amountMinor), reference: `cash-${this.#count}`, isNamed: true };
    await this.#store.call('move_cash', {
      by,
      userId: this.userId,
      venue: 'paper',
      ...what,
      nowMs: nowMs + this.#count,
    });
  }

  async #acknowledge(atMs: number): Promise<void> {
    if (this.#orders.length === 0) return;
    await acknowledgeDrifts(this.#store, { userId: this.userId, venue: 'paper', mode: 'paper' }, atMs);
  }
}
