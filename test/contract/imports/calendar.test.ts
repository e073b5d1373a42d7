import { expect, test } from 'vitest';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('a year’s calendar', ({ store }) => {
  const closed = (date: string, name = 'a holiday') => {
    return { date, kind: 'closed', name, openTime: null, closeTime: null } as const;
  };
  const bring = (...days: ReturnType<typeof closed>[]) => {
    return store.call('import_calendar', { exchange: 'NSE', days, by: tester });
  };
  const days = async () => {
    const all = await store.call('read_calendar_days', { exchange: 'NSE' });
    return all.map(({ date, name, ofYearList }) => `${date} ${name} ${ofYearList}`).toSorted();
  };

  test('says what it changes, once; a corrected list replaces its year, and an operator’s days stand', async () => {
    const own = { exchange: 'NSE', kind: 'closed', name: 'own', openTime: null, closeTime: null, by: tester } as const;
    await store.call('set_calendar_day', { ...own, date: '2027-08-16' });
    const list = [closed('2027-01-26'), closed('2027-03-22'), closed('2027-08-16')];
    expect(await bring(...list)).toEqual({ added: ['2027-01-26', '2027-03-22'], changed: [], removed: [] });
    const nothing = { added: [], changed: [], removed: [] };
    expect(await bring(...list)).toEqual(nothing);
    expect(await bring(closed('2028-01-26'))).toEqual({ ...nothing, added: ['2028-01-26'] });
    expect(await bring(closed('2027-01-26', 'Republic Day'), closed('2027-03-23'))).toEqual({
      added: ['2027-03-23'],
      changed: ['2027-01-26'],
      removed: ['2027-03-22'],
    });
    expect(await days()).toEqual([
      '2027-01-26 Republic Day true',
      '2027-03-23 a holiday true',
      '2027-08-16 own false',
      '2028-01-26 a holiday true',
    ]);
  });
});
