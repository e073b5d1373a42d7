import { expect, test } from 'vitest';
import type { DueMessage } from '../../../src/ports/store/messages.ts';
import { composeMessage } from '../../../src/stages/notify/compose-message.ts';

const line: DueMessage['lines'][number] = {
  ...{ symbol: 'AAPL', side: 'BUY', outcome: 'accepted', reason: null, limit: null, actual: null, status: 'filled' },
  ...{ orderReason: null, message: null, quantity: 4, filledQuantity: 4, filledValueMinor: 92_980 },
  ...{ limitPriceMinor: 23_360, marginMinor: 92_980, chargesMinor: 3, realisedMinor: null },
};
const due: DueMessage = {
  ...{ messageId: 1, runId: 'XNYS:2026-07-01:open:paper', userId: 'u1', kind: 'summary', userName: 'Asha Rao' },
  ...{ whatsapp: null, silenced: null, language: 'en', channel: 'whatsapp', attempt: 0, windowOpen: true, dueMs: 0 },
  ...{ contentHash: '', tradeDate: '2026-07-01', mode: 'paper', pricesFrom: null, login: null, lines: [line] },
  availableMinor: 10_000_000,
};
const notifier = { name: 'screen', send: async () => ({ kind: 'sent' as const, providerId: null }) };
const textOf = async (change: Partial<DueMessage>) => (await composeMessage({ ...due, ...change }, { notifier })).text;

test('a message is in the currency of the market its run is of, whichever kind it is', async () => {
  const dollars = await textOf({});
  expect(dollars).toContain('4 × AAPL @ $232.45 = $929.80');
  expect(dollars).toContain('cash available $100,000.00');
  const rupees = await textOf({ runId: 'XNSE:2026-07-01:open:paper' });
  expect(rupees).toContain('4 × AAPL @ ₹232.45 = ₹929.80');
  expect(rupees).toContain('cash available ₹1,00,000.00');
  const placedBy = { own: true, key: null };
  const single = { kind: 'single_orders', runId: 'XNYS:2026-07-01:api:paper', lines: [{ ...line, placedBy }] };
  expect(await textOf(single)).toContain('4 × AAPL @ $232.45 = $929.80');
});
