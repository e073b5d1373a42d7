// Random pages of decisions: users, signals and what happened between deciding and accepting, drawn from a seed.
import type { Signal, UserSettings } from '../../../src/domain/types.ts';
import type { DecisionToAccept, QueuedAccount } from '../../../src/ports/store/runs.ts';
import type { Arguments, Store } from '../../../src/ports/store/store.ts';
import { type Chance, chanceOf } from '../../simulation/common/chance.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { accepted, cutOffMs, notAccepted, openTestRun, type TestRun, undecided } from './test-run.ts';

export type Page = Arguments['accept_page'];

const by = { ...tester, why: 'a test' };
const symbols = ['TITAN', 'INFY', 'SBIN'] as const;

function drawnSignals(chance: Chance): Signal[] {
  const drawn = Array.from({ length: chance.between(1, 6) }, () =>
    signal(chance.pick(symbols), {
      strategy: chance.pick(['a', 'b']),
      exchange: chance.pick(['NSE', 'NSE', 'BSE']),
      side: chance.weighted({ BUY: 4, SELL: 1 }),
      validUntilMs: chance.happens(0.05) ? nowMs - 1 : null,
    }),
  );
  const once = new Map(drawn.map((one) => [one.id, one]));
  return [...once.values()].map((one, index) => ({ ...one, rank: index + 1 }));
}

function drawnUser(chance: Chance, id: string, isLive: boolean): UserSettings {
  return user(id, {
    capitalMinor: chance.pick([1_000_00, 2_500_00, 1_00_000_00]),
    leverageCenti: chance.pick([100, 300]),
    maxOpenPositions: chance.pick([null, null, 1, 2]),
    maxOrdersPerDay: chance.pick([null, null, null, 0, 1, 3]),
    maxOrderValueMinor: chance.pick([null, null, null, 900_00, 1_500_00]),
    venue: isLive ? chance.pick(['kite', 'lemonn']) : 'paper',
  });
}

function drawnDecision(chance: Chance, testRun: TestRun, account: QueuedAccount, of: Signal): DecisionToAccept {
  const kind = chance.weighted({ accepted: 12, denied: 1, skipped: 1 });
  if (kind === 'denied') return notAccepted(account, of, kind, 'quantity_zero');
  if (kind === 'skipped') return notAccepted(account, of, kind, 'not_subscribed');
  const quantity = chance.weighted({ 1: 1, 5: 4, 10: 4, 20: 1 });
  const size = { quantity: Number(quantity), priceMinor: chance.pick([100_00, 99_95]) };
  // More than can be computed with: no order of that value may pass.
  const beyond = { quantity: 9_000_000_000_000, holdMinor: 10_00, chargesMinor: 1 };
  return { ...accepted(testRun, account, of, size), ...(chance.happens(0.02) ? beyond : {}) };
}

/** What happens after the decisions were made and before they are accepted. */
async function meanwhile(chance: Chance, { store, mode, users, signals }: TestRun): Promise<void> {
  for (const { id: userId, venue } of users) {
    if (chance.happens(0.4)) {
      const of = {
        userId,
        venue,
        mode,
        exchange: chance.pick(['NSE', 'BSE']),
        symbol: chance.pick(symbols),
        tradeDate,
      };
      const holding = { ...of, quantity: chance.pick([5, 10, 30]), priceMinor: 100_00, reference: `held-${userId}` };
      await store.call('import_holdings', { holdings: [holding], nowMs });
    }
    const change = chance.pick([
      ...[{}, {}, {}, {}, {}, {}, {}],
      ...[{ active: false }, { tradingEnabled: false }, { strategies: ['a'] }, { denySymbols: ['TITAN'] }],
    ]);
    if (Object.keys(change).length > 0) await store.call('set_user', { userId, by, ...change });
  }
  const target = chance.pick(users).id;
  const halt = chance.weighted({ none: 12, user: 2, venue: 1, all: 1 });
  const targets = { all: '', user: target, venue: chance.pick(['kite', 'paper']) };
  if (halt !== 'none') {
    const what = { scope: halt, target: targets[halt], why: 'drill' };
    await store.call('halt', { ...what, by: { who: 'me', how: 'cli' }, nowMs });
  }
  if (chance.happens(0.5)) {
    const earlier = await openTestRun(store, { runId: 'earlier', mode, users, signals: signals.slice(0, 2) });
    const page = await undecided(earlier);
    const decisions = page
      .filter(() => chance.happens(0.5))
      .flatMap((account) => earlier.signals.map((of) => accepted(earlier, account, of, { quantity: 2 })));
    await store.call('accept_page', { runId: earlier.runId, nowMs, decisions });
  }
}

/**
 * Three pages of one run: of some of its users, of all of them (so partly decided), and the same once more. `touched`
 * arranges by SQL what no call of the store does: money of live accounts, and what blocks one.
 */
export async function drawnPages(store: Store, seed: number, touched: (sql: string) => Promise<void>): Promise<Page[]> {
  const chance = chanceOf(seed);
  const mode = chance.happens(0.25) ? 'live' : 'paper';
  const users = Array.from({ length: chance.between(1, 7) }, (_, n) => drawnUser(chance, `user-${n}`, mode === 'live'));
  const symbolCapMinor = chance.happens(0.12) ? 1_200_00 : null;
  const testRun = await openTestRun(store, { mode, users, signals: drawnSignals(chance), limits: { symbolCapMinor } });
  if (mode === 'live') {
    await touched(
      `update public.accounts set cash_minor = capital_minor, not_ready = null, checked_for = '${tradeDate}'`,
    );
  }
  const decided = (await undecided(testRun)).map((account) =>
    testRun.signals.map((of) => drawnDecision(chance, testRun, account, of)),
  );
  await meanwhile(chance, testRun);
  if (chance.happens(0.2)) {
    await touched(`update public.accounts set not_ready = 'drift' where user_id = '${chance.pick(users).id}'`);
  }
  const common = {
    runId: testRun.runId,
    nowMs: chance.happens(0.04) ? cutOffMs : nowMs,
    skipLocked: chance.happens(0.5),
  };
  const some = decided.filter(() => chance.happens(0.5)).flat();
  const all = decided.toReversed().flat();
  return [some, all, all].map((decisions) => ({ ...common, decisions }));
}
