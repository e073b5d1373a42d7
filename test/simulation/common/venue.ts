// A simulated venue of one day: its book of orders says what was really bought and sold.
import type { LookupOutcome, OrderToSend, SubmitOutcome, VenueFill, VenueReport } from '../../../src/ports/venue.ts';
import type { VenuePlan } from '../day/plan.ts';
import type { Chance } from './chance.ts';
import type { Oddities } from './oddities.ts';

/** An order as the venue booked it. Its life is fixed at booking; time only uncovers it. */
export interface Booked {
  order: OrderToSend;
  venueOrderId: string;
  /** When each status begins; the last one stays. */
  life: { fromMs: number; status: VenueReport['status'] }[];
  /** A fill can be told from `atMs` on, which may be after the order's status has told of it, or of its end. */
  fills: VenueFill[];
  /** Lookups find it from then on. */
  visibleFromMs: number;
  /** Whether it is told of with values that nobody can book. */
  odd: ReturnType<Oddities['values']>;
}

export interface SimulatedVenue {
  plan: VenuePlan;
  book: Booked[];
  /** A request has arrived. */
  submit(order: OrderToSend, nowMs: number): SubmitOutcome;
  lookup(order: OrderToSend, nowMs: number): LookupOutcome;
  report(booked: Booked, nowMs: number): VenueReport;
}

const troubles = {
  silence_before: 4,
  silence_after: 4,
  garbage_before: 1,
  garbage_after: 2,
  throws_before: 1,
  throws_after: 1,
  reject: 4,
  reject_unbooked: 3,
  rate_limited: 4,
  token_invalid: 1,
};
const lives = {
  filled_at_once: 8,
  filled_later: 4,
  in_two_parts: 3,
  partial_then_canceled: 3,
  canceled_crossing_a_fill: 2,
  canceled: 1,
  expired: 1,
  filled_reported_late: 2,
};

/** A venue with a book of its own, which is the judge of what we sent. `injected` counts what it did wrong. */
export function simulatedVenue(
  plan: VenuePlan,
  chance: Chance,
  oddities: Oddities,
  injected: (fault: string) => void,
): SimulatedVenue {
  const book: Booked[] = [];
  const { refusesDuplicates, missIsProof } = plan.capabilities;
  let fillsMade = 0;

  const fill = (order: OrderToSend, quantity: number, atMs: number): VenueFill => {
    fillsMade += 1;
    const better = chance.between(0, Math.floor(order.limitPriceMinor / 200));
    const priceMinor = order.side === 'BUY' ? order.limitPriceMinor - better : order.limitPriceMinor + better;
    return { venueFillId: oddities.id(`${plan.name}-${fillsMade}`), quantity, priceMinor, atMs };
  };

  const put = (order: OrderToSend, nowMs: number): Booked => {
    const lifeKind = order.quantity < 2 ? 'filled_at_once' : chance.weighted(lives);
    const { life, fills } = lifeOf(lifeKind, order, nowMs);
    const surfacesLate = !missIsProof && chance.happens(plan.trouble / 2);
    if (surfacesLate) injected('surfaces_late');
    if (lifeKind !== 'filled_at_once') injected(lifeKind);
    const visibleFromMs = surfacesLate ? nowMs + chance.between(1000, 400_000) : nowMs;
    const venueOrderId = oddities.id(`${plan.name}${book.length + 1}`);
    const booked = { order, venueOrderId, life, fills, visibleFromMs, odd: oddities.values() };
    book.push(booked);
    return booked;
  };

  const lifeOf = (kind: keyof typeof lives, order: OrderToSend, nowMs: number): Pick<Booked, 'life' | 'fills'> => {
    const { quantity } = order;
    const part = chance.between(1, Math.max(1, quantity - 1));
    const soonMs = nowMs + chance.between(100, 5000);
    const laterMs = soonMs + chance.between(100, chance.pick([3000, 120_000]));
    const working = { fromMs: nowMs, status: 'working' } as const;
    const partly = { fromMs: soonMs, status: 'partially_filled' } as const;
    const first = fill(order, part, soonMs);
    switch (kind) {
      case 'filled_at_once':
        return { life: [{ fromMs: nowMs, status: 'filled' }], fills: [fill(order, quantity, nowMs)] };
      case 'filled_later':
        return { life: [working, { fromMs: laterMs, status: 'filled' }], fills: [fill(order, quantity, laterMs)] };
      case 'in_two_parts':
        return {
          life: [working, partly, { fromMs: laterMs, status: 'filled' }],
          fills: [first, fill(order, quantity - part, laterMs)],
        };
      case 'partial_then_canceled':
        return { life: [working, partly, { fromMs: laterMs, status: 'canceled' }], fills: [first] };
      case 'canceled_crossing_a_fill':
        return { life: [working, { fromMs: soonMs, status: 'canceled' }], fills: [fill(order, part, laterMs)] };
      case 'filled_reported_late':
        return {
          life: [{ fromMs: nowMs, status: 'filled' }],
          fills: [fill(order, part, nowMs), fill(order, quantity - part, laterMs)],
        };
      default:
        return { life: [working, { fromMs: laterMs, status: kind }], fills: [] };
    }
  };

  const report = ({ life, fills, venueOrderId, order, odd }: Booked, nowMs: number): VenueReport => {
    const status = life.findLast(({ fromMs }) => fromMs <= nowMs)?.status ?? 'working';
    const reportedFills = fills.filter(({ atMs }) => atMs <= nowMs);
    const twice = chance.happens(plan.trouble / 3) ? reportedFills.slice(0, 1) : [];
    if (twice.length > 0) injected('duplicate_fill');
    const message = status === 'rejected' ? oddities.words(`no margin for ${order.symbol}`) : null;
    const sound = { venueOrderId, status, fills: [...reportedFills, ...twice], message };
    return odd === 'always' ? oddities.spoiled(sound) : sound;
  };

  const refuse = (order: OrderToSend, nowMs: number): SubmitOutcome => {
    const life = [{ fromMs: nowMs, status: 'rejected' } as const];
    const venueOrderId = `${plan.name}${book.length + 1}`;
    book.push({ order, venueOrderId, life, fills: [], visibleFromMs: nowMs, odd: null });
    return { kind: 'rejected', message: oddities.words('no margin') };
  };

  const acknowledge = (booked: Booked, nowMs: number): SubmitOutcome => {
    const reported = report(booked, nowMs);
    return { kind: 'acknowledged', report: booked.odd === 'once' ? oddities.spoiled(reported) : reported };
  };

  const spellAt = (nowMs: number) => {
    const { spell } = plan;
    if (!spell || nowMs < spell.fromMs || nowMs >= spell.untilMs) return null;
    injected(`spell ${spell.kind}`);
    return spell.kind;
  };

  const known = ({ clientOrderId }: OrderToSend) => book.find(({ order }) => order.clientOrderId === clientOrderId);

  return {
    plan,
    book,
    report,
    submit(order, nowMs) {
      const spell = spellAt(nowMs);
      // Not every refusal to listen is told in a way that proves anything.
      if (spell)
        return {
          kind: spell === 'down' || chance.happens(0.2) ? 'unknown' : 'not_sent',
          reason: oddities.words(spell),
        };
      const before = known(order);
      if (before && refusesDuplicates) {
        if (chance.happens(plan.trouble / 3)) return { kind: 'unknown', reason: 'duplicate_not_in_book' };
        return { kind: 'acknowledged', report: report(before, nowMs) };
      }
      if (!chance.happens(plan.trouble)) return acknowledge(put(order, nowMs), nowMs);
      const trouble = chance.weighted(troubles);
      injected(trouble);
      if (trouble === 'rate_limited' || trouble === 'token_invalid')
        return { kind: 'not_sent', reason: oddities.words(trouble) };
      if (trouble === 'reject') return refuse(order, nowMs);
      if (trouble === 'reject_unbooked') return { kind: 'rejected', message: oddities.words('quantity not allowed') };
      if (trouble.endsWith('_after')) put(order, nowMs);
      if (trouble.startsWith('throws')) throw new Error(oddities.words('the adapter stumbled'));
      return { kind: 'unknown', reason: oddities.words(trouble.startsWith('silence') ? 'timeout' : 'garbage') };
    },
    lookup(order, nowMs) {
      const spell = spellAt(nowMs);
      if (spell) return { kind: 'unreadable', reason: spell };
      const booked = known(order);
      if (chance.happens(plan.trouble / 3)) {
        injected('unreadable_lookup');
        if (chance.happens(0.3)) throw new Error(oddities.words('the adapter stumbled'));
        return { kind: 'unreadable', reason: oddities.words('garbage') };
      }
      if (!booked || (!missIsProof && booked.visibleFromMs > nowMs)) return { kind: 'missing' };
      return { kind: 'found', report: report(booked, nowMs) };
    },
  };
}
