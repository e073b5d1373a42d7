// npm run positions: what is held, at what cost, and worth what.
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { currencyOfExchange } from '../../domain/market/session.ts';
import { formatMinor, perUnit } from '../../domain/money.ts';
import type { HeldPosition } from '../../ports/store/money.ts';
import { positionsText, positionValue } from '../../terminal/screens/holdings.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { optionalUserId } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { limitOf } from '../screens/paging.ts';

interface PositionsFlags {
  user?: string;
  mode?: string;
  limit?: string;
  after?: string;
  json?: boolean;
}

const DEFAULT_PAGE_SIZE = 50;

/** `npm run positions [-- --user X] [--mode M] [--json]`: what is held, at what cost and worth what at the last price. */
export async function positionsCommand(config: Config, flags: PositionsFlags): Promise<number | Refusal> {
  const limit = limitOf(flags.limit, DEFAULT_PAGE_SIZE);
  if (typeof limit !== 'number') return limit;
  const { user, mode = null, after = null } = flags;
  if (mode !== null && mode !== 'paper' && mode !== 'live') return refusal('bad_flag', '--mode is paper or live.');
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const userId = await optionalUserId(store, user);
    if (userId !== null && typeof userId === 'object') return userId;
    const page = await store.call('read_positions', { userId, mode, after, limit: limit + 1 });
    printPage(page, limit, flags);
    return 0;
  });
}

function printPage(fetched: HeldPosition[], limit: number, flags: PositionsFlags): void {
  const rows = fetched.slice(0, limit);
  const next = fetched.length > limit ? (rows.at(-1)?.key ?? null) : null;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ positions: rows.map(positionJson), next })}\n`);
    return;
  }
  const nowMs = realClock().nowMs();
  process.stdout.write(`${positionsText(rows, nowMs, process.stdout.columns || 120, plain)}\n`);
  if (next !== null)
    process.stdout.write(`There are more: npm run positions -- ${againFlags(flags)}--after "${next}"\n`);
}

function againFlags({ user, mode, limit }: PositionsFlags): string {
  const repeated = Object.entries({ user, mode, limit }).filter(([, value]) => value !== undefined);
  return repeated.map(([name, value]) => `--${name} "${value}" `).join('');
}

export function positionJson({ key: _, costMinor, marginMinor, priceMinor, pricedAtMs, ...row }: HeldPosition) {
  const value = positionValue({ quantity: row.quantity, priceMinor });
  const currency = currencyOfExchange(row.exchange);
  return {
    ...row,
    currency: currency.code,
    averageCost: formatMinor(perUnit(costMinor, row.quantity), currency),
    cost: formatMinor(costMinor, currency),
    lastPrice: priceMinor === null ? null : formatMinor(priceMinor, currency),
    pricedAt: pricedAtMs === null ? null : istIso(pricedAtMs),
    value: value === null ? null : formatMinor(value, currency),
    profit: value === null ? null : formatMinor(value - BigInt(costMinor), currency),
    margin: formatMinor(marginMinor, currency),
  };
}
