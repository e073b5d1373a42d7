// The daily login at Kite in the browser, and Kite’s postbacks.
import { z } from 'zod';
import { batched } from '../../../concurrency/batch.ts';
import { parseJson } from '../../../domain/text/json.ts';
import type { RecordOwner, VenueLogin } from '../../../ports/vault.ts';
import type { LoginDeps } from '../module.ts';
import { storeSession } from '../stored-session.ts';
import { kiteRecord } from './credentials.ts';
import { exchangeRequestToken, kiteLoginUrl, verifyPostback } from './session.ts';

/** Kite's daily login in the browser, and its postbacks. */
export function kiteLogin(options: LoginDeps): Required<Omit<VenueLogin, 'logIn'>> {
  const { vault, mode, baseUrl, clock, fetchFor, timeoutMs } = options;
  const ownerOf = (accountId: number): RecordOwner => ({ accountId, venue: 'kite', mode });
  const read = async (accountId: number) => {
    const opened = await vault.read(ownerOf(accountId));
    const secrets = kiteRecord.safeParse(opened?.secrets).data;
    return opened && secrets ? { userId: opened.userId, secrets } : null;
  };
  return {
    async loginUrl(accountId, state) {
      const stored = await read(accountId);
      if (!stored) return null;
      // Given back as it is, behind the request token (Kite's `redirect_params`).
      const back = new URLSearchParams({ redirect_params: new URLSearchParams({ state }).toString() });
      return `${kiteLoginUrl(stored.secrets.apiKey)}&${back}`;
    },
    bringsStateBack: true,
    async finishLogin(accountId, { requestToken }) {
      const stored = await read(accountId);
      if (!stored) return { kind: 'not_connected' };
      const { apiKey, apiSecret, clientId } = stored.secrets;
      const fetcher = fetchFor({ accountId, userId: stored.userId });
      const login = await exchangeRequestToken({ baseUrl, apiKey, apiSecret, requestToken, clock, fetcher, timeoutMs });
      if (login.kind !== 'open') return login;
      if (login.kiteUserId !== clientId) return { kind: 'somebody_else' };
      return storeSession(vault, ownerOf(accountId), kiteRecord, login);
    },
    handlePush: postbackReader(options, read),
  };
}

/**
 * What is read of a postback before its checksum, only to find whose secret the checksum has to be made with. Kite's
 * numbers of orders are digits; a tag of ours is a client order id, and a client's orders from elsewhere have others or
 * none.
 */
const claimed = z.object({
  order_id: z.string().regex(/^[\w-]{1,40}$/),
  order_timestamp: z.string().regex(/^[\x20-\x7e]{1,40}$/),
  checksum: z.string().regex(/^[0-9a-f]{64}$/i),
  user_id: z
    .string()
    .regex(/^\w{1,20}$/)
    .nullish(),
  tag: z.string().max(100).nullish(),
});
const OUR_TAG = /^[a-z0-9]{1,20}$/;

/** Orders that anybody names are looked up by one call at a time, each of so many. */
const LOOKUP_BATCH_SIZE = 200;

type Read = (accountId: number) => Promise<{ secrets: { apiSecret: string } } | null>;

function postbackReader({ store, clock }: LoginDeps, read: Read): Required<VenueLogin>['handlePush'] {
  const find = batched(
    (orders: { venueOrderId: string; clientOrderId: string }[]) =>
      store.call('find_venue_orders', { venue: 'kite', orders }),
    LOOKUP_BATCH_SIZE,
  );
  return async (raw) => {
    const claim = claimed.safeParse(parseJson(raw));
    if (!claim.success) return 'malformed';
    const { order_id: venueOrderId, tag } = claim.data;
    if (typeof tag !== 'string' || !OUR_TAG.test(tag)) return 'not_ours';
    const order = await find({ venueOrderId, clientOrderId: tag });
    if (!order) return 'not_ours';
    const stored = await read(order.accountId);
    if (!stored || verifyPostback(raw, stored.secrets.apiSecret) === null) return 'bad_checksum';
    await store.call('request_lookup', { orderId: order.orderId, nowMs: clock.nowMs() });
    return 'due';
  };
}
