// The login at the made-up venue, by the account's own key, and its pushes.
import { z } from 'zod';
import type { LoginDeps } from '../../../src/adapters/venues/module.ts';
import { storeSession } from '../../../src/adapters/venues/stored-session.ts';
import { parseJson } from '../../../src/domain/text/json.ts';
import type { VenueLogin } from '../../../src/ports/vault.ts';
import { openSession, readAs } from './client.ts';
import { madeUpRecord } from './credentials.ts';

const opened = z.object({ token: z.string(), untilMs: z.int() });
const pushed = z.object({ id: z.string(), tag: z.string(), key: z.string() });

export function madeUpLogin(deps: LoginDeps): VenueLogin {
  const { vault, store, clock, mode } = deps;
  const stored = async (accountId: number) => {
    const owner = { accountId, venue: 'made-up', mode };
    const record = await vault.read(owner);
    const secrets = madeUpRecord.safeParse(record?.secrets).data;
    return record && secrets ? { owner, userId: record.userId, secrets } : null;
  };
  return {
    async logIn(accountId) {
      const account = await stored(accountId);
      if (!account) return { kind: 'not_connected' };
      const { owner, userId, secrets } = account;
      const reply = await openSession(deps, { accountId, userId }, secrets.apiKey);
      const session = readAs(reply, opened);
      if (session.kind === 'no_session') return { kind: 'refused', reason: 'key_refused' };
      if (session.kind !== 'read') return session;
      const { token: accessToken, untilMs: accessUntilMs } = session.value;
      return storeSession(vault, owner, madeUpRecord, { accessToken, accessUntilMs });
    },
    async handlePush(raw) {
      const push = pushed.safeParse(parseJson(raw));
      if (!push.success) return 'malformed';
      const { id: venueOrderId, tag: clientOrderId, key } = push.data;
      const orders = [{ venueOrderId, clientOrderId }];
      const [order] = await store.call('find_venue_orders', { venue: 'made-up', orders });
      if (!order) return 'not_ours';
      const account = await stored(order.accountId);
      if (account?.secrets.apiKey !== key) return 'bad_checksum';
      await store.call('request_lookup', { orderId: order.orderId, nowMs: clock.nowMs() });
      return 'due';
    },
  };
}
