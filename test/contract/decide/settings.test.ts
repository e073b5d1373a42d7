import { expect, test } from 'vitest';
import { tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { openTestRun, undecided } from '../support/test-run.ts';

onEveryDatabase('settings and prices', ({ store }) => {
  test('an operator’s settings change what is named and leave the rest', async () => {
    const testRun = await openTestRun(store, {
      users: [user('asha', { name: 'Asha Rao', whatsapp: '+919800000001' })],
    });
    const set = (change: object) => store.call('set_user', { by: tester, userId: 'asha', ...change });
    expect(await set({ active: false, strategies: ['a', 'b'], allowSymbols: [], denySymbols: ['ITC'] })).toEqual({
      changed: true,
      stopped: 0,
      underWay: 0,
    });
    const described = { id: 'asha', name: 'Asha Rao', priority: 100, hasWhatsapp: true };
    const account = {
      venue: 'paper',
      mode: 'paper',
      currency: 'INR',
      notReady: null,
      cashMinor: 1_00_000_00,
      heldMinor: 0,
      moved: [expect.objectContaining({ kind: 'deposit', amountMinor: 1_00_000_00, source: 'import:users.csv' })],
      maxOrdersPerDay: null,
      maxOrderValueMinor: null,
    };
    const switches = {
      active: false,
      tradingEnabled: true,
      strategies: ['a', 'b'],
      allowSymbols: [],
      denySymbols: ['ITC'],
    };
    expect(await store.call('read_user', { userId: 'asha rao' })).toEqual({
      ...described,
      ...switches,
      notify: 'always',
      language: 'en',
      accounts: [account],
    });
    const [state] = await undecided(testRun);
    expect(state).toMatchObject(switches);

    await set({ tradingEnabled: false });
    expect(await store.call('read_user', { userId: 'asha' })).toMatchObject({ ...switches, tradingEnabled: false });
    await set({ active: true, tradingEnabled: true, strategies: null, allowSymbols: null, denySymbols: null });
    const plain = { active: true, tradingEnabled: true, strategies: null, allowSymbols: null, denySymbols: [] };
    expect(await store.call('read_user', { userId: 'asha' })).toMatchObject(plain);
  });

  test('a login is connected to one user, and taken away again', async () => {
    await openTestRun(store, { users: ['asha', 'ravi'].map((id) => user(id)) });
    const authUserId = '0b5a4a52-3c0f-4a53-9e6e-0d2b7b6f1c11';
    await store.call('set_user', { by: tester, userId: 'asha', authUserId });
    await store.call('set_user', { by: tester, userId: 'asha', active: true });
    expect(await store.call('find_auth_user', { authUserId })).toEqual({ userId: 'asha' });
    await expect(store.call('set_user', { by: tester, userId: 'ravi', authUserId })).rejects.toThrow(
      'a_login_is_of_one_user',
    );
    await store.call('set_user', { by: tester, userId: 'asha', authUserId: null });
    expect(await store.call('find_auth_user', { authUserId })).toEqual({ userId: null });
  });

  test('nobody there: nothing changes, nothing is read', async () => {
    expect(await store.call('set_user', { by: tester, userId: 'nobody', active: false })).toMatchObject({
      changed: false,
    });
    expect(await store.call('read_user', { userId: 'nobody' })).toBeNull();
  });

  test('a day set by the operator is replaced, or taken out again', async () => {
    const day = { exchange: 'NSE', date: '2025-10-21', openTime: null, closeTime: null };
    const days = () => store.call('read_calendar_days', { exchange: 'NSE' });
    await store.call('set_calendar_day', { by: tester, ...day, kind: 'closed', name: 'Flood' });
    await store.call('set_calendar_day', {
      by: tester,
      ...day,
      kind: 'open',
      name: 'Muhurat',
      openTime: '13:45',
      closeTime: '14:45',
    });
    expect(await days()).toEqual([
      { date: '2025-10-21', kind: 'open', name: 'Muhurat', openTime: '13:45', closeTime: '14:45', ofYearList: false },
    ]);
    await store.call('set_calendar_day', { by: tester, ...day, kind: null, name: '' });
    expect(await days()).toEqual([]);
  });

  test('a day’s opens come with the last close before it; imported again, the last word stands', async () => {
    const at = (symbol: string, date: string, openMinor: number, closeMinor: number) => ({
      symbol,
      date,
      openMinor,
      closeMinor,
    });
    const read = (day: string, symbols = ['TITAN', 'INFY']) => {
      const listings = symbols.map((symbol) => ({ exchange: 'NSE', symbol }));
      return store.call('read_prices', { tradeDate: day, listings });
    };
    expect(await read(tradeDate)).toEqual({ any: false, prices: [] });
    const prices = [
      at('TITAN', '2025-08-25', 1_00, 2_00),
      at('TITAN', '2025-08-26', 3_00, 4_00),
      at('TITAN', tradeDate, 5_00, 6_00),
    ];
    const first = { prices: [...prices, at('INFY', tradeDate, 7_00, 8_00)], by: tester };
    expect(await store.call('import_prices', first)).toEqual({ written: 4 });
    await store.call('import_prices', { by: tester, prices: [at('TITAN', '2025-08-26', 3_00, 4_50)] });
    expect(await read(tradeDate, ['TITAN'])).toMatchObject({ any: true, prices: [{ symbol: 'TITAN' }] });
    const { prices: both } = await read(tradeDate);
    expect(both.toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1))).toEqual([
      { exchange: 'NSE', symbol: 'INFY', priceMinor: 7_00, previousCloseMinor: null },
      { exchange: 'NSE', symbol: 'TITAN', priceMinor: 5_00, previousCloseMinor: 4_50 },
    ]);
    expect(await read('2025-08-27')).toEqual({ any: true, prices: [] });
    const titanInNewYork = { exchange: 'US', symbol: 'TITAN' };
    const readThere = () => store.call('read_prices', { tradeDate, listings: [titanInNewYork] });
    expect(await readThere()).toEqual({ any: false, prices: [] });
    const there = { ...titanInNewYork, date: tradeDate, openMinor: 3_10, closeMinor: null };
    expect(await store.call('import_prices', { by: tester, prices: [there] })).toEqual({ written: 1 });
    const quoted = { ...titanInNewYork, priceMinor: 3_10, previousCloseMinor: null };
    expect(await readThere()).toEqual({ any: true, prices: [quoted] });
    expect(await read(tradeDate, ['TITAN'])).toMatchObject({ prices: [{ exchange: 'NSE', priceMinor: 5_00 }] });
    expect(await read('2025-08-25')).toMatchObject({
      prices: [{ previousCloseMinor: null }],
    });
  });
});
