import { expect, test } from 'vitest';
import { rateFor } from '../../../src/domain/decision/charges.ts';
import { queueHash } from '../../../src/domain/ids.ts';
import { chargesOn } from '../../support/amounts.ts';
import { instrument, minuteMs, nowMs, quote, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  cutOffMs,
  decideAll,
  fill,
  limits,
  openTestRun,
  sendOne,
  settle,
  settlement,
  undecided,
} from '../support/test-run.ts';

onEveryDatabase('a run', ({ store, session }) => {
  const readRun = (runId: string) => store.call('read_run', { runId });

  test('that nobody opened is not there', async () => {
    expect(await readRun('none')).toBeNull();
    expect(await store.call('read_report', { runId: 'none' })).toBeNull();
    const inputs = await store.call('read_inputs', { mode: 'paper', tradeDate, runId: 'none' });
    expect(inputs).toMatchObject({ users: 0, anySignals: false, signals: [], held: [], halted: null, runState: null });
    expect(inputs.rates.map(({ product, side }) => `${product} ${side}`).sort()).toEqual([
      'delivery BUY',
      'delivery SELL',
      'mtf BUY',
      'mtf SELL',
    ]);
  });

  test('knows the instruments of its own market, and whether any were brought in there', async () => {
    const inputsOf = async (mic: string) => {
      const runId = `${mic}:${tradeDate}:open:paper`;
      const read = await store.call('read_inputs', { mode: 'paper', tradeDate, runId });
      return [read.instrumentsKnown, read.instruments.map((one) => `${one.exchange}:${one.symbol}`)];
    };
    const there = instrument('TITAN', { exchange: 'US', name: 'Titan of New York' });
    await store.call('import_instruments', { instruments: [there], keeps: [], by: tester });
    expect([await inputsOf('XNSE'), await inputsOf('XNYS')]).toEqual([
      [false, []],
      [true, ['US:TITAN']],
    ]);
    await store.call('import_instruments', { instruments: [instrument('TITAN')], keeps: [], by: tester });
    expect(await inputsOf('XNSE')).toEqual([true, ['NSE:TITAN']]);
    expect(await inputsOf('XNYS')).toEqual([true, ['US:TITAN']]);
  });

  test('freezes its signals by position, its prices, limits and users', async () => {
    const signals = [signal('TITAN', { rank: 2 }), signal('INFY', { rank: 1, validUntilMs: nowMs + minuteMs })];
    const { runId } = await openTestRun(store, { signals, users: [user('asha'), user('ravi')] });
    const run = await readRun(runId);
    expect(run).toMatchObject({ runId, tradeDate, mode: 'paper', state: 'planning', planHash: null, limits });
    expect(run).toMatchObject({ users: 2, undecided: 2, cutOffMs, openedAtMs: nowMs, doneAtMs: null, halted: null });
    expect(run?.signals.map((frozen) => frozen.signal)).toEqual(signals);
    expect(run?.signals.map((frozen) => frozen.sendBeforeMs)).toEqual([
      cutOffMs + 2 * minuteMs,
      cutOffMs + 2 * minuteMs,
    ]);
    expect(run?.quotes).toHaveLength(2);
    expect(run?.quotes).toContainEqual(quote('TITAN'));
  });

  test('opened twice stays as it was first frozen', async () => {
    const first = await openTestRun(store);
    const before = await readRun(first.runId);
    const again = { runId: first.runId, sessionId: 'other', tradeDate, mode: 'paper', nowMs: nowMs + 1000 };
    const answer = await store.call('open_run', {
      by: tester,
      ...again,
      cutOffMs: cutOffMs + minuteMs,
      limits: { ...limits, priceBandBps: 1 },
      problems: [{ file: 'f', line: 1, field: null, reason: 'r', value: null }],
      signals: [],
      quotes: [quote('TITAN', 777_00)],
      userIds: null,
    });
    expect(answer).toEqual({ created: false });
    expect(await readRun(first.runId)).toEqual(before);
  });

  test('opened by several at once is frozen by one of them', async () => {
    const { runId } = await openTestRun(store, { runId: 'XNSE:2025-08-28:other:paper' });
    const args = {
      runId: `${runId}-2`,
      sessionId: 's',
      tradeDate,
      mode: 'paper',
      nowMs,
      cutOffMs,
      limits,
      problems: [],
    };
    const signals = [{ signalId: signal('TITAN').id, position: 1, sendBeforeMs: cutOffMs }];
    const open = () =>
      store.call('open_run', { by: tester, ...args, signals, quotes: [quote('TITAN')], userIds: null });
    const answers = await Promise.all([open(), open(), open(), open()]);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await readRun(args.runId)).toMatchObject({ users: 1, undecided: 1 });
  });

  test('gets new prices while it is planning, and none after', async () => {
    const testRun = await openTestRun(store);
    const { runId } = testRun;
    const later = quote('TITAN', 102_00, nowMs + minuteMs);
    expect(await store.call('reprice_run', { runId, quotes: [later, quote('UNKNOWN')] })).toEqual({ repriced: true });
    expect((await readRun(runId))?.quotes).toEqual([later]);
    await decideAll(testRun);
    expect(await store.call('reprice_run', { runId, quotes: [quote('TITAN', 1_00)] })).toEqual({ repriced: false });
    expect((await readRun(runId))?.quotes).toEqual([later]);
  });

  test('counts what its day already accepted of a symbol, and says when everything is halted', async () => {
    const testRun = await openTestRun(store);
    await acceptAll(testRun);
    await store.call('halt', { scope: 'all', target: '', why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
    const inputs = { mode: 'paper', tradeDate, runId: testRun.runId };
    const expected = { symbolExposure: { TITAN: 1000_00 }, halted: 'drill' };
    expect(await readRun(testRun.runId)).toMatchObject(expected);
    expect(await store.call('read_inputs', inputs)).toMatchObject({ ...expected, runState: 'planning' });
    const live = await store.call('read_inputs', { ...inputs, mode: 'live' });
    expect(live.symbolExposure).toEqual({});
  });

  test('serves its users by priority, then by a hash that is the same here and in TypeScript', async () => {
    const users = Array.from({ length: 40 }, (_, n) => user(`user-${n}`, { priority: n % 3 === 0 ? 1 : 100 }));
    const testRun = await openTestRun(store, { users: [...users, user('élodie-😀')] });
    const expected = testRun.users
      .map(({ id, priority }) => ({ id, priority, hash: queueHash(testRun.runId, id) }))
      .sort((a, b) => a.priority - b.priority || (a.hash < b.hash ? -1 : 1))
      .map(({ id }) => id);
    const frozen = await undecided(testRun);
    expect(frozen.map(({ settings }) => settings.id)).toEqual(expected);
    expect(frozen.map(({ queuePosition }) => queuePosition)).toEqual(expected.map((_, index) => index + 1));
    const planned = await undecided(testRun, { frozen: false });
    expect(planned).toEqual(frozen);
  });

  test('gives its accounts page by page, nobody twice and nobody left out', async () => {
    const testRun = await openTestRun(store, { users: Array.from({ length: 25 }, (_, n) => user(`user-${n}`)) });
    for (const frozen of [true, false]) {
      const userIds: string[] = [];
      for (let afterQueuePosition = 0; ; ) {
        const page = await undecided(testRun, { frozen, afterQueuePosition, limit: 10 });
        if (page.length === 0) break;
        userIds.push(...page.map(({ settings }) => settings.id));
        afterQueuePosition = page.at(-1)?.queuePosition ?? 0;
      }
      expect(userIds).toHaveLength(25);
      expect(new Set(userIds).size).toBe(25);
    }
    const accounts = await undecided(testRun, { frozen: false, userIds: ['user-3', 'user-4', 'nobody'] });
    expect(accounts.map(({ settings }) => settings.id).sort()).toEqual(['user-3', 'user-4']);
  });

  test('gives an account the same shape whether it is new or has everything', async () => {
    const testRun = await openTestRun(store, {
      users: [user('asha'), user('ravi')],
      signals: [signal('TITAN'), signal('INFY')],
    });
    const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'SBIN', tradeDate };
    const bought = { ...holding, quantity: 5, priceMinor: 90_00, reference: 'h1' };
    await store.call('import_holdings', { holdings: [bought], nowMs });
    await session.exec(`update public.users set strategies = '{breakout-20d}', allow_symbols = '{TITAN}', deny_symbols = '{INFY}'
      where id = 'asha'; update public.accounts set not_ready = 'drift' where user_id = 'ravi'`);
    await store.call('halt', { scope: 'user', target: 'ravi', why: 'asked', by: { who: 'me', how: 'cli' }, nowMs });
    const accounts = new Map((await undecided(testRun)).map((one) => [one.settings.id, one]));
    expect(accounts.get('asha')).toMatchObject({
      strategies: ['breakout-20d'],
      allowSymbols: ['TITAN'],
      denySymbols: ['INFY'],
      notReady: null,
      halted: null,
      positions: [{ exchange: 'NSE', symbol: 'SBIN', quantity: 5 }],
    });
    const empty = { positions: [], working: [], decidedSignalIds: [], today: { traded: [], chargesMinor: '0' } };
    expect(accounts.get('ravi')).toMatchObject({ ...empty, notReady: 'drift', halted: 'asked', strategies: null });
    expect(Object.keys(accounts.get('asha') ?? {}).sort()).toEqual(Object.keys(accounts.get('ravi') ?? {}).sort());
  });

  test('sees what an account works, has decided, and traded that day', async () => {
    const limited = [user('asha', { dailyLossLimitBps: 100 })];
    const buy = await openTestRun(store, { runId: 'first', users: limited });
    await decideAll(buy);
    const order = await sendOne(store);
    const next = await openTestRun(store, { runId: 'second', users: limited });
    const [working] = await undecided(next);
    expect(working).toMatchObject({ working: [{ exchange: 'NSE', symbol: 'TITAN', side: 'BUY' }] });
    expect(working?.decidedSignalIds).toEqual([signal('TITAN').id]);
    await settle(store, [settlement(order.orderId, 'filled', { fills: [fill('f1', 10)] })]);

    const sell = signal('TITAN', { side: 'SELL' });
    const selling = await openTestRun(store, { runId: 'third', signals: [sell], users: limited });
    await decideAll(selling, { priceMinor: 98_00, limitPriceMinor: 98_00 });
    const sale = await sendOne(store, 'claim-2');
    await settle(store, [settlement(sale.orderId, 'filled', { fills: [fill('f2', 10, 98_00)] })]);
    const [sold] = await undecided(next);
    const titan = { exchange: 'NSE', symbol: 'TITAN', share: 'TITAN' };
    const traded = { ...titan, boughtQuantity: '10', boughtMinor: '100000', soldQuantity: '10', soldMinor: '98000' };
    const [buyRate, sellRate] = (['BUY', 'SELL'] as const).map((side) => rateFor(buy.rates, side, 'delivery'));
    if (!buyRate || !sellRate) throw new Error('both rates are there');
    const chargesMinor = String(chargesOn(1000_00, buyRate) + chargesOn(980_00, sellRate));
    expect(sold).toMatchObject({ working: [], positions: [], today: { traded: [traded], chargesMinor } });
    const nothing = { traded: [], chargesMinor: '0' };
    const [otherDay] = await undecided(next, { tradeDate: '2025-08-29' });
    expect(otherDay?.today).toEqual(nothing);
    // Without a limit nobody needs it, unless a file that is laid over may set one.
    await session.exec('update public.accounts set daily_loss_limit_bps = null');
    expect((await undecided(next))[0]?.today).toEqual(nothing);
    expect((await undecided(next, { countDay: true }))[0]?.today).toEqual({ traded: [traded], chargesMinor });
  });

  test('keeps who is moved to another venue while it plans where it froze them', async () => {
    const testRun = await openTestRun(store, { mode: 'live', users: [user('asha', { venue: 'kite' })] });
    const moved = [user('asha', { venue: 'lemonn' })];
    await store.call('import_users', { by: tester, users: moved, mode: 'live', source: 's', nowMs });
    await store.call('halt', { scope: 'venue', target: 'lemonn', why: 'drill', by: tester, nowMs });
    const [account] = await undecided(testRun);
    expect(account).toMatchObject({ settings: { venue: 'kite' }, halted: null });
  });

  test('serves a user without an account of its mode as not ready', async () => {
    await store.call('import_users', { by: tester, users: [user('asha')], mode: 'paper', source: 's', nowMs });
    const page = { runId: 'r', frozen: false, mode: 'live', tradeDate, userIds: null, signalIds: [] };
    const [account] = await store.call('read_accounts', { ...page, afterQueuePosition: 0, limit: 10 });
    expect(account).toMatchObject({ accountId: null, notReady: 'no live account', availableMinor: 0 });
  });
});
