import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { SignalToReceive } from '../../../src/ports/store/access.ts';
import { nowMs, signal, tradeDate } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

const runId = `XNSE:${tradeDate}:open:paper`;
const good = (symbol: string, change = {}): Omit<SignalToReceive, 'position'> => {
  return { payload: `{"symbol":"${symbol}"}`, signal: signal(symbol, change), runId, problem: null };
};
const bad: Omit<SignalToReceive, 'position'> = { payload: '4', signal: null, runId: null, problem: 'side: is wrong' };

onEveryDatabase('received signals', ({ store, session, value }) => {
  const receive = async (rows: Omit<SignalToReceive, 'position'>[], requestId: string = randomUUID()) => {
    const numbered = rows.map((row, position) => ({ ...row, position }));
    const booked = await store.call('receive_signals', {
      by: tester,
      requestId,
      source: 'http:test',
      nowMs,
      rows: numbered,
    });
    if ('refused' in booked) throw new Error(booked.refused);
    return booked;
  };
  const outcomes = async (rows: Omit<SignalToReceive, 'position'>[]) =>
    (await receive(rows)).map(({ outcome, problem }) => [outcome, problem]);

  test('good ones become signals, the first of the same id stands, and all rows are kept', async () => {
    const rows = [good('TITAN'), bad, good('TITAN', { referencePriceMinor: 99_00 }), good('INFY'), bad];
    expect(await receive(rows)).toEqual([
      { position: 0, signalId: signal('TITAN').id, outcome: 'accepted', problem: null },
      { position: 1, signalId: null, outcome: 'rejected', problem: 'side: is wrong' },
      { position: 2, signalId: signal('TITAN').id, outcome: 'duplicate', problem: null },
      { position: 3, signalId: signal('INFY').id, outcome: 'accepted', problem: null },
      { position: 4, signalId: null, outcome: 'rejected', problem: 'side: is wrong' },
    ]);
    const { signals } = await store.call('read_inputs', { mode: 'paper', tradeDate, runId });
    expect(signals.map(({ symbol, referencePriceMinor }) => [symbol, referencePriceMinor])).toEqual([
      ['INFY', 100_00],
      ['TITAN', 100_00],
    ]);
    expect(await value('select string_agg(payload, $1 order by position) from public.received_signals', ['|'])).toBe(
      '{"symbol":"TITAN"}|4|{"symbol":"TITAN"}|{"symbol":"INFY"}|4',
    );
    expect(await value("select string_agg(distinct source, '|') from public.signals")).toBe('http:test');
  });

  test('one that is known already changes nothing', async () => {
    await store.call('import_signals', { by: tester, signals: [signal('TITAN')], source: 'import:signals.csv' });
    expect(await outcomes([good('TITAN', { referencePriceMinor: 99_00, rank: 7 })])).toEqual([['duplicate', null]]);
    expect(await session.query('select rank, reference_price_minor::int as price, source from public.signals')).toEqual(
      [{ rank: 1, price: 100_00, source: 'import:signals.csv' }],
    );
  });

  test('a call that is made again gets its first answer', async () => {
    const requestId = randomUUID();
    const first = await receive([good('TITAN'), bad], requestId);
    expect(await receive([good('TITAN'), bad], requestId)).toEqual(first);
    expect(await value('select count(*)::int from public.received_signals')).toBe(2);
  });

  test('one for a run that is open is kept on record only', async () => {
    await openTestRun(store);
    expect(await outcomes([good('INFY'), good('TITAN')])).toEqual([
      ['rejected', 'too_late'],
      ['duplicate', null],
    ]);
    expect(await value('select count(*)::int from public.signals')).toBe(1);
  });

  test('two requests at once with the same signal make it once', async () => {
    const both = await Promise.all([receive([good('TITAN')]), receive([good('TITAN', { rank: 2 })])]);
    expect(both.map(([row]) => row?.outcome).toSorted()).toEqual(['accepted', 'duplicate']);
  });

  test('what is old is forgotten, a few rows at a time: received rows, never signals, and counts of spent rates', async () => {
    await receive([good('TITAN'), bad, good('INFY')]);
    await session.exec(`delete from core.rate_uses; delete from core.rate_days;
      insert into core.rate_uses values ('kite', now() - interval '3 days', 1), ('kite', now(), 1);
      insert into core.rate_days values ('kite', current_date - 4, 1), ('kite', current_date, 1)`);
    const forget = (days: number, limit = 2) =>
      store.call('forget_old', { by: tester, nowMs: nowMs + days * 86_400_000, keptDays: 90, limit });
    expect(await forget(90)).toEqual({ receivedSignals: 0, rateUses: 2 });
    expect(await forget(91)).toEqual({ receivedSignals: 2, rateUses: 0 });
    expect(await forget(91)).toEqual({ receivedSignals: 1, rateUses: 0 });
    expect(await forget(91)).toEqual({ receivedSignals: 0, rateUses: 0 });
    expect(await value('select count(*)::int from public.signals')).toBe(2);
    expect(
      await value('select ((select count(*) from core.rate_uses) + (select count(*) from core.rate_days))::int'),
    ).toBe(2);
  });

  test('what is unfinished is counted until it has ended', async () => {
    expect(await store.call('count_unfinished', {})).toEqual({ orders: 0, messages: 0 });
    await decideAll(await openTestRun(store));
    expect(await store.call('count_unfinished', {})).toMatchObject({ orders: 1 });
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'rejected')]);
    expect(await store.call('count_unfinished', {})).toEqual({ orders: 0, messages: 1 });
  });
});
