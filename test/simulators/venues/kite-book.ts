import { istDate, istTime } from '../../../src/domain/market/india-time.ts';
import type { Clock } from '../../../src/ports/world.ts';

/** `2026-11-20 15:10:01`, in India. */
export function kiteStamp(ms: number): string {
  return `${istDate(ms)} ${istTime(ms)}`;
}

export interface KiteRow {
  token: string;
  order_id: string;
  tag: string;
  exchange: string;
  tradingsymbol: string;
  side: 'BUY' | 'SELL';
  product: string;
  quantity: number;
  price: number;
  takenMs: number;
  /** From when on its book shows it. */
  shownFromMs: number;
  /** What fills at once; the rest a minute later. */
  firstQuantity: number;
  canceled: boolean;
  canceledFilled: number;
}

/** The orders and trades of all accounts. Whatever has to do with time is worked out when somebody asks. */
export class KiteBook {
  readonly rows: KiteRow[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(token: string, form: URLSearchParams, how: { halfFirst: boolean; shownFromMs: number }): KiteRow {
    const nowMs = this.#clock.nowMs();
    const quantity = Number(form.get('quantity'));
    const day = istDate(nowMs).slice(2).replaceAll('-', '');
    const row: KiteRow = {
      token,
      order_id: `${day}${String(this.rows.length + 1).padStart(9, '0')}`,
      tag: form.get('tag') ?? '',
      exchange: form.get('exchange') ?? '',
      tradingsymbol: form.get('tradingsymbol') ?? '',
      side: form.get('transaction_type') === 'SELL' ? 'SELL' : 'BUY',
      product: form.get('product') ?? '',
      quantity,
      price: Number(form.get('price')),
      takenMs: nowMs,
      shownFromMs: how.shownFromMs,
      firstQuantity: how.halfFirst ? Math.max(1, Math.floor(quantity / 2)) : quantity,
      canceled: false,
      canceledFilled: 0,
    };
    this.rows.push(row);
    return row;
  }

  filledOf(row: KiteRow): number {
    if (row.canceled) return row.canceledFilled;
    return this.#clock.nowMs() >= row.takenMs + 60_000 ? row.quantity : row.firstQuantity;
  }

  cancel(row: KiteRow): void {
    row.canceledFilled = this.filledOf(row);
    row.canceled = true;
  }

  orders(token: string): object[] {
    return this.#shown(token).map((row) => this.asOrder(row));
  }

  asOrder(row: KiteRow) {
    const filled = this.filledOf(row);
    const status = row.canceled ? 'CANCELLED' : filled === row.quantity ? 'COMPLETE' : 'OPEN';
    const stamp = kiteStamp(row.takenMs);
    return {
      placed_by: 'AB1234',
      order_id: row.order_id,
      exchange_order_id: `1${row.order_id}`,
      parent_order_id: null,
      status,
      status_message: null,
      status_message_raw: null,
      order_timestamp: stamp,
      exchange_update_timestamp: stamp,
      exchange_timestamp: stamp,
      variety: 'regular',
      modified: false,
      exchange: row.exchange,
      tradingsymbol: row.tradingsymbol,
      instrument_token: 779521,
      order_type: 'LIMIT',
      transaction_type: row.side,
      validity: 'DAY',
      product: row.product,
      quantity: row.quantity,
      disclosed_quantity: 0,
      price: row.price,
      trigger_price: 0,
      average_price: filled === 0 ? 0 : row.price,
      filled_quantity: filled,
      pending_quantity: row.canceled ? 0 : row.quantity - filled,
      cancelled_quantity: row.canceled ? row.quantity - filled : 0,
      market_protection: 0,
      meta: {},
      tag: row.tag,
      tags: [row.tag],
      guid: 'XXXXXX',
    };
  }

  /** Trade ids are the exchange's: they start anew every day, and two accounts may see the same one. */
  trades(token: string): object[] {
    return this.#shown(token).flatMap((row) => {
      const filled = this.filledOf(row);
      const quantities = [Math.min(filled, row.firstQuantity), filled - row.firstQuantity].filter((part) => part > 0);
      return quantities.map((quantity, n) => this.#asTrade(row, quantity, n));
    });
  }

  #asTrade(row: KiteRow, quantity: number, n: number): object {
    const stamp = kiteStamp(row.takenMs + n * 60_000);
    return {
      trade_id: String(10_000_000 + n),
      order_id: row.order_id,
      exchange: row.exchange,
      tradingsymbol: row.tradingsymbol,
      instrument_token: 779521,
      product: row.product,
      average_price: row.price,
      quantity,
      exchange_order_id: `1${row.order_id}`,
      transaction_type: row.side,
      fill_timestamp: stamp,
      order_timestamp: stamp.slice(11),
      exchange_timestamp: stamp,
    };
  }

  #shown(token: string): KiteRow[] {
    return this.rows.filter((row) => row.token === token && row.shownFromMs <= this.#clock.nowMs());
  }
}
