import { z } from 'zod';
import { istDate, istTime } from '../../../src/domain/market/india-time.ts';
import type { Clock } from '../../../src/ports/world.ts';

/** An order as a strict Lemonn takes it: every figure a string, a price with a limit and only then, nothing unknown. */
export const lemonnOrder = z
  .strictObject({
    clientId: z.string(),
    transactionType: z.enum(['BUY', 'SELL']),
    exchangeSegment: z.enum(['NSE', 'BSE', 'NFO', 'BFO']),
    productType: z.enum(['DELIVERY', 'INTRADAY', 'MARGIN', 'MTF']),
    orderType: z.enum(['MARKET', 'LIMIT', 'STOP_LOSS', 'STOP_LOSS_MARKET']),
    validity: z.literal('DAY'),
    symbol: z.string().min(1),
    quantity: z.string().regex(/^[1-9]\d*$/),
    price: z
      .string()
      .regex(/^\d+\.\d\d$/)
      .optional(),
    tag: z.string().regex(/^[A-Za-z0-9]{1,20}$/),
    afterMarketOrder: z.boolean(),
  })
  .refine(({ orderType, price }) => (orderType === 'LIMIT') === (price !== undefined));

export interface LemonnRow {
  clientId: string;
  number: string;
  request: z.infer<typeof lemonnOrder>;
  quantity: number;
  takenMs: number;
  /** From when on its book shows it. */
  shownFromMs: number;
  /** What fills at once; the rest a minute later. */
  firstQuantity: number;
  canceled: boolean;
  canceledFilled: number;
}

/** The orders and trades of all clients. Whatever has to do with time is worked out when somebody asks. */
export class LemonnBook {
  readonly rows: LemonnRow[] = [];
  /** Whether its book shows the tags it was given: nobody knows. */
  showsTags = true;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(request: z.infer<typeof lemonnOrder>, how: { halfFirst: boolean; shownFromMs: number }): LemonnRow {
    const nowMs = this.#clock.nowMs();
    const quantity = Number(request.quantity);
    const row: LemonnRow = {
      clientId: request.clientId,
      number: `LMN${istDate(nowMs).replaceAll('-', '')}${String(this.rows.length + 1).padStart(6, '0')}`,
      request,
      quantity,
      takenMs: nowMs,
      shownFromMs: how.shownFromMs,
      firstQuantity: how.halfFirst ? Math.max(1, Math.floor(quantity / 2)) : quantity,
      canceled: false,
      canceledFilled: 0,
    };
    this.rows.push(row);
    return row;
  }

  filledOf(row: LemonnRow): number {
    if (row.canceled) return row.canceledFilled;
    return this.#clock.nowMs() >= row.takenMs + 60_000 ? row.quantity : row.firstQuantity;
  }

  cancel(row: LemonnRow): void {
    row.canceledFilled = this.filledOf(row);
    row.canceled = true;
  }

  orders(clientId: string): object[] {
    return this.#shown(clientId).map((row) => {
      const { transactionType, exchangeSegment, productType, symbol, price, tag } = row.request;
      const filled = this.filledOf(row);
      return {
        orderID: row.number,
        orderStatus: row.canceled ? 'CANCELLED' : filled === row.quantity ? 'EXECUTED' : 'PENDING',
        transactionType,
        exchangeSegment,
        productType,
        symbol,
        quantity: String(row.quantity),
        filledQuantity: String(filled),
        price: price ?? '0',
        rejectionReason: '',
        ...(this.showsTags ? { tag } : {}),
      };
    });
  }

  /** An order's trades, one to a page. */
  trades(clientId: string, orderId: string | null, offset: number): object[] {
    const row = this.#shown(clientId).find(({ number }) => number === orderId);
    if (!row) return [];
    const filled = this.filledOf(row);
    const quantities = [Math.min(filled, row.firstQuantity), filled - row.firstQuantity].filter((part) => part > 0);
    const trades = quantities.map((quantity, n) => ({
      tradeId: String(20_000_000 + n),
      orderID: row.number,
      symbol: row.request.symbol,
      quantity: String(quantity),
      price: row.request.price ?? '0',
      tradeTime: `${istDate(row.takenMs + n * 60_000)} ${istTime(row.takenMs + n * 60_000)}`,
    }));
    return trades.slice(offset, offset + 1);
  }

  #shown(clientId: string): LemonnRow[] {
    return this.rows.filter((row) => row.clientId === clientId && row.shownFromMs <= this.#clock.nowMs());
  }
}
