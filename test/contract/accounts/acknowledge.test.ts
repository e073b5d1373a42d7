import { expect, test } from 'vitest';
import type { Drift } from '../../../src/ports/store/accounts.ts';
import { instrument, minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts, readDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

const asha = { userId: 'asha', venue: 'paper', mode: 'paper' } as const;
const isin = 'INE280A01028';

onEveryDatabase('acknowledging', ({ store, session, value }) => {
  const accountId = async () => Number(await value('select id from public.accounts'));
  const notReady = () => value('select not_ready from public.accounts');
  const show = () => readDrifts(store, asha);
  const acknowledge = (shown: Awaited<ReturnType<typeof show>>) =>
    store.call('acknowledge_account', { by: tester, ...asha, ...shown, nowMs });
  const drift = async (change: Partial<Drift> = {}, atMs = nowMs) => {
    const one = { accountId: await accountId(), kind: 'position', what: 'NSE:TITAN', ours: '10', theirs: '4' } as const;
    return store.call('store_drifts', { tradeDate, nowMs: atMs, drifts: [{ ...one, ...change }] });
  };
  const hold = (symbol: string, quantity: number, priceMinor: number, exchange = 'NSE') =>
    store.call('import_holdings', {
      nowMs,
      holdings: [{ ...asha, exchange, symbol, quantity, priceMinor, tradeDate, reference: `${exchange}:${symbol}` }],
    });
  const positions = async () =>
    (
      await session.query(`select i.exchange || ':' || i.symbol as what, quantity::int, cost_minor::int as cost,
        margin_minor::int as margin from public.positions p join public.instruments i on i.id = p.instrument_id order by 1`)
    ).map(({ what, quantity, cost, margin }) => [what, quantity, cost, margin]);
  const listed = () => store.call('import_instruments', { by: tester, instruments: [instrument('TITAN', { isin })] });
  const sales = () =>
    session.query(`select source, order_id, quantity::int, price_minor::int as price, realised_minor::int as realised
      from public.fills where side = 'SELL' order by id`);
  /** An order that has ended unfilled, and that fills all the same. */
  const lateFillOf = async (strategy: string) => {
    const testRun = await openTestRun(store, { runId: strategy, signals: [signal('TITAN', { strategy })] });
    await decideAll(testRun);
    const { orderId } = await sendOne(store, strategy);
    await settle(store, [settlement(orderId, 'canceled')]);
    return (pieces: string) => settle(store, [settlement(orderId, 'canceled', { fills: [fill(pieces, 4)] })]);
  };

  test('takes off what was seen: a drift found meanwhile stays, and stays when the call is repeated', async () => {
    await openTestRun(store);
    await drift({ kind: 'funds', what: 'cash', ours: '9.00', theirs: '8.00' });
    const shown = await show();
    await drift({ kind: 'order', what: 'abc', ours: 'filled', theirs: 'canceled' });
    expect(await acknowledge(shown)).toMatchObject({ acknowledged: shown.driftIds, changed: true, booked: [] });
    const left = 'drift: order abc: ours filled, theirs canceled: acknowledge it';
    expect(await notReady()).toBe(left);
    expect(await acknowledge(shown)).toEqual({ acknowledged: [], waiting: [], changed: false, booked: [] });
    expect(await notReady()).toBe(left);
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ changed: true });
    expect([await notReady(), await store.call('read_blocks', { userId: 'asha' })]).toEqual([null, []]);
  });

  test('a second late fill is not acknowledged with the first, though it says the same', async () => {
    const fillLate = await lateFillOf('one');
    await fillLate('f1');
    const shown = await show();
    await fillLate('f2');
    expect(await acknowledge(shown)).toMatchObject({ changed: false });
    const late = 'a fill came after its order had ended: acknowledge it';
    expect(await store.call('read_blocks', { userId: 'asha' })).toMatchObject([{ block: late, drifts: [] }]);
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ changed: true });
    expect(await notReady()).toBeNull();
    await fillLate('f3');
    expect(await acknowledge(shown)).toMatchObject({ changed: false });
    expect(await notReady()).toBe(late);
  });

  test('an order placed meanwhile does not make what was seen old', async () => {
    await (await lateFillOf('one'))('f1');
    const shown = await show();
    await session.exec('update public.accounts set not_ready = null');
    await decideAll(await openTestRun(store, { runId: 'two', signals: [signal('INFY')] }));
    await session.exec(
      "update public.accounts set not_ready = 'a fill came after its order had ended: acknowledge it'",
    );
    expect(await acknowledge(shown)).toMatchObject({ changed: true });
  });

  test('only a drift leaves what is said about money, and nothing clears an account that lacks money', async () => {
    await (await lateFillOf('one'))('f1');
    await drift({ kind: 'funds' });
    const shown = await show();
    expect(await acknowledge({ ...shown, snapshotEntryId: null })).toMatchObject({ changed: true });
    expect(await notReady()).toBe('a fill came after its order had ended: acknowledge it');
    await session.exec(`insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
        select id, 'adjustment', -1 - cash_minor, 0, now() from public.accounts;
      update public.accounts set cash_minor = -1`);
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ changed: false });
    await session.exec("update public.accounts set not_ready = 'drift: gone'");
    await drift({ kind: 'order' });
    await acknowledgeDrifts(store, asha);
    expect(await notReady()).toBe('available money is below zero: acknowledge it');
  });

  test('of missing shares brings the position to the venue’s, at what they cost, once', async () => {
    await openTestRun(store);
    await hold('TITAN', 10, 100_01);
    await drift();
    const shown = await show();
    const booked = [{ exchange: 'NSE', symbol: 'TITAN', quantity: 6, priceMinor: 100_01 }];
    expect(await acknowledge(shown)).toMatchObject({ acknowledged: shown.driftIds, booked });
    expect(await positions()).toEqual([['NSE:TITAN', 4, 400_04, 400_04]]);
    expect(await sales()).toEqual([{ source: 'external', order_id: null, quantity: 6, price: 100_01, realised: 0 }]);
    expect(await value('select venue_fill_id from public.fills order by id desc limit 1')).toMatch(
      /^drift:\d+:\d+:delivery$/,
    );
    expect(await acknowledge(shown)).toMatchObject({ changed: false, booked: [] });
    expect(await positions()).toEqual([['NSE:TITAN', 4, 400_04, 400_04]]);
    expect(await value("select count(*)::int from public.ledger_entries where kind <> 'deposit'")).toBe(0);
    // The same difference again is a new one.
    await hold('INFY', 1, 1);
    expect(await drift({}, nowMs + minuteMs)).toHaveLength(1);
  });

  test('of shares listed twice takes them from the listing it names, then from the other', async () => {
    await openTestRun(store);
    await listed();
    await hold('TITAN', 3, 100_00, 'BSE');
    await hold('TITAN', 7, 100_00);
    await drift({ theirs: '2' });
    await drift({ theirs: '1' }, nowMs + 1);
    const { booked } = await acknowledgeDrifts(store, asha);
    expect(booked.map(({ exchange, quantity }) => [exchange, quantity]).toSorted()).toEqual([
      ['BSE', 2],
      ['NSE', 7],
    ]);
    expect(await positions()).toEqual([
      ['BSE:TITAN', 1, 100_00, 100_00],
      ['NSE:TITAN', 0, 0, 0],
    ]);
  });

  test('books nothing where our books have moved since, or the last check no longer found it', async () => {
    await openTestRun(store);
    await hold('TITAN', 10, 100_00);
    await drift({ ours: '9' });
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ changed: true, booked: [] });
    await drift({}, nowMs + minuteMs);
    const verdict = { accountId: await accountId(), ready: true, reason: null, checkedAtMs: nowMs + 2 * minuteMs };
    await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict] });
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ changed: true, booked: [] });
    expect(await positions()).toEqual([['NSE:TITAN', 10, 1_000_00, 1_000_00]]);
  });

  test('waits while an order for the share is open, whatever else is acknowledged', async () => {
    await listed();
    const testRun = await openTestRun(store, { signals: [signal('TITAN')] });
    await decideAll(testRun);
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'partially_filled', { fills: [fill('f1', 5)] })]);
    await drift({ ours: '5', theirs: '0' });
    await drift({ kind: 'funds' });
    const [position = 0, funds = 0] = (await show()).driftIds;
    const waits = { acknowledged: [funds], waiting: [position], booked: [] };
    expect(await acknowledgeDrifts(store, asha)).toMatchObject(waits);
    expect(await notReady()).toBe('drift: position NSE:TITAN: ours 5, theirs 0: acknowledge it');
    await settle(store, [settlement(orderId, 'canceled')]);
    expect(await acknowledgeDrifts(store, asha)).toMatchObject({ acknowledged: [position], booked: [{ quantity: 5 }] });
    expect(await positions()).toEqual([['NSE:TITAN', 0, 0, 0]]);
    expect(await notReady()).toBeNull();
  });

  test('two at once book once', async () => {
    await openTestRun(store);
    await hold('TITAN', 10, 100_00);
    await drift();
    const shown = await show();
    const answers = await Promise.all([acknowledge(shown), acknowledge(shown), acknowledge(shown)]);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect(await positions()).toEqual([['NSE:TITAN', 4, 400_00, 400_00]]);
  });

  test('of an account that is not there changes nothing', async () => {
    await openTestRun(store, { users: [user('asha')] });
    expect(await store.call('read_blocks', { userId: 'nobody' })).toEqual([]);
    const nobody = {
      userId: 'nobody',
      venue: 'paper',
      mode: 'paper',
      driftIds: [1],
      snapshotEntryId: 1,
      nowMs,
      by: tester,
    };
    expect(await store.call('acknowledge_account', nobody)).toMatchObject({ changed: false, acknowledged: [] });
  });
});
