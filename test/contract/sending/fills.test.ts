import { expect, test } from 'vitest';
import { nowMs, signal } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

onEveryDatabase('fills of a venue that numbers them as it likes', ({ store, session }) => {
  /** Two orders of one account, for two shares, at the venue. */
  const twoSent = async (): Promise<[number, number]> => {
    await decideAll(await openTestRun(store, { signals: [signal('TITAN'), signal('INFY', { rank: 2 })] }));
    const [first, second] = await sendAll(store);
    return [first?.orderId ?? 0, second?.orderId ?? 0];
  };
  const held = () =>
    session.query(
      'select i.symbol, p.quantity::int from public.positions p join public.instruments i on i.id = p.instrument_id order by 1',
    );

  test('one number for fills of two orders counts for each, and told again for none', async () => {
    const [titan, infy] = await twoSent();
    const settlements = [titan, infy].map((orderId) => settlement(orderId, 'filled', { fills: [fill('1', 10)] }));
    expect(await settle(store, settlements)).toMatchObject({ fills: 2 });
    expect(await settle(store, settlements)).toMatchObject({ fills: 0 });
    expect(await held()).toEqual([
      { symbol: 'INFY', quantity: 10 },
      { symbol: 'TITAN', quantity: 10 },
    ]);
    expect(await store.call('check_books', {})).toEqual([]);
  });

  test('an order that is said to be filled without the fills is told to a person, once', async () => {
    const [titan] = await twoSent();
    const withFill = (id: string) => settlement(titan, 'filled', { fills: [fill(id, 4)] });
    await settle(store, [withFill('1')]);
    const unproven: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      await session.query('update public.orders set next_lookup_at = core.at($1) where id = $2', [nowMs, titan]);
      const claim = { claimId: `look-${n}`, venues: ['paper'], limit: 1, leaseMs: 1, nowMs };
      const [order] = await store.call('claim_lookups', claim);
      expect(order?.orderId).toBe(titan);
      const booked = await settle(store, [withFill('1')]);
      expect(booked.fills).toBe(0);
      unproven.push(...booked.unproven);
    }
    expect(unproven).toHaveLength(1);
  });
});
