import { expect, test } from 'vitest';
import { currencyCodes } from '../../../src/domain/currency.ts';
import { markets } from '../../../src/domain/market/market.ts';
import { marketOfCurrency, msIn, tradingDay } from '../../../src/domain/market/session.ts';
import { instrument } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('the markets of the database', ({ store, value }) => {
  const msOf = async (sql: string, params: unknown[]) => Number(await value(`select core.ms(${sql})`, params));
  // Around both changes of New York's clock, and an ordinary day.
  const dates = ['2026-03-07', '2026-03-08', '2026-07-01', '2026-10-31', '2026-11-01', '2026-12-31'];

  test('have the zones of the program, by MIC, by exchange code and by the id of a run', async () => {
    for (const { mic, exchanges, zone } of markets) {
      for (const code of [mic, ...exchanges, `${mic}:2026-03-08:open:paper`]) {
        expect([code, await value('select core.zone_of($1)', [code])]).toEqual([code, zone]);
      }
    }
  });

  test('have for each currency the zone of the market that trades in it', async () => {
    for (const code of currencyCodes) {
      expect([code, await value('select core.zone_of_currency($1)', [code])]).toEqual([
        code,
        marketOfCurrency(code).zone,
      ]);
    }
    // One verdict of readiness and one day's money an account: all markets of a currency go by one calendar.
    for (const { currency, calendar } of markets) expect(marketOfCurrency(currency).calendar).toBe(calendar);
  });

  test('charge by the rates of the market’s first exchange, in its currency', async () => {
    for (const { mic, exchanges, currency } of markets) {
      for (const code of [mic, ...exchanges, `${mic}:2026-03-08:open:paper`]) {
        expect([code, await value('select core.charging_exchange($1)', [code])]).toEqual([code, exchanges[0]]);
      }
      const others = 'select count(*) from public.charge_rates where exchange = $1 and currency <> $2';
      expect(Number(await value(others, [exchanges[0], currency]))).toBe(0);
    }
  });

  test('end a trade date, and an ordinary day’s trading, at the program’s instants', async () => {
    for (const market of markets) {
      for (const date of dates) {
        const ends = await msOf('core.trade_date_ends($1, $2::date)', [market.mic, date]);
        expect([market.mic, date, ends]).toEqual([market.mic, date, msIn(market, date, '24:00')]);
        const close = msIn(market, date, market.calendar.ordinaryHours[0].closeTime);
        expect(await msOf('core.ordinary_close($1, $2::date)', [market.exchanges[0], date])).toBe(close);
        const last = [market.mic, new Date(ends - 1).toISOString()];
        expect(await value('select core.date_in($1, $2::timestamptz)::text', last)).toBe(date);
        const next = [market.mic, new Date(ends).toISOString()];
        expect(await value('select core.date_in($1, $2::timestamptz)::text', next)).not.toBe(date);
      }
    }
  });

  test('book what came without an order on the day of the share’s own market', async () => {
    const instruments = ['NSE', 'US'].map((exchange) => instrument('TITAN', { exchange }));
    await store.call('import_instruments', { instruments, keeps: [], by: tester });
    const dayOf = (exchange: string, at: string) =>
      value(
        `select (core.external_fill(1, i.id, 'delivery', 'holding', 'BUY', 1, 10000, $2::timestamptz)).trade_date::text
         from public.instruments i where i.exchange = $1`,
        [exchange, at],
      );
    // The evening's comparison in New York is in the night of India's next day.
    const evening = '2026-07-01T16:15:00-04:00';
    expect([await dayOf('NSE', evening), await dayOf('US', evening)]).toEqual(['2026-07-02', '2026-07-01']);
  });

  test('close as the calendar says on every ordinary day', async () => {
    const ordinary = '2026-07-01';
    for (const market of markets) {
      const day = tradingDay(market, ordinary);
      const close = await msOf('core.ordinary_close($1, $2::date)', [market.mic, ordinary]);
      expect(day).toMatchObject({ kind: 'open', closeMs: close });
    }
  });
});
