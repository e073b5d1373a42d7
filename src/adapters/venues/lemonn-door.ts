import type { RecordOwner, VenueDoor } from '../../ports/vault.ts';
import type { DoorOptions } from './kite-door.ts';
import { openLemonnAccess } from './lemonn-session.ts';
import { venueSecrets } from './secrets.ts';
import { storeSession } from './stored-login.ts';

/** Lemonn's access flow: a new token by the account's own key, which may end the one before. */
export function lemonnDoor({ baseUrl, mode, vault, clock, fetchFor, timeoutMs }: DoorOptions): VenueDoor {
  return {
    async logIn(accountId) {
      const owner: RecordOwner = { accountId, venue: 'lemonn', mode };
      const opened = await vault.read(owner);
      const read = venueSecrets.lemonn.safeParse(opened?.secrets);
      if (!opened || !read.success) return { kind: 'not_connected' };
      const { flow, ...credentials } = read.data;
      if (flow === 'session') return { kind: 'refused', reason: 'needs_a_person' };
      const fetcher = fetchFor({ accountId, userId: opened.userId });
      const login = await openLemonnAccess({ baseUrl, credentials, clock, fetcher, timeoutMs });
      if (login.kind !== 'open') return login;
      if (login.clientId !== null && login.clientId !== credentials.clientId) return { kind: 'somebody_else' };
      return storeSession(vault, owner, venueSecrets.lemonn, login);
    },
  };
}
