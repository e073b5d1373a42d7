import { expect, test } from 'vitest';
import { user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

onEveryDatabase('settle_orders with a fill no market has', ({ store, value }) => {
  test.each([
    ['a price', 1, 2 ** 53],
    ['a quantity', 2 ** 53, 1],
    ['both together', 10, 2 ** 50],
  ])(
    'refuses it, and books nothing of it, where no number in JSON can hold what it is worth: %s',
    async (_of, n, price) => {
      await decideAll(await openTestRun(store, { users: [user('asha')] }));
      const { orderId } = await sendOne(store);
      const outcome = settlement(orderId, 'filled', { venueOrderId: 'V1', fills: [fill('f1', n, price)] });
      await expect(settle(store, [outcome])).rejects.toMatchObject({ kind: 'refused' });
      expect(await value('select status from public.orders')).toBe('submitting');
      expect(await value('select count(*)::int from public.fills')).toBe(0);
      expect(await value(`select count(*)::int from public.ledger_entries where kind = 'post'`)).toBe(0);
    },
  );
});
