// Makes up users with every mix of settings for a replay.
import type { UserSettings } from '../../src/domain/types.ts';

const LEVERAGES = [100, 200, 300, 500];
const CAPITALS_MINOR = [50_000_00, 1_00_000_00, 2_50_000_00, 10_00_000_00, 37_777_77];
const ALLOCATIONS_BPS = [500, 1000, 1250, 2000, 3333];

/** So many users with every mix of leverage, capital and allocation: always the same ones. */
export function madeUsers(count: number): UserSettings[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `user-${n + 1}`,
    name: `User ${n + 1}`,
    whatsapp: null,
    capitalMinor: pick(CAPITALS_MINOR, Math.floor(n / LEVERAGES.length)),
    allocationBps: pick(ALLOCATIONS_BPS, n),
    leverageCenti: pick(LEVERAGES, n),
    maxOpenPositions: null,
    dailyLossLimitBps: null,
    priority: n + 1,
    venue: 'paper',
  }));
}

function pick(values: readonly number[], n: number): number {
  return values[n % values.length] ?? 0;
}
