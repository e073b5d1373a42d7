import { describe, expect, onTestFinished, test } from 'vitest';
import { lemonnLogin } from '../../../src/adapters/venues/lemonn/login.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Vault } from '../../../src/ports/vault.ts';
import { apiKey, openLemonnExchange, privateKey, requestId } from '../../simulators/venues/lemonn-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs } from '../../support/builders.ts';

const secrets = { clientId: 'C1', apiKey, privateKey, flow: 'access' };

/** One account's record in memory; `between`: what somebody else writes between a read and the write after it. */
async function accountWith(record: object | null, between: object[] = []) {
  const clock = jumpingClock(nowMs);
  const lemonn = await openLemonnExchange(clock);
  onTestFinished(() => lemonn.close());
  const held = { record, version: 0 };
  const vault: Vault = {
    read: async () => held.record && { userId: 'asha', secrets: held.record, version: String(held.version) },
    async write(_owner, written, replaces) {
      const other = between.shift();
      if (other) Object.assign(held, { record: other, version: held.version + 1 });
      if (replaces !== String(held.version)) return 'changed';
      Object.assign(held, { record: written, version: held.version + 1 });
      return 'stored';
    },
  };
  const store: Store = { call: () => Promise.reject(new Error('not needed')), close: async () => undefined };
  const options = { baseUrl: lemonn.baseUrl, mode: 'live', clock, fetchFor: () => fetch, timeoutMs: 700 } as const;
  const login = lemonnLogin({ ...options, vault, store, requestId });
  return { held, lemonn, login, logIn: () => login.logIn(1) };
}

test('an account of the access flow logs in by its own key, and the token is stored', async () => {
  const { held, logIn } = await accountWith(secrets);
  expect(await logIn()).toMatchObject({ kind: 'open' });
  expect(held.record).toMatchObject({ ...secrets, accessToken: 'access-C1' });
});

test('what was changed meanwhile is kept, and the token is put beside it', async () => {
  const moved = { ...secrets, proxyUrl: 'http://proxy:1' };
  const { held, lemonn, logIn } = await accountWith(secrets, [moved]);
  expect(await logIn()).toMatchObject({ kind: 'open' });
  expect(held.record).toMatchObject({ ...moved, accessToken: 'access-C1' });
  expect(lemonn.requests).toHaveLength(1);
});

test('an account of the session flow needs a person, and one that is not connected needs its operator', async () => {
  const person = await accountWith({ ...secrets, flow: 'session' });
  expect(await person.logIn()).toEqual({ kind: 'refused', reason: 'needs_a_person' });
  const nobody = await accountWith(null);
  expect(await nobody.logIn()).toEqual({ kind: 'not_connected' });
  expect([...person.lemonn.requests, ...nobody.lemonn.requests]).toEqual([]);
});

describe('a login in the browser', () => {
  const session = { ...secrets, flow: 'session' };
  const back = { requestToken: 'fresh', clientId: 'C1' };

  test('leads to Lemonn, and makes the session of who was there', async () => {
    const { held, login } = await accountWith(session);
    expect(await login.loginUrl(1, 'ours')).toBe(`https://lemonn-pro.lemonn.co.in/login?api_key=${apiKey}`);
    expect(await login.finishLogin(1, back)).toMatchObject({ kind: 'open' });
    expect(held.record).toMatchObject({ ...session, accessToken: 'token-C1' });
  });

  test.each([
    ['the way back', { ...back, clientId: 'C2' }, { access_token: 'token-C1' }],
    ['the session', back, { access_token: 'token-C2', client_id: 'C2' }],
  ])('of somebody else, by the word of %s, changes nothing', async (_whose, callback, answer) => {
    const { held, lemonn, login } = await accountWith(session);
    lemonn.answerLogin(answer);
    expect(await login.finishLogin(1, callback)).toEqual({ kind: 'somebody_else' });
    expect(held.record).toEqual(session);
  });

  test('is nobody’s where neither says who it was; one word is enough', async () => {
    const { held, lemonn, login } = await accountWith(session);
    lemonn.answerLogin({ access_token: 'token-C1' });
    expect(await login.finishLogin(1, { ...back, clientId: null })).toMatchObject({ kind: 'unreadable' });
    expect(held.record).toEqual(session);
    expect(await login.finishLogin(1, back)).toMatchObject({ kind: 'open' });
  });

  test('is not for an account that logs in by itself, nor for one that is not connected', async () => {
    for (const record of [secrets, null]) {
      const { lemonn, login } = await accountWith(record);
      expect(await login.loginUrl(1, 'ours')).toBeNull();
      expect(await login.finishLogin(1, back)).toEqual({ kind: 'not_connected' });
      expect(lemonn.requests).toEqual([]);
    }
  });
});

test('a record that changes under every write is left alone', async () => {
  const { held, logIn } = await accountWith(
    secrets,
    Array.from({ length: 10 }, () => secrets),
  );
  expect(await logIn()).toEqual({ kind: 'unreadable', reason: 'credentials_keep_changing' });
  expect(held.record).toEqual(secrets);
});
