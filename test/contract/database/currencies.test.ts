import { expect, test } from 'vitest';
import { currencies } from '../../../src/domain/currency.ts';
import { markets } from '../../../src/domain/market/market.ts';
import { instrument, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('the currencies of the database', ({ store, session, value }) => {
  const listed = (quantityScale: number, priceScale: number) =>
    store.call('import_instruments', {
      instruments: [instrument('AAPL', { exchange: 'US', quantityScale, priceScale })],
      keeps: [],
      by: tester,
    });
  const scales = () =>
    session.query('select currency, quantity_scale, price_scale from public.instruments where exchange = $1', ['US']);

  test('are the program’s, with as many digits, and every market has the same', async () => {
    const rows = await session.query('select code, minor_digits::int as digits from public.currencies order by code');
    const ours = Object.values(currencies).map(({ code, minorDigits }) => ({ code, digits: minorDigits }));
    expect(rows).toEqual(ours.toSorted((a, b) => (a.code < b.code ? -1 : 1)));
    for (const { mic, exchanges, currency } of markets) {
      for (const code of [mic, ...exchanges, `${mic}:2026-03-08:open:paper`]) {
        expect([code, await value('select core.currency_of($1)', [code])]).toEqual([code, currency]);
      }
    }
  });

  test('an instrument has its market’s, and its scales until something names it', async () => {
    await listed(9, 2);
    await listed(0, 4);
    expect(await scales()).toEqual([{ currency: 'USD', quantity_scale: 0, price_scale: 4 }]);

    const named = signal('AAPL', { exchange: 'US' });
    await store.call('import_signals', { signals: [named], source: 'test', by: tester });
    await listed(0, 4);
    await expect(listed(9, 4)).rejects.toThrow('cannot have 9 and 4 now');
    await expect(listed(0, 2)).rejects.toThrow('US:AAPL is signalled, priced or held');
    await expect(session.exec("update public.instruments set exchange = 'NSE'")).rejects.toThrow('keeps its rows');
    expect(await scales()).toEqual([{ currency: 'USD', quantity_scale: 0, price_scale: 4 }]);
    await expect(session.exec("update public.instruments set currency = 'INR'")).rejects.toThrow();
  });

  test('a price alone keeps an instrument’s scales, too', async () => {
    await listed(9, 2);
    const open = { exchange: 'US', symbol: 'AAPL', date: '2026-07-01', openMinor: 100, closeMinor: null };
    await store.call('import_prices', { prices: [open], by: tester });
    await expect(listed(9, 3)).rejects.toThrow('cannot have 9 and 3 now');
  });

  test('an account keeps its own, and a user has one account in each', async () => {
    await store.call('import_users', { users: [user('u1')], mode: 'paper', source: 'test', nowMs: 0, by: tester });
    await expect(session.exec("update public.accounts set currency = 'USD'")).rejects.toThrow('keeps its rows');
    const copy = (currency: string) =>
      session.query(
        `insert into public.accounts (user_id, venue, mode, currency, capital_minor, allocation_bps)
         select user_id, venue, mode, $1, capital_minor, allocation_bps from public.accounts where currency = 'INR'`,
        [currency],
      );
    await expect(copy('INR')).rejects.toThrow('a_user_has_one_account_per_venue_mode_and_currency');
    await expect(copy('CHF')).rejects.toThrow('currency');
    await copy('USD');
    expect(await session.query('select currency from public.accounts order by id')).toEqual([
      { currency: 'INR' },
      { currency: 'USD' },
    ]);
  });
});
