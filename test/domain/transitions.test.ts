import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OrderStatus } from '../../src/domain/order.ts';
import { isTerminal, orderStatuses, transitions } from '../../src/domain/order.ts';

const ends: OrderStatus[] = ['filled', 'rejected', 'canceled', 'expired'];
/** Statuses in which the venue may know of the order. */
const sent: OrderStatus[] = ['submitting', 'working', 'partially_filled', 'unknown'];

function reachableFrom(start: OrderStatus): Set<OrderStatus> {
  const reached = new Set<OrderStatus>([start]);
  for (const status of reached) for (const next of transitions[status]) reached.add(next);
  return reached;
}

/** A life of an order: at every step one of the successors, as the numbers choose, until none is left. */
function statusesOf(choices: number[]): OrderStatus[] {
  const statuses: OrderStatus[] = ['queued'];
  let status: OrderStatus = 'queued';
  for (const choice of choices) {
    const next: OrderStatus | undefined = transitions[status][choice % Math.max(1, transitions[status].length)];
    if (next === undefined) break;
    statuses.push(next);
    status = next;
  }
  return statuses;
}
const anyStatuses = fc.array(fc.nat(1000), { maxLength: 40 }).map(statusesOf);

describe('the order statuses', () => {
  test('exactly filled, rejected, canceled and expired are terminal, with no successor', () => {
    expect(orderStatuses.filter(isTerminal)).toEqual(ends);
    for (const status of ends) expect(transitions[status]).toEqual([]);
  });

  test('every status is in the table and can be reached from queued', () => {
    expect(Object.keys(transitions).sort()).toEqual([...orderStatuses].sort());
    expect([...reachableFrom('queued')].sort()).toEqual([...orderStatuses].sort());
  });

  test('from every status a terminal one can be reached: no order is stuck for ever', () => {
    for (const status of orderStatuses) expect([...reachableFrom(status)].some(isTerminal)).toBe(true);
  });

  test('no status follows itself and none is listed twice', () => {
    for (const status of orderStatuses) {
      expect(transitions[status]).not.toContain(status);
      expect(new Set(transitions[status]).size).toBe(transitions[status].length);
    }
  });

  test('write first, then speak: only submitting follows queued on the way to a venue', () => {
    expect(transitions.queued.filter((status) => sent.includes(status) || status === 'filled')).toEqual(['submitting']);
  });

  test('unknown is not failed: it never goes back to be sent', () => {
    expect(reachableFrom('unknown')).not.toContain('queued');
    expect(reachableFrom('unknown')).not.toContain('submitting');
  });

  test('only submitting, proven not sent, returns to queued', () => {
    expect(orderStatuses.filter((status) => transitions[status].includes('queued'))).toEqual(['submitting']);
  });

  test('what is partly filled was not rejected', () => {
    expect(reachableFrom('partially_filled')).not.toContain('rejected');
  });

  test('whatever happens, an order that ended stays as it ended, and one once at the venue is not sent again', () => {
    fc.assert(
      fc.property(anyStatuses, (statuses) => {
        expect(statuses.slice(0, -1).some(isTerminal)).toBe(false);
        const atVenue = statuses.findIndex((status) => ['working', 'partially_filled', 'unknown'].includes(status));
        if (atVenue >= 0) expect(statuses.slice(atVenue)).not.toContain('submitting');
      }),
    );
  });
});
