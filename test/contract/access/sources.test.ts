import { expect, test } from 'vitest';
import type { Signal } from '../../../src/domain/types.ts';
import { nowMs, signal, tradeDate } from '../../support/builders.ts';
import { tester as by } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('a source of signals', ({ store }) => {
  test('is set up once, changed where it is said, and found by its keys', async () => {
    const made = { name: 'screener', strategies: ['breakout'], perDay: 5, enabled: true, by, nowMs };
    expect(await store.call('set_signal_source', made)).toEqual({ created: true });
    expect(await store.call('set_signal_source', { name: 'screener', perDay: 7, by, nowMs })).toEqual({
      created: false,
    });
    const [source] = await store.call('read_signal_sources', {});
    expect(source).toMatchObject({ name: 'screener', strategies: ['breakout'], perDay: 7, enabled: true });
    expect(await store.call('find_source_keys', { name: 'screener' })).toEqual([]);
  });
});

onEveryDatabase('a request of signals', ({ store, session }) => {
  const receive = (signals: Signal[]) =>
    store.call('receive_signals', {
      ...{ requestId: '0190d1a0-0000-7000-8000-000000000001', source: 'http:test', by, nowMs },
      rows: signals.map((one, position) => ({ position, payload: '{}', signal: one, runId: null, problem: null })),
    });

  test('loses one row that can not be written, and no other', async () => {
    // Nothing lets such a rank through today; the database does not depend on that.
    const rows = [signal('TITAN'), signal('INFY', { rank: 3_000_000_000 }), signal('SBIN', { rank: 2 })];
    const booked = await receive(rows);
    expect(booked).toMatchObject([
      { position: 0, outcome: 'accepted' },
      { position: 1, outcome: 'rejected', problem: 'not_writable: 22003' },
      { position: 2, outcome: 'accepted' },
    ]);
    const stored = await session.query(
      'select i.symbol from public.signals s join public.instruments i on i.id = s.instrument_id where s.trade_date = $1 order by 1',
      [tradeDate],
    );
    expect(stored).toEqual([{ symbol: 'SBIN' }, { symbol: 'TITAN' }]);
    expect(await receive(rows)).toEqual(booked);
  });
});
