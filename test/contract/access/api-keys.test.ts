import { expect, test } from 'vitest';
import { nowMs, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

const key = (n: number) => ({
  hash: n.toString(16).padStart(64, '0'),
  hint: `ds_key00${n}`,
  label: `key ${n}`,
  nowMs,
  by: tester,
});
const operators = (n: number) => ({ ...key(n), role: 'operator', userId: null }) as const;

onEveryDatabase('api keys', ({ store, session, value }) => {
  const importAsha = () =>
    store.call('import_users', { by: tester, users: [user('asha')], mode: 'paper', source: 'import:users.csv', nowMs });

  test('a key is found by its hash until it is revoked, and never again', async () => {
    expect(await store.call('create_api_key', operators(1))).toEqual({ kind: 'created' });
    const { hash, hint } = operators(1);
    const holder = {
      hint,
      role: 'operator',
      scope: 'trade',
      userId: null,
      source: null,
      expiresAtMs: null,
      fault: null,
    };
    expect(await store.call('find_api_key', { hash })).toEqual(holder);
    expect(await store.call('revoke_api_key', { by: tester, hint, nowMs })).toEqual({ kind: 'revoked' });
    expect(await store.call('find_api_key', { hash })).toEqual({ ...holder, fault: 'revoked' });
    expect(await store.call('revoke_api_key', { by: tester, hint, nowMs: nowMs + 5 })).toEqual({
      kind: 'already_revoked',
    });
    expect(await store.call('revoke_api_key', { by: tester, hint: 'ds_nobody', nowMs })).toEqual({
      kind: 'no_such_key',
    });
    // Made again after that (a call that was lost), it stays revoked.
    await store.call('create_api_key', operators(1));
    expect(await store.call('find_api_key', { hash })).toEqual({ ...holder, fault: 'revoked' });
    expect(await store.call('find_api_key', { hash: 'unknown' })).toBeNull();
  });

  test('many keys are found by one call, each in its place as if it were asked for alone', async () => {
    await store.call('create_api_key', operators(1));
    await store.call('create_api_key', operators(2));
    await store.call('revoke_api_key', { by: tester, hint: operators(2).hint, nowMs });
    const holder = { hint: operators(1).hint, role: 'operator', userId: null };
    const hashes = [operators(3).hash, operators(1).hash, operators(2).hash, 'no hash', operators(1).hash];
    const alone = await Promise.all(hashes.map((hash) => store.call('find_api_key', { hash })));
    expect(await store.call('find_api_keys', { hashes })).toEqual(alone);
    expect(alone).toMatchObject([null, holder, { fault: 'revoked' }, null, holder]);
    expect(await store.call('find_api_keys', { hashes: [] })).toEqual([]);
  });

  test('a user’s key names a user there is', async () => {
    const userKey = { ...key(1), role: 'user', userId: 'asha' } as const;
    expect(await store.call('create_api_key', userKey)).toEqual({ kind: 'no_such_user' });
    await importAsha();
    expect(await store.call('create_api_key', userKey)).toEqual({ kind: 'created' });
    expect(await store.call('find_api_key', userKey)).toMatchObject({ role: 'user', userId: 'asha' });
    const noUser = store.call('create_api_key', { ...userKey, ...key(2), userId: null });
    await expect(noUser).rejects.toThrow('a_users_key_names_the_user');
  });

  test('making a key twice makes one, and no two have the same first characters', async () => {
    await store.call('create_api_key', operators(1));
    await store.call('create_api_key', operators(1));
    expect(await value('select count(*)::int from public.api_keys')).toBe(1);
    const twin = store.call('create_api_key', { ...operators(2), hint: operators(1).hint });
    await expect(twin).rejects.toThrow('a_key_is_known_by_its_hint');
  });

  test('the list has everything but the key and its hash', async () => {
    await store.call('create_api_key', operators(1));
    await store.call('create_api_key', { ...operators(2), nowMs: nowMs + 1 });
    await store.call('revoke_api_key', { by: tester, hint: operators(2).hint, nowMs: nowMs + 2 });
    const never = { expiresAtMs: null, lastUsedAtMs: null, revokedAtMs: null };
    const plain = { role: 'operator', scope: 'trade', userId: null, source: null, ...never };
    expect(await store.call('read_api_keys', {})).toEqual([
      { ...plain, hint: 'ds_key001', label: 'key 1', createdAtMs: nowMs },
      { ...plain, hint: 'ds_key002', label: 'key 2', createdAtMs: nowMs + 1, revokedAtMs: nowMs + 2 },
    ]);
  });

  const laterMs = Date.now() + 3_600_000;

  test('a key ends when it was said to, by the clock of the database', async () => {
    const { hash } = operators(1);
    await store.call('create_api_key', { ...operators(1), expiresMs: laterMs });
    expect(await store.call('find_api_key', { hash })).toMatchObject({ expiresAtMs: laterMs, fault: null });
    const before = await store.call('create_api_key', { ...operators(2), expiresMs: nowMs + 1 });
    expect(before).toEqual({ kind: 'created' });
    expect(await store.call('find_api_key', operators(2))).toMatchObject({ fault: 'expired' });
    const never = store.call('create_api_key', { ...operators(3), expiresMs: nowMs });
    await expect(never).rejects.toThrow('a_key_ends_after_it_was_made');
  });

  test('the last use of a key is kept to the minute', async () => {
    await store.call('create_api_key', operators(1));
    await store.call('create_api_key', operators(2));
    const note = (...hints: string[]) => store.call('note_key_uses', { hints });
    expect(await note('ds_key001', 'ds_unknown')).toEqual({ noted: 1 });
    expect(await note('ds_key001', 'ds_key002')).toEqual({ noted: 1 });
    const [first, second] = await store.call('read_api_keys', {});
    expect(Math.abs(Date.now() - (first?.lastUsedAtMs ?? 0))).toBeLessThan(3_600_000);
    expect(second?.lastUsedAtMs).not.toBeNull();
    await session.exec("update public.api_keys set last_used_at = last_used_at - interval '61 seconds' where true");
    expect(await note('ds_key001')).toEqual({ noted: 1 });
  });

  test('a login is the user it is connected to', async () => {
    const authUserId = '6f1c1c1e-0000-4000-8000-000000000001';
    await importAsha();
    expect(await store.call('find_auth_user', { authUserId })).toEqual({ userId: null });
    await session.query('update public.users set auth_user_id = $1', [authUserId]);
    expect(await store.call('find_auth_user', { authUserId })).toEqual({ userId: 'asha' });
  });
});
