import { expect, test } from 'vitest';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import { instrument, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { openTestRun } from '../support/test-run.ts';

const source = 'import:test.csv';

onEveryDatabase('import', ({ store, session, value }) => {
  const importUsers = (users: UserToImport[], mode = 'paper') =>
    store.call('import_users', { by: tester, users, mode, source, nowMs });
  const inputs = () => store.call('read_inputs', { mode: 'paper', tradeDate, runId: 'none' });

  test('the same instruments twice are the same rows, with the last word', async () => {
    const first = { instruments: [instrument('TITAN'), instrument('INFY')], by: tester };
    expect(await store.call('import_instruments', first)).toEqual({ written: 2 });
    const corrected = instrument('TITAN', { lotSize: 5, freezeQuantity: 100, fno: true, restricted: 'ban list' });
    await store.call('import_instruments', { by: tester, instruments: [corrected] });
    const { instruments } = await inputs();
    expect(instruments).toHaveLength(2);
    expect(instruments).toContainEqual(corrected);
  });

  test('a symbol known only from a signal is assumed until an instruments file names it', async () => {
    await store.call('import_signals', { by: tester, signals: [signal('TITAN')], source });
    expect((await inputs()).instruments).toEqual([]);
    await store.call('import_instruments', { by: tester, instruments: [instrument('TITAN')] });
    await store.call('import_signals', { by: tester, signals: [signal('TITAN')], source });
    expect((await inputs()).instruments).toEqual([instrument('TITAN')]);
  });

  test('a signal is corrected until a run has frozen it, and fixed from then on', async () => {
    await store.call('import_signals', { by: tester, signals: [signal('TITAN')], source });
    const corrected = signal('TITAN', { referencePriceMinor: 101_00, rank: 3, validUntilMs: nowMs + 1 });
    expect(await store.call('import_signals', { by: tester, signals: [corrected], source })).toEqual({ written: 1 });
    expect((await inputs()).signals).toEqual([corrected]);

    await openTestRun(store, { signals: [corrected] });
    const tooLate = signal('TITAN', { referencePriceMinor: 999_00, rank: 9 });
    expect(await store.call('import_signals', { by: tester, signals: [tooLate], source })).toEqual({ written: 0 });
    expect((await inputs()).signals).toEqual([corrected]);
  });

  test('the first import of a paper account deposits its capital, no later one moves money', async () => {
    expect(await importUsers([user('asha'), user('ravi', { capitalMinor: 5_000_00 })])).toEqual({ created: 2 });
    const richer = user('asha', { capitalMinor: 9_00_000_00, allocationBps: 1000, leverageCenti: 500 });
    const settings = { ...richer, maxOpenPositions: 3, dailyLossLimitBps: 200, priority: 1, name: 'Asha Rao' };
    expect(await importUsers([settings, user('ravi', { capitalMinor: 5_000_00 })])).toEqual({ created: 0 });

    const deposits = await session.query(
      'select kind, cash_delta_minor::int as cash from public.ledger_entries order by id',
    );
    expect(deposits).toEqual([
      { kind: 'deposit', cash: 1_00_000_00 },
      { kind: 'deposit', cash: 5_000_00 },
    ]);
    const page = { runId: 'r', frozen: false, mode: 'paper', tradeDate, userIds: ['asha'], signalIds: [] };
    const [asha] = await store.call('read_accounts', { ...page, afterQueuePosition: 0, limit: 10 });
    expect(asha?.settings).toEqual({ ...settings, maxOrdersPerDay: null, maxOrderValueMinor: null });
    expect(asha?.availableMinor).toBe(1_00_000_00);
  });

  test('a daily limit stays where a file says nothing of it, and goes where it says none', async () => {
    const limitsOf = async () => {
      const page = { runId: 'r', frozen: false, mode: 'paper', tradeDate, userIds: ['asha'], signalIds: [] };
      const [asha] = await store.call('read_accounts', { ...page, afterQueuePosition: 0, limit: 10 });
      return [asha?.settings.maxOrdersPerDay, asha?.settings.maxOrderValueMinor];
    };
    await importUsers([user('asha', { maxOrdersPerDay: 3, maxOrderValueMinor: 50_000_00 })]);
    expect(await limitsOf()).toEqual([3, 50_000_00]);
    await importUsers([user('asha', { capitalMinor: 2_00_000_00 })]);
    expect(await limitsOf()).toEqual([3, 50_000_00]);
    await importUsers([user('asha', { maxOrdersPerDay: 4 })]);
    expect(await limitsOf()).toEqual([4, 50_000_00]);
    await importUsers([user('asha', { maxOrdersPerDay: null, maxOrderValueMinor: null })]);
    expect(await limitsOf()).toEqual([null, null]);
  });

  test('two imports of the same users at once make each account and deposit once', async () => {
    const users = ['a', 'b', 'c', 'd'].map((id) => user(id));
    await Promise.all([importUsers(users), importUsers(users.toReversed()), importUsers(users)]);
    expect(await value('select count(*)::int from public.accounts')).toBe(4);
    expect(await value('select count(*)::int from public.ledger_entries')).toBe(4);
  });

  test('a live account starts without money and not connected', async () => {
    await importUsers([user('asha', { venue: 'kite' })], 'live');
    expect(await session.query('select cash_minor::int as cash, not_ready from public.accounts')).toEqual([
      { cash: 0, not_ready: 'not connected yet' },
    ]);
    expect(await value('select count(*)::int from public.ledger_entries')).toBe(0);
  });

  test('paper and live, and two venues, are accounts of their own', async () => {
    await importUsers([user('asha', { venue: 'kite' })], 'live');
    await importUsers([user('asha', { venue: 'kite' })]);
    expect(await importUsers([user('asha', { venue: 'alpaca' })])).toEqual({ created: 1 });
    expect(await value('select count(*)::int from public.accounts')).toBe(3);
  });

  test('rows of a user in two currencies are two accounts, and the rupees’ venue is the user’s', async () => {
    const atAlpaca = user('asha', { venue: 'alpaca', currency: 'USD', name: 'Asha R', capitalMinor: 5_000_00 });
    const atKite = user('asha', { venue: 'kite' });
    await importUsers([atAlpaca, atKite], 'live');
    const accounts = () =>
      session.query('select venue, currency, capital_minor::int as capital from public.accounts order by venue');
    expect(await accounts()).toEqual([
      { venue: 'alpaca', currency: 'USD', capital: 5_000_00 },
      { venue: 'kite', currency: 'INR', capital: atKite.capitalMinor },
    ]);
    const person = () => session.query('select name, venue from public.users');
    expect(await person()).toEqual([{ name: atKite.name, venue: 'kite' }]);
    const names: string[] = [];
    const dearer = { ...atAlpaca, capitalMinor: 6_000_00, name: atKite.name };
    const preview = await store.call('preview_users', { users: [atKite, dearer], names, mode: 'live' });
    expect(preview.changes).toMatchObject([
      { userId: 'asha', currency: 'USD', was: { capitalMinor: 5_000_00 }, now: { capitalMinor: 6_000_00 } },
    ]);
    await importUsers([dearer], 'live');
    expect(await accounts()).toMatchObject([{ capital: 6_000_00 }, { capital: atKite.capitalMinor }]);
    expect(await person(), 'dollars alone move nobody to another venue').toEqual([
      { name: atKite.name, venue: 'kite' },
    ]);
  });

  test('a number is an opt-in from its import on, another number another one, none none', async () => {
    const optIn = () => session.query('select whatsapp, opt_in_source from public.users');
    await importUsers([user('asha', { whatsapp: '+919800000001' })]);
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { whatsapp: '+919800000001' })],
      mode: 'paper',
      source: 'import:later.csv',
      nowMs: nowMs + 1000,
    });
    expect(await optIn()).toEqual([{ whatsapp: '+919800000001', opt_in_source: source }]);
    const at = await value('select core.ms(opted_in_at)::text from public.users');
    expect(at).toBe(String(nowMs));
    await importUsers([user('asha')]);
    expect(await optIn()).toEqual([{ whatsapp: null, opt_in_source: null }]);
  });

  test('what an import says of active and trading counts when the user is new, later the switches are the operator’s', async () => {
    const paused = { ...user('asha'), active: false, tradingEnabled: false };
    await importUsers([paused]);
    const switches = () => session.query('select active, trading_enabled from public.users');
    expect(await switches()).toEqual([{ active: false, trading_enabled: false }]);
    await importUsers([{ ...paused, active: true, tradingEnabled: true }]);
    expect(await switches()).toEqual([{ active: false, trading_enabled: false }]);
  });

  test('a holding counts once by its reference, and belongs to the account it names', async () => {
    await importUsers([user('asha')]);
    const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'TITAN', tradeDate };
    const first = { ...holding, quantity: 5, priceMinor: 90_00, reference: 'h1' };
    const second = { ...holding, quantity: 3, priceMinor: 80_00, reference: 'h2' };
    const unknownUser = { ...first, userId: 'nobody', reference: 'h3' };
    expect(await store.call('import_holdings', { holdings: [first, first, unknownUser], nowMs })).toEqual({
      booked: 1,
    });
    expect(await store.call('import_holdings', { holdings: [first, second], nowMs })).toEqual({ booked: 1 });
    expect(
      await session.query('select quantity::int, cost_minor::int, margin_minor::int from public.positions'),
    ).toEqual([{ quantity: 8, cost_minor: 690_00, margin_minor: 690_00 }]);
    expect((await inputs()).held).toEqual([{ exchange: 'NSE', symbol: 'TITAN' }]);
    expect(await value('select cash_minor::int from public.accounts')).toBe(1_00_000_00);
  });
});
