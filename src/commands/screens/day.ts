// npm run day: the evening page of a trading day.
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { type Currency, currencies, currencyCodes } from '../../domain/currency.ts';
import { istDate, parseTradeDate } from '../../domain/market/india-time.ts';
import { formatMinor } from '../../domain/money.ts';
import type { Store } from '../../ports/store/store.ts';
import type { DayOverview } from '../../ports/store/watch.ts';
import { dayText } from '../../terminal/screens/day.ts';
import { plain } from '../../terminal/table.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { noteRemoved } from './removed-note.ts';

/**
 * `npm run day [-- --date D] [--json]`: the evening page, one part for each mode and currency that has accounts. The day is today, or
 * that of the last run where today has none.
 */
export async function dayCommand(
  config: Config,
  { date, json }: { date?: string; json?: boolean },
): Promise<number | Refusal> {
  if (date !== undefined && parseTradeDate(date) === null) {
    return refusal('bad_flag', `--date ${date} is not a date, such as 2025-08-28.`);
  }
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const tradeDate = date ?? (await lastDay(store));
    await noteRemoved(store, tradeDate);
    const days = await Promise.all(
      (['live', 'paper'] as const).flatMap((mode) =>
        currencyCodes.map((currency) => store.call('read_day', { tradeDate, mode, currency })),
      ),
    );
    const used = days.filter(({ accounts, runs }) => accounts.count > 0 || runs.length > 0);
    if (json) process.stdout.write(`${JSON.stringify({ date: tradeDate, modes: used.map(dayJson) })}\n`);
    else {
      const columns = process.stdout.columns || 120;
      const texts = used.map((day) => dayText(day, columns, plain));
      process.stdout.write(`${texts.join('\n\n') || `No account and no run here on ${tradeDate}.`}\n`);
    }
    return 0;
  });
}

/** The trade date of the last run; where there is none, today. */
export async function lastDay(store: Store): Promise<string> {
  const today = istDate(realClock().nowMs());
  const [last] = await store.call('read_runs', { named: null, after: null, limit: 1 });
  return last?.tradeDate ?? today;
}

/** Money as decimal strings; the rest as it is. */
function dayJson({ accounts, held, largest, orders, currency: code, ...day }: DayOverview) {
  const currency = currencies[code];
  const figures = (of: Figures) => decimals(of, currency);
  return {
    ...day,
    currency: code,
    accounts: figures(accounts),
    held: { ...figures(held), profit: formatMinor(held.valueMinor - held.costMinor, currency) },
    largest: largest.map(figures),
    orders: figures(orders),
  };
}

type Figures = Record<string, number | string | null>;

/** `{cashMinor: 100}` → `{cash: '1.00'}`. */
function decimals(figures: Figures, currency: Currency): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => {
      if (!name.endsWith('Minor') || typeof value === 'string') return [name, value];
      return [name.slice(0, -'Minor'.length), value === null ? null : formatMinor(value, currency)];
    }),
  );
}
