// The two logins at Lemonn: by the account’s own key, and by a person in the browser.
import type { LoginEnd, RecordOwner, VenueLogin } from '../../../ports/vault.ts';
import type { LoginDeps } from '../module.ts';
import { storeSession } from '../stored-session.ts';
import { lemonnRecord } from './credentials.ts';
import { type LemonnLogin, lemonnLoginUrl, openLemonnAccess, openLemonnSession } from './session.ts';

export interface LemonnLoginOptions extends LoginDeps {
  /** The partner's allow-listed id, for the session flow; null where Lemonn gave none. */
  requestId: string | null;
}

/**
 * Lemonn's two logins. The access flow: a new token by the account's own key, which may end the one before. The session
 * flow: a person in the browser. Nobody knows of a parameter that its login page would bring back, so none is given it.
 */
export function lemonnLogin(options: LemonnLoginOptions): Required<Omit<VenueLogin, 'handlePush'>> {
  const { baseUrl, mode, vault, clock, fetchFor, timeoutMs, requestId } = options;
  const ownerOf = (accountId: number): RecordOwner => ({ accountId, venue: 'lemonn', mode });
  const read = async (accountId: number) => {
    const opened = await vault.read(ownerOf(accountId));
    const secrets = lemonnRecord.safeParse(opened?.secrets).data;
    if (!opened || !secrets) return null;
    const { flow, ...credentials } = secrets;
    const clientOptions = () => {
      const fetcher = fetchFor({ accountId, userId: opened.userId });
      return { baseUrl, credentials, clock, fetcher, timeoutMs };
    };
    return { flow, clientId: secrets.clientId, clientOptions };
  };
  const finish = async (accountId: number, clientId: string, login: LemonnLogin): Promise<LoginEnd> => {
    if (login.kind !== 'open') return login;
    if (login.clientId !== null && login.clientId !== clientId) return { kind: 'somebody_else' };
    return storeSession(vault, ownerOf(accountId), lemonnRecord, login);
  };
  return {
    async logIn(accountId) {
      const stored = await read(accountId);
      if (!stored) return { kind: 'not_connected' };
      if (stored.flow === 'session') return { kind: 'refused', reason: 'needs_a_person' };
      return finish(accountId, stored.clientId, await openLemonnAccess(stored.clientOptions()));
    },
    async loginUrl(accountId) {
      const opened = await vault.read(ownerOf(accountId));
      const secrets = lemonnRecord.safeParse(opened?.secrets).data;
      return secrets?.flow === 'session' ? lemonnLoginUrl(secrets.apiKey) : null;
    },
    bringsStateBack: false,
    async finishLogin(accountId, { requestToken, clientId }) {
      const stored = await read(accountId);
      if (stored?.flow !== 'session') return { kind: 'not_connected' };
      // Its session may not say whose it is: then this parameter is all there is, and without it the login is nobody's.
      if (clientId !== null && clientId !== stored.clientId) return { kind: 'somebody_else' };
      const login = await openLemonnSession({ ...stored.clientOptions(), requestToken, requestId });
      if (clientId === null && login.kind === 'open' && login.clientId === null) {
        return { kind: 'unreadable', reason: 'nobody_says_who_logged_in' };
      }
      return finish(accountId, stored.clientId, login);
    },
  };
}
