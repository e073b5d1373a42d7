// Reads a ChartInk alert as rows of signals.
import { istDate, istMs } from '../../domain/market/india-time.ts';

/** How far the hour of an alert may be ahead of ours. */
const AHEAD_MS = 5 * 60_000;

/** One share of an alert, as a row of a request, or what is wrong with the alert. */
export type ChartinkRow =
  | { raw: object; fields: Record<string, unknown> }
  | { raw: object; fault: { field: string; reason: string; value: string | null } };

/** What the address of a source says, where a body can't. */
export interface ChartinkOptions {
  nowMs: number;
  /** `?side=SELL`; ChartInk names none. */
  side: string | null;
  /** `?strategy=…`, else the only strategy the source may send; null: the name of the scan. */
  strategy: string | null;
}

/**
 * Whether a body is ChartInk's webhook: `stocks` and `trigger_prices` as lists with commas, `triggered_at` an hour of
 * today in India ("2:34 pm"), `scan_name`, `scan_url`, `alert_name`. https://chartink.com/articles/alerts/webhook-support-for-alerts/
 */
export function isChartink(body: unknown): body is object {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'stocks');
}

/** One row per share, at the price it was found at. */
export function readChartink(body: object, { nowMs, side, strategy }: ChartinkOptions): ChartinkRow[] {
  const text = (name: string) => {
    const value: unknown = Object.hasOwn(body, name) ? Reflect.get(body, name) : null;
    return typeof value === 'string' ? value.trim() : '';
  };
  const about = { scan_name: text('scan_name'), alert_name: text('alert_name'), triggered_at: text('triggered_at') };
  const stocks = listed(text('stocks'));
  const prices = listed(text('trigger_prices'));
  const invalid = (field: string, reason: string): ChartinkRow[] => {
    return [{ raw: { ...about, stocks }, fault: { field, reason, value: text(field) } }];
  };
  if (stocks.length === 0) return invalid('stocks', 'names no share: ChartInk sends "TITAN,INFY"');
  if (prices.length !== stocks.length) {
    return invalid('trigger_prices', `has ${prices.length} prices for ${stocks.length} shares: one each is needed`);
  }
  const late = wrongHour(about.triggered_at, nowMs);
  if (late !== null) return invalid('triggered_at', late);
  const name = strategy ?? (about.scan_name || 'chartink');
  return stocks.map((symbol, at) => ({
    raw: { ...about, stock: symbol, trigger_price: prices[at] },
    fields: { strategy: name, symbol, side: (side ?? 'BUY').toUpperCase(), referencePrice: prices[at] },
  }));
}

function listed(text: string): string[] {
  return text === '' ? [] : text.split(',').map((one) => one.trim());
}

/** An hour without a day is of today: one that is still to come was yesterday's. */
function wrongHour(text: string, nowMs: number): string | null {
  const [, hours = '', minutes = '', half = ''] = /^(\d{1,2}):(\d{2})\s*([ap])\.?m\.?$/i.exec(text) ?? [];
  const hour = (Number(hours) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  if (hours === '' || Number(hours) < 1 || Number(hours) > 12 || Number(minutes) > 59) {
    return 'is no hour such as "2:34 pm"';
  }
  const atMs = istMs(istDate(nowMs), `${String(hour).padStart(2, '0')}:${minutes}`);
  return atMs <= nowMs + AHEAD_MS ? null : 'is still to come today: this alert is of another day';
}
