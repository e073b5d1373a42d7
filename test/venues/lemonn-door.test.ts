import { expect, onTestFinished, test } from 'vitest';
import { lemonnDoor } from '../../src/adapters/venues/lemonn-door.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Vault } from '../../src/ports/vault.ts';
import { nowMs } from '../contract/scene.ts';
import { jumpingClock } from '../pipeline/hand.ts';
import { apiKey, openLemonnExchange, privateKey } from './lemonn-exchange.ts';

const secrets = { clientId: 'C1', apiKey, privateKey, flow: 'access' };

/** One account's record in memory; `between`: what somebody else writes between a read and the write after it. */
async function desk(record: object | null, between: object[] = []) {
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
  const wire = { baseUrl: lemonn.baseUrl, mode: 'live', clock, fetchFor: () => fetch, timeoutMs: 700 } as const;
  const door = lemonnDoor({ ...wire, vault, store });
  return { held, lemonn, logIn: () => door.logIn?.(1) };
}

test('an account of the access flow logs in by its own key, and the token is stored', async () => {
  const { held, logIn } = await desk(secrets);
  expect(await logIn()).toMatchObject({ kind: 'open' });
  expect(held.record).toMatchObject({ ...secrets, accessToken: 'access-C1' });
});

test('what was changed meanwhile is kept, and the token is put beside it', async () => {
  const moved = { ...secrets, proxyUrl: 'http://proxy:1' };
  const { held, lemonn, logIn } = await desk(secrets, [moved]);
  expect(await logIn()).toMatchObject({ kind: 'open' });
  expect(held.record).toMatchObject({ ...moved, accessToken: 'access-C1' });
  expect(lemonn.seen).toHaveLength(1);
});

test('an account of the session flow needs a person, and one that is not connected needs its operator', async () => {
  const person = await desk({ ...secrets, flow: 'session' });
  expect(await person.logIn()).toEqual({ kind: 'refused', reason: 'needs_a_person' });
  const nobody = await desk(null);
  expect(await nobody.logIn()).toEqual({ kind: 'not_connected' });
  expect([...person.lemonn.seen, ...nobody.lemonn.seen]).toEqual([]);
});

test('a record that changes under every write is left alone', async () => {
  const { held, logIn } = await desk(
    secrets,
    Array.from({ length: 10 }, () => secrets),
  );
  expect(await logIn()).toEqual({ kind: 'unreadable', reason: 'credentials_keep_changing' });
  expect(held.record).toEqual(secrets);
});
