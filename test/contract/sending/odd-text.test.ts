import { expect, test } from 'vitest';
import { nowMs, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

/** What no database of ours can hold, as it comes from outside, and what is kept of it. */
const oddTexts: [string, string, string][] = [
  ['U+0000', 'a\0b', 'a\ufffdb'],
  ['half a surrogate pair', 'a\ud83db', 'a\ufffdb'],
  ['a pair the wrong way round', '\ude00\ud83d', '\ufffd\ufffd'],
];

onEveryDatabase('text from outside', ({ store, session, value }) => {
  test.each(oddTexts)('%s in a refusal keeps neither its order nor those settled with it', async (_name, odd, kept) => {
    await decideAll(await openTestRun(store, { users: [user('asha'), user('ravi')] }));
    const [asha, ravi] = await sendAll(store);
    if (!asha || !ravi) throw new Error('two orders were to go');
    const rejection = { reason: 'venue_rejected', message: odd, venueOrderId: odd };
    await settle(store, [
      settlement(asha.orderId, 'rejected', rejection),
      settlement(ravi.orderId, 'filled', { fills: [fill(odd, 10)] }),
    ]);
    const orders = await session.query('select status, message, venue_order_id from public.orders order by id');
    expect(orders).toEqual([
      { status: 'rejected', message: kept, venue_order_id: kept },
      { status: 'filled', message: null, venue_order_id: null },
    ]);
    expect(await value('select venue_fill_id from public.fills')).toBe(kept);
  });

  test.each(oddTexts)('%s in the name of a field is met the same way', async (_name, odd) => {
    const account = { perSecond: 5, perMinute: 50, perDay: 500 };
    const budgets = { [odd]: { account, venue: null }, kite: { account, venue: null } };
    expect(await store.call('take_rates', { uses: [{ venue: 'kite', accountId: 1 }], budgets })).toEqual([0]);
  });

  test.each(oddTexts)('%s in what is only looked for finds nothing', async (_name, odd) => {
    expect(await store.call('read_user', { userId: odd })).toBeNull();
    expect(await store.call('read_order', { order: odd, userId: null })).toBeNull();
    expect((await store.call('set_user', { by: tester, userId: odd, active: true })).changed).toBe(false);
    await store.call('record_inbound_message', {
      number: '+919812345678',
      consent: null,
      source: odd,
      providerId: odd,
      nowMs,
    });
  });
});
