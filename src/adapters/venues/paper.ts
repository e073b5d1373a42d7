// The simulated venue, whose market and book are tables of the same database.

import { batched } from '../../concurrency/batch.ts';
import type { Fault } from '../../domain/faults.ts';
import { hasAnswered } from '../../ports/database.ts';
import type { Emit } from '../../ports/events/events.ts';
import type { PaperAnswer } from '../../ports/store/orders.ts';
import type { Store } from '../../ports/store/store.ts';
import type { LookupOutcome, OrderToSend, SubmitOutcome, Venue } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';

const SUBMIT_BATCH_SIZE = 100;

export interface PaperVenueOptions {
  /** The simulated venue keeps its book in the same database, in a schema and in transactions of its own. */
  store: Store;
  clock: Clock;
  slippageBps: number;
  /** What it is to do wrong; null: what it was to before. */
  faults: readonly Fault[] | null;
  /** Gets an event for a fault that names nobody. */
  emit?: Emit;
}

/** A simulated venue: fills at the day's price within the limit, refuses duplicate ids, and fails as its faults say. */
export function paperVenue({ store, clock, slippageBps, faults, emit }: PaperVenueOptions): Venue {
  const lookup = async ({ clientOrderId }: OrderToSend): Promise<LookupOutcome> => {
    return store.call('paper_venue_lookup', { clientOrderId, nowMs: clock.nowMs() });
  };
  // As an exchange's gateway does: what comes in together is matched together, each order by itself.
  const submit = batched(
    (orders: object[]) => store.call('paper_venue_submit', { orders }),
    SUBMIT_BATCH_SIZE,
    hasAnswered,
  );
  return {
    name: 'paper',
    capabilities: { refusesDuplicates: true, missIsProof: true },
    lookup,
    async openMarket(tradeDate, quotes) {
      const market = { tradeDate, quotes: [...quotes], faults: faults === null ? null : [...faults] };
      const { unmatched } = await store.call('paper_venue_prepare', market);
      if (unmatched.length > 0) emit?.({ type: 'fault_matches_nothing', alert: true, names: unmatched.join(', ') });
    },
    async submit(order) {
      const { clientOrderId, userId, exchange, symbol, side, quantity, limitPriceMinor } = order;
      const submission = { clientOrderId, userId, exchange, symbol, side, quantity, limitPriceMinor, slippageBps };
      const answer = await submit({ ...submission, nowMs: clock.nowMs() });
      return answer.kind === 'duplicate' ? asBooked(await lookup(order)) : outcomeOf(answer);
    },
  };
}

function outcomeOf(answer: Exclude<PaperAnswer, { kind: 'duplicate' }>): SubmitOutcome {
  switch (answer.kind) {
    case 'acknowledged':
      return { kind: 'acknowledged', report: answer.report };
    case 'rejected':
      return { kind: 'rejected', message: answer.report.message ?? 'no reason given' };
    case 'silence':
      return { kind: 'unknown', reason: 'timeout' };
    case 'garbage':
      return { kind: 'unknown', reason: 'unreadable_answer' };
  }
}

/** A refused duplicate means the order is in the book: the book says what became of it. */
function asBooked(lookup: LookupOutcome): SubmitOutcome {
  if (lookup.kind === 'found') return { kind: 'acknowledged', report: lookup.report };
  return { kind: 'unknown', reason: 'duplicate_not_in_book' };
}
