// npm run audit: computes the books a second time and compares.
import type { Config } from '../../config/config.ts';
import type { Audit, AuditDay } from '../../domain/audit.ts';
import { type CurrencyCode, currencies } from '../../domain/currency.ts';
import { parseTradeDate } from '../../domain/market/india-time.ts';
import { formatMinor } from '../../domain/money.ts';
import { audit } from '../../stages/report/audit.ts';
import { auditText, daysOf } from '../../terminal/audit.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { optionalUserId } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { lastDay } from './day.ts';

interface AuditFlags {
  date?: string;
  mode?: string;
  user?: string;
  json?: boolean;
}

/**
 * `npm run audit [-- --date D] [--mode M] [--user X] [--json]`: computes the books a second time, from the facts up to
 * the end of a day, and compares them with the database. Exit 1 where a figure differs.
 */
export async function auditCommand(config: Config, { date, mode, user, json }: AuditFlags): Promise<number | Refusal> {
  if (date !== undefined && parseTradeDate(date) === null) {
    return refusal('bad_flag', `--date ${date} is not a date, such as 2025-08-28.`);
  }
  if (mode !== undefined && mode !== 'paper' && mode !== 'live') return refusal('bad_flag', '--mode is paper or live.');
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const userId = await optionalUserId(store, user);
    if (userId !== null && typeof userId === 'object') return userId;
    const tradeDate = date ?? (await lastDay(store));
    const result = await audit(store, { tradeDate, mode: mode ?? null, userId });
    process.stdout.write(json ? `${JSON.stringify(auditJson(result))}\n` : `${auditText(result, plain)}\n`);
    return result.differences.length === 0 ? 0 : 1;
  });
}

/** Money as decimal strings, shares as they are. */
function auditJson(audit: Audit) {
  const { days: _, differences, ...counts } = audit;
  const [first, ...others] = daysOf(audit).map(dayJson);
  return {
    ...counts,
    ...first,
    // The day in accounts of other currencies, where there are any.
    ...(others.length === 0 ? {} : { others }),
    differences: differences.map(({ database, model, ...of }) => {
      const figureJson = (figure: bigint) => (of.unit === 'money' ? money(of.currency, figure) : Number(figure));
      return { ...of, database: figureJson(database), model: figureJson(model) };
    }),
  };
}

function dayJson([currency, day]: [CurrencyCode, AuditDay]) {
  return {
    currency,
    day: {
      orders: day.orders,
      fills: day.fills,
      cashIn: money(currency, day.cashInMinor),
      cashOut: money(currency, day.cashOutMinor),
      charges: money(currency, day.chargesMinor),
      realised: money(currency, day.realisedMinor),
    },
  };
}

function money(currency: CurrencyCode, minor: bigint): string {
  return formatMinor(minor, currencies[currency]);
}
