// The torture venue's order book, and its shape on the wire.
import { randomInt } from 'node:crypto';
import { z } from 'zod';

export const orderShape = z.object({
  clientOrderId: z.string(),
  accountId: z.int(),
  symbol: z.string(),
  quantity: z.int(),
  limitPriceMinor: z.int(),
});
type PlacedOrder = z.infer<typeof orderShape>;

export const reportShape = z.object({
  venueOrderId: z.string(),
  status: z.enum(['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired']),
  fills: z.array(z.object({ venueFillId: z.string(), quantity: z.int(), priceMinor: z.int(), atMs: z.int() })),
  message: z.string().nullable(),
});
type OrderReport = z.infer<typeof reportShape>;

/** What the venue knows in the end, for the comparison with our tables. */
export const wholeBook = z.object({
  orders: z.array(
    z.object({
      clientOrderId: z.string(),
      /** Submissions heard, without those answered «not placed» (429). */
      submits: z.int(),
      placed: z.array(reportShape),
    }),
  ),
  /** Orders that were not marked in our table when the venue heard of them, with the status they had. */
  unmarked: z.array(z.string()),
  /** How often each message was heard. */
  messages: z.record(z.string(), z.int()),
  faults: z.record(z.string(), z.int()),
});
export type WholeBook = z.infer<typeof wholeBook>;

interface Placed {
  order: PlacedOrder;
  venueOrderId: string;
  acceptedAtMs: number;
  /** What happens to it, and how long after it was accepted. */
  life: { afterMs: number; status: OrderReport['status']; quantity: number }[];
}

/** One of the choices, by weight. */
export function chosen<Choice extends string>(weights: Readonly<Record<Choice, number>>): Choice {
  const entries = Object.entries<number>(weights) as [Choice, number][];
  let left = randomInt(entries.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [choice, weight] of entries) {
    left -= weight;
    if (left < 0) return choice;
  }
  throw new Error('the weights add up to nothing');
}

const lives = { fills: 60, rests: 15, canceled_after_a_part: 8, expires: 5, rejected: 12 };

function lifeOf(quantity: number): Placed['life'] {
  const part = Math.floor(quantity / 2);
  const rest = { afterMs: 0, status: 'working', quantity: 0 } as const;
  const partialFill = { afterMs: randomInt(1_000, 15_000), status: 'partially_filled', quantity: part } as const;
  const later = randomInt(16_000, 60_000);
  switch (chosen(lives)) {
    case 'fills':
      return [{ afterMs: 0, status: 'filled', quantity }];
    case 'rests':
      return part === 0
        ? [rest, { afterMs: later, status: 'filled', quantity }]
        : [rest, partialFill, { afterMs: later, status: 'filled', quantity: quantity - part }];
    case 'canceled_after_a_part':
      return [...(part === 0 ? [rest] : [rest, partialFill]), { afterMs: later, status: 'canceled', quantity: 0 }];
    case 'expires':
      return [rest, { afterMs: later, status: 'expired', quantity: 0 }];
    case 'rejected':
      return [{ afterMs: 0, status: 'rejected', quantity: 0 }];
  }
}

/**
 * The venue's own book. It does not refuse a second order with the same client order id, so that every duplicate
 * shows.
 */
export class Book {
  readonly #heard = new Map<string, { submits: number; placed: Placed[] }>();
  #count = 0;

  /** Counts a submission; `placeable` is false for one that is answered «not placed». */
  hear({ clientOrderId }: PlacedOrder, placeable: boolean): void {
    const entry = this.#heard.get(clientOrderId) ?? { submits: 0, placed: [] };
    this.#heard.set(clientOrderId, entry);
    if (placeable) entry.submits += 1;
  }

  place(order: PlacedOrder, nowMs: number): OrderReport {
    this.#count += 1;
    const venueOrderId = `V${this.#count}`;
    const placed = { order, venueOrderId, acceptedAtMs: nowMs, life: lifeOf(order.quantity) };
    this.#heard.get(order.clientOrderId)?.placed.push(placed);
    return reportOf(placed, nowMs);
  }

  find(clientOrderId: string, nowMs: number): OrderReport | null {
    const [first] = this.#heard.get(clientOrderId)?.placed ?? [];
    return first ? reportOf(first, nowMs) : null;
  }

  all(nowMs: number): WholeBook['orders'] {
    return [...this.#heard].map(([clientOrderId, { submits, placed }]) => {
      return { clientOrderId, submits, placed: placed.map((one) => reportOf(one, nowMs)) };
    });
  }
}

function reportOf({ order, venueOrderId, acceptedAtMs, life }: Placed, nowMs: number): OrderReport {
  const lived = life.filter(({ afterMs }) => acceptedAtMs + afterMs <= nowMs);
  const fills = lived.flatMap(({ afterMs, quantity }, index) => {
    const fill = { venueFillId: `${venueOrderId}-${index}`, quantity, priceMinor: order.limitPriceMinor - 5 };
    return quantity === 0 ? [] : [{ ...fill, atMs: acceptedAtMs + afterMs }];
  });
  const status = lived.at(-1)?.status ?? 'working';
  return { venueOrderId, status, fills, message: status === 'rejected' ? 'rejected at random' : null };
}
