import { expect, test } from 'vitest';
import { nowMs, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, leaseMs, openTestRun, sendOne, settle, settlement, take } from '../support/test-run.ts';

onEveryDatabase('a renewed lease', ({ store, session }) => {
  const renew = (claimId: string, orderIds: number[], forMs = leaseMs) =>
    store.call('renew_claims', { claimIds: [claimId], orderIds, leaseMs: forMs });
  const leftMs = (orderId: number) =>
    session
      .query(
        'select extract(epoch from lease_until - core.database_now()) * 1000 as ms from public.orders where id = $1',
        [orderId],
      )
      .then(([row]) => Number(row?.['ms']));

  test('keeps an order that is at the venue and one that is looked up', async () => {
    await decideAll(await openTestRun(store, { users: ['asha', 'ravi'].map((id) => user(id)) }));
    const [other, sent] = (await take(store, 'm1', { leaseMs: 5000 })).map(({ orderId }) => orderId);
    if (!other || !sent) throw new Error('two orders were to be taken');
    expect(await renew('m1', [other, sent], 600_000)).toEqual({ renewed: 2 });
    for (const orderId of [other, sent]) expect(await leftMs(orderId)).toBeGreaterThan(500_000);
    await settle(store, [settlement(sent, 'unknown', { nextLookupMs: nowMs })]);
    const lookups = { claimId: 'l1', venues: ['paper'], limit: 9, leaseMs: 5000, nowMs };
    const claimed = await store.call('claim_lookups', lookups);
    // The answer may be lost: asked again it is the same, and nobody else gets any of it.
    expect(await store.call('claim_lookups', lookups)).toEqual(claimed);
    expect(await store.call('claim_lookups', { ...lookups, claimId: 'l2' })).toEqual([]);
    expect(await renew('l1', [sent], 600_000)).toEqual({ renewed: 1 });
  });

  test('is not one that lapsed, nor one of somebody else, nor one that is settled', async () => {
    await decideAll(await openTestRun(store, { users: ['asha', 'ravi'].map((id) => user(id)) }));
    const lapsed = (await take(store, 'slow', { limit: 1, leaseMs: -1 })).map(({ orderId }) => orderId);
    expect(await renew('slow', lapsed)).toEqual({ renewed: 0 });
    const { orderId } = await sendOne(store, 'quick');
    expect(await renew('slow', [orderId])).toEqual({ renewed: 0 });
    expect(await renew('quick', [orderId])).toEqual({ renewed: 1 });
    await settle(store, [settlement(orderId, 'rejected')]);
    expect(await renew('quick', [orderId])).toEqual({ renewed: 0 });
  });
});
