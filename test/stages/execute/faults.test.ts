import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../../src/domain/faults.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Venue } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import { MAX_LOOKUPS } from '../../../src/stages/execute/outcome.ts';
import { importedUser } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestDatabase } from '../../support/postgres.ts';
import { messageRows, venueBook } from '../support/database-state.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestDatabase;
let store: Store;
beforeEach(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

/** Hit has the fault, Spared is in the same signal without it. */
const users = [importedUser('Hit'), importedUser('Spared')];

async function playing(fault: Omit<Fault, 'user'>) {
  const report = await runDay(store, { signals: [titan], users, faults: [{ user: 'Hit', ...fault }] });
  const [hit, spared] = ['Hit', 'Spared'].map((name) => report.orders.find(({ userName }) => userName === name));
  expect(spared).toMatchObject({ status: 'filled', reason: null, filledQuantity: 28 });
  const ledger = await database.session.query(
    `select kind, cash_delta_minor::int as cash, held_delta_minor::int as held from public.ledger_entries l
     join public.accounts a on a.id = l.account_id where a.user_id = 'hit' and kind <> 'deposit' order by l.id`,
  );
  const events = await database.session.query(
    `select to_status from public.order_events e join public.orders o on o.id = e.order_id
     where o.user_id = 'hit' order by e.id`,
  );
  const [message] = await messageRows(database.session);
  return { report, hit, ledger, message, path: events.map(({ to_status }) => to_status).join(' ') };
}

describe('a fault at the venue', () => {
  afterEach(async () => {
    const book = await venueBook(database.session);
    expect(book.map(({ id }) => id)).toHaveLength(2);
  });

  test('reject ends rejected, with the hold given back and the venue’s words in the message', async () => {
    const { hit, ledger, message, path, report } = await playing({ fault: 'reject', message: 'RMS: margin' });
    expect(hit).toMatchObject({ status: 'rejected', reason: 'venue_rejected', filledQuantity: 0, averagePrice: null });
    expect(path).toBe('queued submitting rejected');
    expect(ledger.map(({ kind }) => kind)).toEqual(['hold', 'void']);
    expect(ledger[1]).toMatchObject({ cash: 0, held: -Number(ledger[0]?.['held']) });
    expect(message).toMatchObject({ user: 'hit', status: 'sent' });
    expect(message?.text).toContain('TITAN: rejected by the broker: "RMS: margin"');
    expect(report.totals).toMatchObject({ filled: 1, rejected: 1, unknown: 0 });
  });

  test('delay is working at first and filled when the venue has filled it', async () => {
    const { hit, ledger, message, path, report } = await playing({ fault: 'delay', delayMs: 20_000 });
    expect(hit).toMatchObject({ status: 'filled', filledQuantity: 28, averagePrice: '3560.00' });
    expect(path).toBe('queued submitting working filled');
    expect(ledger.map(({ kind }) => kind)).toEqual(['hold', 'post']);
    expect(message?.text).toContain('28 × TITAN');
    expect(report.durationMs).toBeGreaterThanOrEqual(20_000);
  });

  test('a delay beyond 90 s leaves the message saying «still open», and one correction says how it ended', async () => {
    const { hit, ledger, message } = await playing({ fault: 'delay', delayMs: 200_000 });
    expect(hit).toMatchObject({ status: 'filled', filledQuantity: 28 });
    expect(ledger.map(({ kind }) => kind)).toEqual(['hold', 'post']);
    expect(message?.text).toContain('Still open: Buy 28 × TITAN for at most ₹3,577.80: waiting at the exchange');
    const rows = await messageRows(database.session);
    expect(rows).toHaveLength(3);
    expect(rows[1]).toMatchObject({ user: 'hit', status: 'sent' });
    expect(rows[1]?.text).toContain('Correction: this replaces what we wrote before');
    expect(rows[1]?.text).toContain('Bought 28 × TITAN');
  });

  test('partial is canceled with what was filled, and pays for that only', async () => {
    const { hit, ledger, message, path } = await playing({ fault: 'partial', quantity: 11 });
    expect(hit).toMatchObject({ status: 'canceled', reason: 'venue_canceled', quantity: 28, filledQuantity: 11 });
    expect(path).toBe('queued submitting partially_filled canceled');
    expect(ledger.map(({ kind }) => kind)).toEqual(['hold', 'post']);
    const chargesMinor = Number(hit?.charges.replace('.', ''));
    expect(ledger[1]?.['cash']).toBe(-((11 * 3560_00) / 5 + chargesMinor));
    expect(message?.text).toContain('11 of 28 × TITAN @ ₹3,560.00');
    expect(message?.text).toContain('TITAN: the rest was canceled');
  });

  test.each(['timeout_before', 'timeout_after', 'garbage'] as const)(
    '%s is unknown, looked up, and filled once',
    async (fault) => {
      const { hit, ledger, message, path, report } = await playing({ fault });
      expect(hit).toMatchObject({ status: 'filled', reason: null, filledQuantity: 28, averagePrice: '3560.00' });
      expect(path).toBe('queued submitting unknown filled');
      expect(ledger.map(({ kind }) => kind)).toEqual(['hold', 'post']);
      expect(message?.text).toContain('28 × TITAN @ ₹3,560.00');
      expect(report.totals).toMatchObject({ filled: 2, unknown: 0 });
    },
  );
});

/** A venue nobody gets an answer from: every call is recorded, and every answer is lost. */
function mute(calls: string[]): (world: World) => World {
  const lost = async (what: string): Promise<never> => {
    calls.push(what);
    throw new Error('socket hang up');
  };
  const venue: Venue = {
    name: 'paper',
    capabilities: { refusesDuplicates: false, missIsProof: false },
    submit: ({ clientOrderId }) => lost(`submit ${clientOrderId}`),
    lookup: ({ clientOrderId }) => lost(`lookup ${clientOrderId}`),
  };
  return (world) => ({ ...world, venues: new Map([['paper', venue]]) });
}

test('an order nobody can find out about stays unknown with its hold, is sent once, and ends with a person', async () => {
  const calls: string[] = [];
  const report = await runDay(store, { signals: [titan], users: [importedUser('Hit')], change: mute(calls) });
  const [order] = report.orders;
  expect(order).toMatchObject({ status: 'unknown', filledQuantity: 0 });
  expect(calls.filter((one) => one.startsWith('submit'))).toEqual([`submit ${order?.clientOrderId}`]);
  expect(calls.filter((one) => one.startsWith('lookup'))).toHaveLength(MAX_LOOKUPS);
  const [account] = await database.session.query('select held_minor::int as held from public.accounts');
  expect(account?.['held']).toBeGreaterThan(0);
  const [message] = await messageRows(database.session);
  expect(message?.text).toContain('Not confirmed yet: Buy 28 × TITAN: the broker');
  const [run] = await database.session.query('select state from public.scan_runs');
  expect(run).toEqual({ state: 'done' });
});

test('an order that rests for long and once can’t be looked up is looked at again until it is filled', async () => {
  const maxLookups = 12;
  let lookups = 0;
  const report = (status: 'working' | 'filled', quantity: number, nowMs: number) => {
    const fills = quantity > 0 ? [{ venueFillId: 'V1-1', quantity, priceMinor: 3560_00, atMs: nowMs }] : [];
    return { venueOrderId: 'V1', status, message: null, fills };
  };
  const change = (world: World): World => {
    const venue: Venue = {
      name: 'paper',
      capabilities: { refusesDuplicates: true, missIsProof: true },
      submit: async () => ({ kind: 'acknowledged', report: report('working', 0, world.clock.nowMs()) }),
      lookup: async ({ quantity }) => {
        lookups += 1;
        if (lookups === maxLookups - 2) return { kind: 'missing' };
        if (lookups === maxLookups - 1) throw new Error('socket hang up');
        const done = lookups === maxLookups;
        return { kind: 'found', report: report(done ? 'filled' : 'working', done ? quantity : 0, world.clock.nowMs()) };
      },
    };
    return { ...world, venues: new Map([['paper', venue]]) };
  };
  const { orders } = await runDay(store, { signals: [titan], users: [importedUser('Hit')], change });
  expect(orders).toMatchObject([{ status: 'filled', filledQuantity: 28 }]);
  expect(lookups).toBe(maxLookups);
});

test('a chat that is down never stops a trade: messages end failed or unknown, once', async () => {
  let tried = 0;
  const change = (world: World): World => ({
    ...world,
    notifier: {
      name: 'down',
      async send({ userId }) {
        tried += 1;
        if (userId === 'hit') throw new Error('connection reset');
        return { kind: 'failed', reason: 'template paused' };
      },
    },
  });
  const report = await runDay(store, { signals: [titan], users, change });
  expect(report.totals).toMatchObject({ filled: 2, messages: { sent: 0, failed: 1, unknown: 1, queued: 0 } });
  await runDay(store, { signals: [titan], users });
  expect(tried).toBe(2);
  expect((await messageRows(database.session)).map(({ status }) => status)).toEqual(['unknown', 'failed']);
});
