import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { formatMinor, perUnit } from '../../domain/money.ts';
import type { Answer } from '../../ports/store/store.ts';
import { positionsText, positionValue } from '../../terminal/screens/holdings.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { userIdGiven } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { limitOf } from '../screens/paging.ts';

interface PositionsFlags {
  user?: string;
  mode?: string;
  limit?: string;
  after?: string;
  json?: boolean;
}

const PLAIN_LIMIT = 50;

/** `npm run positions [-- --user X] [--mode M] [--json]`: what is held, at what cost and worth what at the last price. */
export async function positionsCommand(config: Config, flags: PositionsFlags): Promise<number | Refusal> {
  const limit = limitOf(flags.limit, PLAIN_LIMIT);
  if (typeof limit !== 'number') return limit;
  const { user, mode = null, after = null } = flags;
  if (mode !== null && mode !== 'paper' && mode !== 'live') return refusal('bad_flag', '--mode is paper or live.');
  const place = targetToRead(config);
  showTarget(place);
  return withStore(config, place, async (store) => {
    const userId = await userIdGiven(store, user);
    if (userId !== null && typeof userId === 'object') return userId;
    const found = await store.call('read_positions', { userId, mode, after, limit: limit + 1 });
    printPage(found, limit, flags);
    return 0;
  });
}

function printPage(found: Answer<'read_positions'>, limit: number, flags: PositionsFlags): void {
  const rows = found.slice(0, limit);
  const next = found.length > limit ? (rows.at(-1)?.key ?? null) : null;
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
  const given = Object.entries({ user, mode, limit }).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `--${name} "${value}" `).join('');
}

function positionJson({
  key: _,
  costMinor,
  marginMinor,
  priceMinor,
  pricedAtMs,
  ...row
}: Answer<'read_positions'>[number]) {
  const value = positionValue({ quantity: row.quantity, priceMinor });
  return {
    ...row,
    currency: 'INR',
    averageCost: formatMinor(perUnit(costMinor, row.quantity)),
    cost: formatMinor(costMinor),
    lastPrice: priceMinor === null ? null : formatMinor(priceMinor),
    pricedAt: pricedAtMs === null ? null : istIso(pricedAtMs),
    value: value === null ? null : formatMinor(value),
    profit: value === null ? null : formatMinor(value - BigInt(costMinor)),
    margin: formatMinor(marginMinor),
  };
}
