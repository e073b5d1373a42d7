import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onScreenNotifier } from '../../src/adapters/notifiers/on-screen.ts';
import type { PgliteDatabase } from '../../src/adapters/store/pglite/pglite.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { VenueName } from '../../src/adapters/venues/registry.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { World } from '../../src/ports/world.ts';
import { execute, SEND_WITHIN_MS } from '../../src/stages/execute/execute.ts';
import { reported } from '../../src/stages/execute/outcome.ts';
import { reconcile } from '../../src/stages/execute/reconcile.ts';
import { decideAll, leaseMs, openTestRun } from '../contract/support/test-run.ts';
import { openAlpacaExchange } from '../simulators/venues/alpaca-exchange.ts';
import { type Exchange, type FaultName, faultNames, type OpenExchange } from '../simulators/venues/exchange.ts';
import { openKiteExchange } from '../simulators/venues/kite-exchange.ts';
import { openLemonnExchange } from '../simulators/venues/lemonn-exchange.ts';
import { type JumpingClock, jumpingClock } from '../stages/support/clocks.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { minuteMs, nowMs, user } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { violations } from '../support/invariants.ts';
import { freshPglite } from '../support/postgres.ts';

/** Every venue an order can go to for real: one that is not here does not compile. */
const venues: Record<VenueName, OpenExchange> = {
  kite: openKiteExchange,
  lemonn: openLemonnExchange,
  // The core's orders are of NSE; Alpaca trades US shares and says no to others. Its wire is the same for both.
  alpaca: (clock) => openAlpacaExchange(clock, { exchanges: ['NSE'] }),
};

/** The answer proves nothing: unknown, with the hold open, until the venue's book says more. */
const ambiguous: readonly FaultName[] = [
  'silence_after_accept',
  'silence_before_accept',
  'html_200',
  'empty_200',
  'says_timed_out',
  'bad_gateway',
  'unavailable',
  'surfaces_late',
  'reset',
];
/** Proven not placed: it goes again. */
const notSent: readonly FaultName[] = ['rate_limited', 'token_expired'];

/** What an order has come to here when everything that could be learnt of it has been. */
function expectedEnd(
  fault: FaultName | null,
  { venue: { capabilities } }: Exchange,
): 'filled' | 'rejected' | 'unknown' {
  if (fault === 'refused') return 'rejected';
  if (fault !== 'silence_before_accept' && fault !== 'unavailable') return 'filled';
  // Nobody took it and nobody says so: only a venue that refuses duplicates may be asked again.
  return capabilities.refusesDuplicates ? 'filled' : 'unknown';
}

let database: PgliteDatabase;
let store: Store;
const matrix: Record<string, Record<string, string>> = {};

beforeAll(async () => {
  database = await freshPglite();
  store = makeStore({ call: database.call, close: async () => undefined });
});
afterAll(async () => {
  if (process.env['MATRIX']) console.table(matrix);
  await database.close();
});

/** One user with a live account at the venue, money in it, and one order of 10 TITAN accepted and queued. */
async function queued(venue: string): Promise<void> {
  await emptyDatabase(database.session);
  const users = [user('asha', { venue })];
  const testRun = await openTestRun(store, { mode: 'live', runId: 'XNSE:2025-08-28:open:live', users });
  await database.session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
    update public.accounts set cash_minor = 10000000, not_ready = null, checked_for = '2025-08-28'`);
  await decideAll(testRun);
}

async function orderNow() {
  const [order] = await database.session.query(
    `select o.status, o.reason, o.filled_quantity::int as filled, o.client_order_id as id, o.venue_order_id as at_venue,
       a.held_minor::int as held, o.hold_minor::int as hold,
       (select string_agg(to_status, ' ' order by e.id) from public.order_events e where e.order_id = o.id) as path,
       (select string_agg(kind, ' ' order by l.id) from public.ledger_entries l where l.order_id = o.id) as ledger,
       (select sum(quantity)::int from public.fills f where f.order_id = o.id) as fills
     from public.orders o join public.accounts a on a.id = o.account_id`,
  );
  return order ?? {};
}

/** A push counts as a reason to look, and as nothing else: looked up and booked once for each that was heard. */
async function hearPushes({ push, venue }: Exchange, clock: JumpingClock): Promise<(string | null)[]> {
  const pushes = (push?.take() ?? []).map((raw) => push?.hear(raw) ?? null);
  clock.jump(3_000);
  const claim = { claimId: 'push', venues: [venue.name], limit: 1, leaseMs, nowMs: clock.nowMs() };
  const orders = pushes.some((one) => one !== null) ? await store.call('claim_lookups', claim) : [];
  const lookups = pushes.flatMap((one) => {
    return orders.map(async (order) => {
      const found = one === null ? null : await venue.lookup(order);
      if (found?.kind !== 'found') return;
      const outcomes = [reported(order, found.report, clock.nowMs())];
      await store.call('settle_orders', { outcomes, nowMs: clock.nowMs() });
    });
  });
  await Promise.all(lookups);
  return pushes.map((one) => one?.venueOrderId ?? null);
}

describe.each(Object.entries(venues))('an order at %s, when the venue', (name, open) => {
  test.each([null, ...faultNames])('%s, is there once at most, and booked as it is', async (fault) => {
    const clock = jumpingClock(nowMs);
    const exchange = await open(clock);
    const row = matrix[fault ?? 'nothing wrong'] ?? {};
    matrix[fault ?? 'nothing wrong'] = row;
    try {
      const reason = fault && exchange.unsupported[fault];
      row[name] = reason ? `n/a: ${reason}` : await played(exchange, fault, clock);
    } finally {
      await exchange.close();
    }
  });

  test('is reached too late, since its credentials were long in coming, is not spoken to: it goes again', async () => {
    const clock = jumpingClock(nowMs);
    const exchange = await open(clock);
    try {
      await queued(name);
      const { credentials } = exchange;
      exchange.credentials = (account) => {
        clock.jump(SEND_WITHIN_MS);
        return credentials(account);
      };
      await execute(worldOf(exchange, clock), 1, undefined, 1);
      expect(exchange.book()).toEqual([]);
      expect(await orderNow()).toMatchObject({ status: 'queued', path: 'queued submitting queued' });
      exchange.credentials = credentials;
      clock.jump(minuteMs);
      await execute(worldOf(exchange, clock), 1);
      expect(exchange.book()).toMatchObject([{ clientOrderId: (await orderNow())['id'] }]);
    } finally {
      await exchange.close();
    }
  });
});

function worldOf({ name, venue }: Exchange, clock: JumpingClock, steps: AnyEvent[] = []): World {
  return {
    store,
    clock,
    quotes: { read: async () => [] },
    venues: new Map([[name, venue]]),
    notifier: onScreenNotifier(),
    operatorDays: async () => [],
    emit: (type) => steps.push(type),
  };
}

async function played(exchange: Exchange, fault: FaultName | null, clock: JumpingClock): Promise<string> {
  await queued(exchange.name);
  const steps: AnyEvent[] = [];
  const world = worldOf(exchange, clock, steps);
  exchange.next(fault);
  await execute(world, 1);

  const first = await orderNow();
  const proves = fault === null || !ambiguous.includes(fault);
  if (proves) expect(first['status']).not.toBe('unknown');
  else expect(first).toMatchObject({ status: 'unknown', held: first['hold'] });
  if (fault && notSent.includes(fault)) expect(String(first['path'])).toContain('submitting queued');
  // Only here: elsewhere a push would spare the lookup that is to be seen.
  if (fault === 'wrong_checksum' || fault === 'duplicate_postback') {
    const pushes = await hearPushes(exchange, clock);
    const id = exchange.book()[0]?.venueOrderId;
    expect(pushes).toEqual(fault === 'wrong_checksum' ? [null] : [id, id]);
  }

  // At first soon enough to see a partial fill, then long enough for every look there is.
  for (const pauseMs of [5_000, ...Array<number>(12).fill(minuteMs)]) {
    clock.jump(pauseMs);
    await execute(world, 1);
    await reconcile(world, 1);
    const { status, held, hold } = await orderNow();
    if (fault === 'partial_fill' && pauseMs < minuteMs) {
      expect({ status, held }).toEqual({ status: 'partially_filled', held: hold });
    }
    if (status === 'filled' || status === 'rejected') break;
  }
  await judge(exchange, fault, steps);
  const { path, ledger } = await orderNow();
  return `${path} (${ledger}), ${exchange.book().length} at the venue`;
}

async function judge(exchange: Exchange, fault: FaultName | null, steps: AnyEvent[]): Promise<void> {
  const end = expectedEnd(fault, exchange);
  const order = await orderNow();
  const book = exchange.book().filter(({ clientOrderId }) => clientOrderId === order['id']);
  expect(exchange.book()).toEqual(book);
  const filled = { status: 'filled', filled: 10, fills: 10, held: 0, ledger: 'hold post' };
  switch (end) {
    case 'filled':
      expect(book).toMatchObject([
        { symbol: 'TITAN', side: 'BUY', quantity: 10, filledQuantity: 10, status: 'filled' },
      ]);
      expect(order).toMatchObject({ ...filled, at_venue: book[0]?.venueOrderId });
      break;
    case 'rejected':
      expect(book.filter(({ status }) => status !== 'rejected')).toEqual([]);
      expect(order).toMatchObject({ status: 'rejected', filled: 0, fills: null, held: 0, ledger: 'hold void' });
      break;
    case 'unknown':
      expect(book).toEqual([]);
      expect(order).toMatchObject({ status: 'unknown', fills: null, held: order['hold'], ledger: 'hold' });
      expect(steps.filter(({ type }) => type === 'order_needs_person')).toHaveLength(1);
  }
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
}
