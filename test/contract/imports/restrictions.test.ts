import { expect, test } from 'vitest';
import { instrument, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester as by } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { acceptAll, openTestRun } from '../support/test-run.ts';

onEveryDatabase('what is brought in', ({ store, session, value }) => {
  test('a list of restrictions restricts what is on it, frees what no longer is, and names what nobody knows', async () => {
    await store.call('import_instruments', { by, instruments: [instrument('TITAN'), instrument('INFY')] });
    const list = (...symbols: string[]) =>
      symbols.map((symbol) => ({ exchange: 'NSE', symbol, restricted: 'trade for trade' }));
    const first = await store.call('import_restrictions', { by, restrictions: list('TITAN', 'NOBODY') });
    expect(first).toMatchObject({ restricted: [expect.stringContaining('TITAN')], freed: [] });
    expect(first.unknown.join()).toContain('NOBODY');
    expect(await value("select restricted from public.instruments where symbol = 'TITAN'")).toBe('trade for trade');
    const second = await store.call('import_restrictions', { by, restrictions: list('INFY') });
    expect(second.freed.join()).toContain('TITAN');
    expect(await value("select restricted from public.instruments where symbol = 'TITAN'")).toBeNull();
  });

  test('listings are found by their symbol, in whatever series', async () => {
    await store.call('import_instruments', { by, instruments: [instrument('ABB-BE'), instrument('TITAN')] });
    const listings = await store.call('read_listings', { symbols: ['ABB'] });
    expect(listings).toEqual([{ exchange: 'NSE', symbol: 'ABB-BE' }]);
    expect(await store.call('read_listings', { symbols: null })).toHaveLength(2);
  });

  test('an import of users is shown before it is made, and changes nothing then', async () => {
    const asha = user('asha', { whatsapp: '+919800000001' });
    await store.call('import_users', { by, users: [asha], mode: 'paper', source: 'test', nowMs });
    const changed = { ...asha, whatsapp: '+919800000002', capitalMinor: 2_00_000_00 };
    const preview = await store.call('preview_users', { users: [changed], names: ['asha'], mode: 'paper' });
    expect(preview.changes).toMatchObject([{ userId: 'asha', numberChanges: true }]);
    expect(await value('select whatsapp from public.users')).toBe('+919800000001');
    const same = await store.call('preview_users', { users: [asha], names: [], mode: 'paper' });
    expect(same.changes.filter(({ numberChanges }) => numberChanges)).toEqual([]);
  });

  test('a corporate action is kept once, however often its file is imported', async () => {
    const action = { exchange: 'NSE', symbol: 'TITAN', exDate: tradeDate, kind: 'split', ratio: '5:1' } as const;
    expect(await store.call('import_corporate_actions', { by, actions: [action] })).toEqual({ written: 1 });
    await store.call('import_corporate_actions', { by, actions: [action] });
    expect(await value('select count(*)::int from public.corporate_actions')).toBe(1);
  });

  test('a user is found by id and by name, and nobody by another', async () => {
    const users = [user('asha-rao', { name: 'Asha Rao' }), user('asha-iyer', { name: 'Asha Iyer' })];
    await store.call('import_users', { by, users, mode: 'paper', source: 'test', nowMs });
    const byName = JSON.stringify(await store.call('find_users', { user: 'Asha Rao' }));
    expect(byName).toContain('asha-rao');
    expect(JSON.stringify(await store.call('find_users', { user: 'asha-rao' }))).toContain('Asha Rao');
  });

  test('a page of a report gives its users in the order of the queue, and the rest after them', async () => {
    const users = ['a', 'b', 'c'].map((id) => user(id));
    const testRun = await openTestRun(store, { users, signals: [signal('TITAN')] });
    await acceptAll(testRun);
    const page = { runId: testRun.runId, limit: 2, userId: null, status: null, of: 'all' } as const;
    const first = await store.call('read_report_page', { ...page, afterQueuePosition: 0 });
    const positions = await session.query('select queue_position::int from public.run_users order by queue_position');
    const afterQueuePosition = Number(positions[1]?.['queue_position']);
    const rest = await store.call('read_report_page', { ...page, afterQueuePosition });
    for (const { id } of users) expect(JSON.stringify([first, rest])).toContain(`"${id}"`);
    expect(JSON.stringify(first)).not.toEqual(JSON.stringify(rest));
  });
});
