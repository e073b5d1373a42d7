// Derives sales from bought signals, for a replay that also sells.
import { signalIdOf } from '../../src/domain/ids.ts';
import type { Signal } from '../../src/domain/types.ts';
import type { HeldPosition } from '../../src/ports/store/money.ts';
import type { Store } from '../../src/ports/store/store.ts';

/** After how many trading days what was bought is sold: the least and the most. */
export interface SellAfter {
  least: number;
  most: number;
}

/** When each buy of these signals is sold: by trade date, with the symbols. `days`: all trading days, in order. */
export function exitsOf(
  signals: readonly Signal[],
  days: readonly string[],
  sellAfter: SellAfter,
): Map<string, Set<string>> {
  const exits = new Map<string, Set<string>>();
  for (const { tradeDate, symbol, side, rank } of signals) {
    const after = sellAfter.least + ((rank + days.indexOf(tradeDate)) % (sellAfter.most - sellAfter.least + 1));
    const due = days[days.indexOf(tradeDate) + after];
    if (side === 'BUY' && due !== undefined) exits.set(due, (exits.get(due) ?? new Set()).add(symbol));
  }
  return exits;
}

/** Sales of a day, of those symbols that somebody holds, after the day's other signals. */
export async function salesOn(store: Store, tradeDate: string, symbols: ReadonlySet<string>): Promise<Signal[]> {
  const held = await heldPositions(store);
  const priced = new Map(held.map(({ symbol, costMinor, quantity }) => [symbol, Math.trunc(costMinor / quantity)]));
  return [...symbols]
    .filter((symbol) => priced.has(symbol))
    .map((symbol, n) => {
      const named = { exchange: 'NSE', tradeDate, strategy: 'replay-exit', symbol, side: 'SELL' as const };
      const prices = { referencePriceMinor: priced.get(symbol) ?? 0, stopLossMinor: null, targetMinor: null };
      return { id: signalIdOf(named), ...named, ...prices, rank: 1000 + n, validUntilMs: null };
    });
}

async function heldPositions(store: Store): Promise<HeldPosition[]> {
  const held: HeldPosition[] = [];
  for (let after: string | null = null; ; ) {
    const page: HeldPosition[] = await store.call('read_positions', {
      userId: null,
      mode: 'paper',
      after,
      limit: 1000,
    });
    held.push(...page);
    if (page.length < 1000) return held;
    after = page.at(-1)?.key ?? null;
  }
}
