import { expect, test } from 'vitest';
import { productAt, rateFor } from '../../../src/domain/decision/charges.ts';
import { marginFor } from '../../../src/domain/decision/sizing.ts';
import { chargesOn } from '../../support/amounts.ts';
import { minuteMs, nowMs, signal, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  decideAll,
  fill,
  openTestRun,
  sendAll,
  sendOne,
  settle,
  settlement,
  type TestRun,
} from '../support/test-run.ts';

const fine = { lateFills: [], unproven: [], wrongFills: [] };

onEveryDatabase('settle_orders', ({ store, session, value }) => {
  const order = async (orderId: number) => {
    const [row] = await session.query(
      `select status, reason, message, venue_order_id, filled_quantity::int as filled, filled_value_minor::int as value,
         charges_minor::int as charges, lookups, late_fill, core.ms(next_lookup_at)::text as next_lookup,
         ended_at is not null as ended, claim_id from public.orders where id = $1`,
      [orderId],
    );
    return row ?? {};
  };
  const ledger = async () => {
    const rows = await session.query(
      'select kind, cash_delta_minor::int as cash, held_delta_minor::int as held from public.ledger_entries order by id',
    );
    return rows.filter(({ kind }) => kind !== 'deposit' && kind !== 'hold');
  };
  const events = async (orderId: number) =>
    (await session.query('select to_status from public.order_events where order_id = $1 order by id', [orderId])).map(
      ({ to_status }) => to_status,
    );
  const money = async () => {
    const [row] = await session.query('select cash_minor::int as cash, held_minor::int as held from public.accounts');
    return row;
  };
  const atVenue = async (leverageCenti = 100): Promise<{ testRun: TestRun; orderId: number; hold: number }> => {
    const testRun = await openTestRun(store, { users: [user('asha', { leverageCenti })] });
    await decideAll(testRun);
    const { orderId } = await sendOne(store);
    const hold = Number(await value('select hold_minor::int from public.orders'));
    return { testRun, orderId, hold };
  };
  const paid = ({ rates }: TestRun, valueMinor: number, leverageCenti = 100) =>
    marginFor(valueMinor, leverageCenti) + chargesOn(valueMinor, rateFor(rates, 'BUY', productAt(leverageCenti)));

  test.each([100, 500, 333])(
    'a fill pays margin and charges and releases the whole hold (leverage %i)',
    async (leverage) => {
      const { testRun, orderId, hold } = await atVenue(leverage);
      const outcome = settlement(orderId, 'filled', {
        venueOrderId: 'V1',
        fills: [fill('f1', 7, 100_03), fill('f2', 3, 99_99)],
      });
      expect(await settle(store, [outcome])).toEqual({ ...fine, settled: 1, fills: 2 });
      const valueMinor = 7 * 100_03 + 3 * 99_99;
      const cost = paid(testRun, valueMinor, leverage);
      const charges = cost - marginFor(valueMinor, leverage);
      expect(await order(orderId)).toMatchObject({
        status: 'filled',
        reason: null,
        venue_order_id: 'V1',
        filled: 10,
        value: valueMinor,
        charges,
        ended: true,
        late_fill: false,
        claim_id: null,
      });
      expect(await ledger()).toEqual([{ kind: 'post', cash: -cost, held: -hold }]);
      expect(await money()).toEqual({ cash: 1_00_000_00 - cost, held: 0 });
      expect(
        await session.query('select quantity::int, cost_minor::int, margin_minor::int from public.positions'),
      ).toEqual([{ quantity: 10, cost_minor: valueMinor, margin_minor: cost - charges }]);
    },
  );

  test('told twice, or in two halves that overlap, books everything once', async () => {
    const { orderId } = await atVenue();
    const half = settlement(orderId, 'partially_filled', { fills: [fill('f1', 4)], nextLookupMs: nowMs + 1 });
    const whole = settlement(orderId, 'filled', { fills: [fill('f1', 4), fill('f2', 6)] });
    expect(await settle(store, [half])).toEqual({ ...fine, settled: 1, fills: 1 });
    expect(await settle(store, [half])).toEqual({ ...fine, settled: 1, fills: 0 });
    expect(await order(orderId)).toMatchObject({ status: 'partially_filled', filled: 4, ended: false });
    expect(await settle(store, [whole])).toEqual({ ...fine, settled: 1, fills: 1 });
    const [before, books] = [await order(orderId), await ledger()];
    expect(await settle(store, [whole])).toEqual({ ...fine, settled: 1, fills: 0 });
    await Promise.all([settle(store, [whole]), settle(store, [half]), settle(store, [whole])]);
    expect(await order(orderId)).toMatchObject({ status: 'filled', filled: 10, value: before['value'] });
    expect(await ledger()).toEqual(books);
  });

  test('an outcome told by several at the same time books everything once', async () => {
    const { orderId } = await atVenue();
    const whole = settlement(orderId, 'filled', { fills: [fill('f1', 4), fill('f2', 6)] });
    const answers = await Promise.all([1, 2, 3, 4].map(() => settle(store, [whole])));
    expect(answers.map(({ fills }) => fills).toSorted()).toEqual([0, 0, 0, 2]);
  });

  test('a rejection voids the hold and costs nothing', async () => {
    const { orderId, hold } = await atVenue();
    await settle(store, [settlement(orderId, 'rejected', { reason: 'venue_rejected', message: 'no margin' })]);
    expect(await order(orderId)).toMatchObject({
      status: 'rejected',
      reason: 'venue_rejected',
      message: 'no margin',
      charges: 0,
      ended: true,
    });
    expect(await ledger()).toEqual([{ kind: 'void', cash: 0, held: -hold }]);
    expect(await money()).toEqual({ cash: 1_00_000_00, held: 0 });
    expect(await session.query('select * from public.positions')).toEqual([]);
  });

  test('working changes no money; what then is canceled keeps what it filled', async () => {
    const { testRun, orderId, hold } = await atVenue();
    await settle(store, [settlement(orderId, 'working', { nextLookupMs: nowMs + 2000 })]);
    expect(await order(orderId)).toMatchObject({ status: 'working', next_lookup: String(nowMs + 2000), ended: false });
    await settle(store, [
      settlement(orderId, 'partially_filled', { fills: [fill('f1', 4)], nextLookupMs: nowMs + 4000 }),
    ]);
    expect(await ledger()).toEqual([]);
    expect(await money()).toEqual({ cash: 1_00_000_00, held: hold });
    await settle(store, [settlement(orderId, 'canceled', { reason: 'venue_canceled', fills: [fill('f1', 4)] })]);
    expect(await order(orderId)).toMatchObject({ status: 'canceled', reason: 'venue_canceled', filled: 4 });
    expect(await ledger()).toEqual([{ kind: 'post', cash: -paid(testRun, 400_00), held: -hold }]);
  });

  test.each(['canceled', 'expired'] as const)(
    'an answer to the submission that already says %s ends the order',
    async (status) => {
      const { orderId, hold } = await atVenue();
      await settle(store, [settlement(orderId, status, { reason: `venue_${status}` })]);
      expect(await order(orderId)).toMatchObject({ status, ended: true });
      expect(await events(orderId)).toEqual(['queued', 'submitting', 'working', status]);
      expect(await ledger()).toEqual([{ kind: 'void', cash: 0, held: -hold }]);
    },
  );

  test.each(['canceled', 'rejected'] as const)(
    'a submission answered with %s after some fills is canceled with them',
    async (status) => {
      const { testRun, orderId, hold } = await atVenue();
      await settle(store, [settlement(orderId, status, { fills: [fill('f1', 3)] })]);
      expect(await order(orderId)).toMatchObject({ status: 'canceled', filled: 3 });
      expect(await events(orderId)).toEqual(['queued', 'submitting', 'partially_filled', 'canceled']);
      expect(await ledger()).toEqual([{ kind: 'post', cash: -paid(testRun, 300_00), held: -hold }]);
    },
  );

  test('«filled» without its fills is not believed: the order is asked about again', async () => {
    const { orderId } = await atVenue();
    await settle(store, [settlement(orderId, 'filled')]);
    expect(await order(orderId)).toMatchObject({ status: 'working', filled: 0, next_lookup: String(nowMs + 2000) });
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 6)] })]);
    expect(await order(orderId)).toMatchObject({
      status: 'partially_filled',
      filled: 6,
      next_lookup: String(nowMs + 2000),
    });
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 6), fill('f2', 4)] })]);
    expect(await order(orderId)).toMatchObject({ status: 'filled', filled: 10, ended: true });
  });

  test('all fills make it filled, whatever the venue calls it', async () => {
    const { orderId } = await atVenue();
    await settle(store, [settlement(orderId, 'canceled', { reason: 'venue_canceled', fills: [fill('f1', 10)] })]);
    expect(await order(orderId)).toMatchObject({ status: 'filled', reason: null });
  });

  test('more fills than were ordered are facts too, and money that is not there blocks the account', async () => {
    const { orderId } = await atVenue();
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 2000)] })]);
    expect(await order(orderId)).toMatchObject({ status: 'filled', filled: 2000 });
    expect(await value('select not_ready from public.accounts')).toBe('available money is below zero: acknowledge it');
  });

  test('an unknown order keeps its hold, looks again later, and then ends as the venue says', async () => {
    const { orderId, hold } = await atVenue();
    await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout', nextLookupMs: nowMs + 2000 })]);
    expect(await order(orderId)).toMatchObject({
      status: 'unknown',
      reason: 'timeout',
      lookups: 0,
      next_lookup: String(nowMs + 2000),
    });
    await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout', nextLookupMs: nowMs + 6000 })]);
    expect(await order(orderId)).toMatchObject({ status: 'unknown', lookups: 0, next_lookup: String(nowMs + 6000) });
    expect(await money()).toEqual({ cash: 1_00_000_00, held: hold });
    await settle(store, [settlement(orderId, 'expired', { reason: 'never_reached_venue' })]);
    expect(await order(orderId)).toMatchObject({ status: 'expired', reason: 'never_reached_venue' });
    expect(await ledger()).toEqual([{ kind: 'void', cash: 0, held: -hold }]);
  });

  test('an unknown order is not sent again, and a late «not sent» does not stop its lookups', async () => {
    const { orderId } = await atVenue();
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs + 2000 })]);
    await settle(store, [settlement(orderId, 'queued', { reason: 'mark_stale', nextAttemptMs: nowMs })]);
    expect(await order(orderId)).toMatchObject({ status: 'unknown', next_lookup: String(nowMs + 2000) });
  });

  test('an order that was not sent and has a number of the venue is looked up, and does not go again', async () => {
    const { orderId } = await atVenue();
    const notSent = { reason: 'not_reachable', venueOrderId: 'V1', nextAttemptMs: nowMs };
    await settle(store, [settlement(orderId, 'queued', notSent)]);
    expect(await order(orderId)).toMatchObject({ status: 'unknown', venue_order_id: 'V1', next_lookup: String(nowMs) });
    expect(await events(orderId)).toEqual(['queued', 'submitting', 'unknown']);
    const args = { venues: ['paper'], limit: 10, leaseMs: 30_000, nowMs };
    expect(await store.call('take_orders', { ...args, markId: 'm9' })).toMatchObject({ orders: [] });
    expect(await store.call('claim_lookups', { ...args, claimId: 'c10' })).toMatchObject([{ orderId }]);
  });

  test('an ended order stays as it ended', async () => {
    const { orderId } = await atVenue();
    await settle(store, [settlement(orderId, 'rejected', { reason: 'venue_rejected' })]);
    for (const status of ['unknown', 'queued', 'working', 'canceled', 'expired'] as const) {
      await settle(store, [settlement(orderId, status, { reason: 'stale', nextLookupMs: nowMs })], nowMs + minuteMs);
    }
    expect(await order(orderId)).toMatchObject({ status: 'rejected', reason: 'venue_rejected', ended: true });
    expect(await events(orderId)).toEqual(['queued', 'submitting', 'rejected']);
  });

  test('several orders of one account and of several accounts are settled in one call', async () => {
    const signals = ['TITAN', 'INFY', 'SBIN', 'ITC'].map((symbol) => signal(symbol));
    const testRun = await openTestRun(store, { signals, users: [user('asha'), user('ravi')] });
    await decideAll(testRun);
    const orders = await sendAll(store);
    const outcomes = orders.map(({ orderId, symbol }) => {
      if (symbol === 'TITAN') return settlement(orderId, 'filled', { fills: [fill(`f${orderId}`, 10, 99_50)] });
      if (symbol === 'INFY') return settlement(orderId, 'rejected');
      if (symbol === 'SBIN') return settlement(orderId, 'canceled', { fills: [fill(`f${orderId}`, 1)] });
      return settlement(orderId, 'unknown');
    });
    expect(await settle(store, outcomes)).toEqual({ ...fine, settled: 8, fills: 4 });
    const cash = 1_00_000_00 - paid(testRun, 995_00) - paid(testRun, 100_00);
    const held = Number(await value("select min(hold_minor)::int from public.orders where status = 'unknown'"));
    expect(await session.query('select cash_minor::int as cash, held_minor::int as held from public.accounts')).toEqual(
      [
        { cash, held },
        { cash, held },
      ],
    );
    expect(await settle(store, outcomes)).toEqual({ ...fine, settled: 8, fills: 0 });
  });

  test('nothing to settle, or an order nobody knows, changes nothing', async () => {
    await atVenue();
    expect(await settle(store, [])).toEqual({ ...fine, settled: 0, fills: 0 });
    await settle(store, [settlement(-1, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await value('select count(*)::int from public.fills')).toBe(0);
  });
});
