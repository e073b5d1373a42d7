import { z } from 'zod';
import { parseJson } from '../../domain/json.ts';
import type { Mode } from '../../domain/words.ts';
import type { Store } from '../../ports/store.ts';
import type { RecordOwner, Vault, VenueDoor } from '../../ports/vault.ts';
import type { AccountAtVenue } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';
import type { WayOut } from './http.ts';
import { exchangeRequestToken, kiteLoginUrl, verifyPostback } from './kite-session.ts';
import { venueSecrets } from './secrets.ts';
import { storeSession } from './stored-login.ts';

export interface DoorOptions {
  baseUrl: string;
  mode: Mode;
  vault: Vault;
  store: Store;
  clock: Clock;
  fetchFor: (account: AccountAtVenue) => WayOut;
  timeoutMs: number;
}

/** Kite's daily login in the browser, and its postbacks. */
export function kiteDoor(options: DoorOptions): Required<Omit<VenueDoor, 'logIn'>> {
  const { vault, mode, baseUrl, clock, fetchFor, timeoutMs } = options;
  const ownerOf = (accountId: number): RecordOwner => ({ accountId, venue: 'kite', mode });
  const read = async (accountId: number) => {
    const opened = await vault.read(ownerOf(accountId));
    const secrets = venueSecrets.kite.safeParse(opened?.secrets).data;
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
      return storeSession(vault, ownerOf(accountId), venueSecrets.kite, login);
    },
    hear: (raw) => hear(options, read, raw),
  };
}

/** What is read of a postback before its checksum: only to find whose secret the checksum has to be made with. */
const claimed = z.object({ order_id: z.string().min(1).max(50), tag: z.string().min(1).max(20) });

type Read = (accountId: number) => Promise<{ secrets: { apiSecret: string } } | null>;

async function hear({ store, clock }: DoorOptions, read: Read, raw: string): ReturnType<Required<VenueDoor>['hear']> {
  const claim = claimed.safeParse(parseJson(raw));
  if (!claim.success) return 'not_ours';
  const { order_id: venueOrderId, tag: clientOrderId } = claim.data;
  const order = await store.call('find_venue_order', { venue: 'kite', venueOrderId, clientOrderId });
  if (!order) return 'not_ours';
  const stored = await read(order.accountId);
  if (!stored || verifyPostback(raw, stored.secrets.apiSecret) === null) return 'bad_checksum';
  await store.call('look_now', { orderId: order.orderId, nowMs: clock.nowMs() });
  return 'due';
}
