import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { rotate, storeVault } from '../../../src/adapters/credentials/vault.ts';
import { VaultError } from '../../../src/ports/vault.ts';
import { nowMs, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

const clock = { nowMs: () => nowMs };
const key = () => randomBytes(32);
const secrets = { apiKey: 'a-key', apiSecret: 'the-api-secret', proxyUrl: 'http://me:pass-word@proxy:1' };

onEveryDatabase('credentials', ({ store, session, value }) => {
  const keys = { current: key(), old: [] };
  const vault = storeVault({ store, clock, keys, by: null });
  const importAsha = (change = {}) =>
    store.call('import_users', {
      by: tester,
      users: [user('asha', change)],
      mode: 'paper',
      source: 'import:users.csv',
      nowMs,
    });
  const open = async (userId = 'asha', venue = 'kite') => {
    const opened = await store.call('open_account', { by: tester, userId, venue, mode: 'live' });
    if (opened.kind !== 'open') throw new Error(opened.kind);
    return { accountId: opened.accountId, venue, mode: 'live' } as const;
  };

  test('an account is opened once, with the sizing of the one there is, no money, and not ready', async () => {
    await importAsha({ venue: 'kite', allocationBps: 1234, leverageCenti: 300, maxOpenPositions: 7 });
    const accountKey = { by: tester, userId: 'asha', venue: 'kite', mode: 'live' };
    expect(await store.call('open_account', accountKey)).toMatchObject({
      kind: 'open',
      created: true,
      tradesAt: 'kite',
    });
    expect(await store.call('open_account', accountKey)).toMatchObject({ kind: 'open', created: false });
    const [row] = await session.query(
      "select allocation_bps, leverage_centi, max_open_positions, not_ready, cash_minor::int from public.accounts where mode = 'live'",
    );
    const sizing = { allocation_bps: 1234, leverage_centi: 300, max_open_positions: 7 };
    expect(row).toEqual({ ...sizing, not_ready: 'not checked yet', cash_minor: 0 });
    expect(await store.call('open_account', { ...accountKey, userId: 'nobody' })).toEqual({
      kind: 'no_such_user',
    });
    await session.exec("insert into public.users (id, name) values ('bare', 'bare')");
    expect(await store.call('open_account', { ...accountKey, userId: 'bare' })).toEqual({ kind: 'no_sizing' });
  });

  test('what is stored comes back, and lies in the database as nothing anybody could read', async () => {
    await importAsha();
    const owner = await open();
    expect(await vault.read(owner)).toBeNull();
    expect(await vault.write(owner, secrets, null)).toBe('stored');
    expect(await vault.read(owner)).toEqual({ userId: 'asha', secrets, version: expect.any(String) });
    const [row] = await session.query('select * from public.account_credentials');
    const text = JSON.stringify(row) + Buffer.from(String(row?.['sealed']), 'base64').toString('latin1');
    for (const secret of ['the-api-secret', 'pass-word', keys.current.toString('base64')]) {
      expect(text).not.toContain(secret);
    }
    expect(await vault.write({ ...owner, accountId: 999 }, secrets, null)).toBe('no_such_account');
  });

  test('an account that waited to be connected now waits to be checked; another reason stays', async () => {
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { venue: 'kite' })],
      mode: 'live',
      source: 's',
      nowMs,
    });
    const owner = await open();
    await vault.write(owner, secrets, null);
    expect(await value('select not_ready from public.accounts')).toBe('not checked yet');
    await session.exec("update public.accounts set not_ready = 'drift'");
    await vault.write(owner, secrets, null);
    expect(await value('select not_ready from public.accounts')).toBe('drift');
  });

  test('a row put in another’s place, or changed, opens for nobody, and the error shows nothing of it', async () => {
    await importAsha();
    await store.call('import_users', { by: tester, users: [user('ravi')], mode: 'paper', source: 's', nowMs });
    const [asha, ravi] = [await open(), await open('ravi')];
    await vault.write(asha, secrets, null);
    await vault.write(ravi, { ...secrets, apiKey: 'ravi' }, null);
    const fails = async (work: Promise<unknown>, says: string) => {
      const error = await work.then(
        () => null,
        (one: unknown) => one,
      );
      expect(error).toBeInstanceOf(VaultError);
      expect(String(error)).toContain(says);
      expect(JSON.stringify([String(error), error])).not.toMatch(/secret|pass-word|ravi/);
    };
    await fails(vault.read({ ...asha, venue: 'alpaca' }), 'another account’s');
    await fails(vault.read({ ...asha, mode: 'paper' }), 'another account’s');
    const otherVault = storeVault({ store, clock, keys: { current: key(), old: [] }, by: null });
    await fails(otherVault.read(asha), 'which is not here');
    await session.exec(`update public.account_credentials a set sealed = b.sealed, wrapped_key = b.wrapped_key
      from public.account_credentials b where a.account_id = ${asha.accountId} and b.account_id = ${ravi.accountId}`);
    await fails(vault.read(asha), 'another account’s');
    await session.exec(`update public.account_credentials
      set sealed = overlay(sealed placing case substr(sealed, 50, 1) when 'A' then 'B' else 'A' end from 50)
      where account_id = ${ravi.accountId}`);
    await fails(vault.read(ravi), 'the record was changed');
  });

  test('writing back what was read does not undo what was written in between', async () => {
    await importAsha();
    const owner = await open();
    await vault.write(owner, secrets, null);
    const version = (await vault.read(owner))?.version ?? null;
    expect(await vault.write(owner, { ...secrets, apiKey: 'first' }, version)).toBe('stored');
    expect(await vault.write(owner, { ...secrets, apiKey: 'second' }, version)).toBe('changed');
    expect((await vault.read(owner))?.secrets).toMatchObject({ apiKey: 'first' });
    const record = await store.call('read_credentials', { accountId: owner.accountId });
    if (!record) throw new Error('it was just stored');
    // The same call again, its answer having been lost.
    expect(await store.call('store_credentials', { by: tester, ...record, replaces: version, nowMs })).toEqual({
      kind: 'stored',
    });
  });

  test('a new master key takes over all records, and then the old one opens none', async () => {
    await importAsha();
    const [kite, alpaca] = [await open(), await open('asha', 'alpaca')];
    await vault.write(kite, secrets, null);
    const next = { current: key(), old: [keys.current] };
    await storeVault({ store, clock, keys: next, by: null }).write(alpaca, secrets, null);
    expect(await rotate({ store, clock, keys: next, by: tester })).toEqual({ rewrapped: 1, current: 1, failed: [] });
    expect(await rotate({ store, clock, keys: next, by: tester })).toEqual({ rewrapped: 0, current: 2, failed: [] });
    const alone = storeVault({ store, clock, keys: { current: next.current, old: [] }, by: null });
    expect((await alone.read(kite))?.secrets).toEqual(secrets);
    await expect(vault.read(kite)).rejects.toThrow('which is not here');
    expect(await store.call('read_all_credentials', {})).toHaveLength(2);
    const lost = await rotate({ store, clock, keys: { current: key(), old: [] }, by: tester });
    expect(lost).toMatchObject({ rewrapped: 0, failed: [{ accountId: kite.accountId }, {}] });
  });

  test('live accounts that trade are counted by venue, with why some may not on a day', async () => {
    const day = { tradeDate: '2025-08-28', currency: 'INR' } as const;
    expect(await store.call('read_live_accounts', day)).toEqual({ venues: [], notReady: [] });
    const users = ['asha', 'bela', 'chand', 'dev'].map((id) => user(id, { venue: id === 'dev' ? 'lemonn' : 'kite' }));
    await store.call('import_users', { by: tester, users, mode: 'live', source: 's', nowMs });
    await store.call('import_users', { by: tester, users: [user('paul')], mode: 'paper', source: 's', nowMs });
    await vault.write(await open('asha'), secrets, null);
    // Where their orders do not go any more, and who is paused, is left out.
    await open('dev', 'alpaca');
    await store.call('set_user', { by: tester, userId: 'chand', active: false });
    await session.exec(`update public.accounts set not_ready = null, checked_for = '2025-08-28' where user_id <> 'dev';
      update public.accounts set check_found = 'no_login: token_expired' where user_id = 'bela'`);
    expect(await store.call('read_live_accounts', day)).toEqual({
      venues: [
        { venue: 'kite', accounts: 2, connected: 1, ready: 1 },
        { venue: 'lemonn', accounts: 1, connected: 0, ready: 0 },
      ],
      notReady: [
        { venue: 'kite', why: 'no_login', count: 1 },
        { venue: 'lemonn', why: 'not connected yet', count: 1 },
      ],
    });
    const next = await store.call('read_live_accounts', { ...day, tradeDate: '2025-08-29' });
    expect(next.notReady[0]).toEqual({ venue: 'kite', why: 'not_checked_today', count: 2 });
  });

  test('an order the venue speaks of is found by our id, and looked up now while it is open', async () => {
    await decideAll(await openTestRun(store));
    const { orderId, clientOrderId, accountId } = await sendOne(store);
    const accountKey = { venue: 'paper', venueOrderId: 'v1', clientOrderId };
    expect(await store.call('find_venue_order', accountKey)).toEqual({ orderId, accountId, userId: 'asha' });
    expect(await store.call('find_venue_order', { ...accountKey, venue: 'kite' })).toBeNull();
    const others = [
      { venueOrderId: 'v1', clientOrderId: 'nobodys' },
      accountKey,
      { venueOrderId: '', clientOrderId: '' },
    ];
    const orders = [null, { orderId, accountId, userId: 'asha' }, null];
    expect(await store.call('find_venue_orders', { venue: 'paper', orders: others })).toEqual(orders);
    expect(await store.call('find_venue_orders', { venue: 'kite', orders: others })).toEqual([null, null, null]);
    const working = settlement(orderId, 'working', { venueOrderId: 'v1', nextLookupMs: nowMs + 60_000 });
    await settle(store, [working]);
    expect(await store.call('find_venue_order', { ...accountKey, venueOrderId: 'v2' })).toBeNull();
    expect(await store.call('request_lookup', { orderId, nowMs: nowMs + 5 })).toEqual({ due: true });
    const due = { claimId: 'c', venues: ['paper'], limit: 10, leaseMs: 1000, nowMs: nowMs + 5 };
    expect(await store.call('claim_lookups', due)).toMatchObject([{ orderId }]);
    await settle(store, [settlement(orderId, 'canceled', { venueOrderId: 'v1' })]);
    expect(await store.call('request_lookup', { orderId, nowMs })).toEqual({ due: false });
  });
});
