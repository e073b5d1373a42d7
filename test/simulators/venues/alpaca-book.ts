import type { Clock } from '../../../src/ports/world.ts';

/** Quantities are counted in billionths of a share: a float would lose some. */
const nano = 1_000_000_000n;

export function nanosOf(quantity: string): bigint {
  const [whole = '', decimals = ''] = quantity.split('.');
  return BigInt(whole) * nano + BigInt(decimals.padEnd(9, '0'));
}

/** As Alpaca writes quantities: no zeros at the end. */
export function quantityText(nanos: bigint): string {
  const decimals = (nanos % nano).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nanos / nano}${decimals === '' ? '' : `.${decimals}`}`;
}

/** An order as it is posted: all text. */
export interface AlpacaPosted {
  symbol: string;
  qty: string;
  side: string;
  limit_price: string;
  client_order_id: string;
}

export interface AlpacaRow extends AlpacaPosted {
  keyId: string;
  id: string;
  takenMs: number;
  /** From when on its book shows it. Its id is taken at once. */
  shownFromMs: number;
  /** What fills at once; the rest a minute later. */
  firstQuantity: bigint;
  canceledFilled: bigint | null;
}

const stamp = (ms: number) => new Date(ms).toISOString();
/** The head of an activity's id is New York's time, so that nobody may read a time from it. */
const activityHead = (ms: number) => stamp(ms - 4 * 3_600_000).replace(/\D/g, '');

/** The orders and executions of all accounts. Whatever has to do with time is worked out when somebody asks. */
export class AlpacaBook {
  readonly rows: AlpacaRow[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(keyId: string, posted: AlpacaPosted, how: { halfFirst: boolean; shownFromMs: number }): AlpacaRow {
    const quantity = nanosOf(posted.qty);
    // Half of what is whole shares only stays whole.
    const step = quantity % nano === 0n ? nano : 1n;
    const half = (quantity / 2n / step) * step;
    const row: AlpacaRow = {
      ...posted,
      keyId,
      id: `61e69015-8549-4bfd-b9c3-${String(this.rows.length + 1).padStart(12, '0')}`,
      takenMs: this.#clock.nowMs(),
      shownFromMs: how.shownFromMs,
      firstQuantity: how.halfFirst ? (half > 0n ? half : step) : quantity,
      canceledFilled: null,
    };
    this.rows.push(row);
    return row;
  }

  /** Also one the book does not show yet: it is there that a second one is refused. */
  takenBy(keyId: string, clientOrderId: string): boolean {
    return this.rows.some((row) => row.keyId === keyId && row.client_order_id === clientOrderId);
  }

  shown(keyId: string): AlpacaRow[] {
    return this.rows.filter((row) => row.keyId === keyId && row.shownFromMs <= this.#clock.nowMs());
  }

  filledOf(row: AlpacaRow): bigint {
    if (row.canceledFilled !== null) return row.canceledFilled;
    return this.#clock.nowMs() >= row.takenMs + 60_000 ? nanosOf(row.qty) : row.firstQuantity;
  }

  cancel(row: AlpacaRow): void {
    row.canceledFilled = this.filledOf(row);
  }

  asOrder(row: AlpacaRow) {
    const filled = this.filledOf(row);
    const open = filled === 0n ? 'new' : 'partially_filled';
    const whole = filled === nanosOf(row.qty) ? 'filled' : open;
    return {
      id: row.id,
      client_order_id: row.client_order_id,
      created_at: stamp(row.takenMs),
      submitted_at: `${stamp(row.takenMs).slice(0, -1)}123456Z`,
      filled_at: null,
      replaced_by: null,
      asset_class: 'us_equity',
      symbol: row.symbol,
      notional: null,
      qty: row.qty,
      filled_qty: quantityText(filled),
      filled_avg_price: filled === 0n ? null : row.limit_price,
      order_class: '',
      type: 'limit',
      side: row.side,
      time_in_force: 'day',
      limit_price: row.limit_price,
      stop_price: null,
      status: row.canceledFilled === null ? whole : 'canceled',
      extended_hours: false,
      legs: null,
    };
  }

  /** Executions after an instant (strictly), oldest first; a page goes on after the id that ended the one before. */
  fills(keyId: string, query: URLSearchParams): object[] {
    const afterMs = Date.parse(query.get('after') ?? '1970-01-01');
    const all = this.shown(keyId)
      .flatMap((row) => this.#executionsOf(row))
      .filter(({ transaction_time }) => Date.parse(transaction_time) > afterMs)
      .sort((a, b) => a.id.localeCompare(b.id));
    const from = all.findIndex(({ id }) => id === query.get('page_token')) + 1;
    return all.slice(from, from + Number(query.get('page_size')));
  }

  #executionsOf(row: AlpacaRow) {
    const filled = this.filledOf(row);
    const first = filled < row.firstQuantity ? filled : row.firstQuantity;
    const quantities = [first, filled - row.firstQuantity].filter((part) => part > 0n);
    return quantities.map((quantity, n) => {
      const atMs = row.takenMs + n * 60_000;
      return {
        id: `${activityHead(atMs)}::8efc7b9a-8b2b-4000-9955-${row.id.slice(-11)}${n}`,
        activity_type: 'FILL',
        transaction_time: stamp(atMs),
        type: n === 0 && filled < nanosOf(row.qty) ? 'partial_fill' : 'fill',
        price: row.limit_price,
        qty: quantityText(quantity),
        side: row.side,
        symbol: row.symbol,
        order_id: row.id,
      };
    });
  }
}
