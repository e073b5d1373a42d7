// The evening closes the books of months that are over, checks what came after, and computes the closings anew in turn.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { checkBooksTonight, closingsInTurn } from '../../../src/stages/books/check-books.ts';
import { closableDays, closeBooks } from '../../../src/stages/books/close-books.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../../contract/support/test-run.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';

const at = (date: string) => Date.parse(`${date}T15:45:00+05:30`);

describe('days books may be closed through', () => {
  const days = (now: string, firstDay: string | null, closedThrough?: string) =>
    closableDays(at(now), { firstDay, closedThrough, days: [] });

  test('are ends of months that are over for a week, from the first in which something was recorded', () => {
    expect(days('2025-09-07', '2025-06-12')).toEqual(['2025-06-30', '2025-07-31']);
    expect(days('2025-09-08', '2025-06-12')).toEqual(['2025-06-30', '2025-07-31', '2025-08-31']);
    expect(days('2025-09-08', null)).toEqual([]);
    expect(days('2025-09-08', '2025-09-01')).toEqual([]);
  });

  test('begin with the last that was closed, which accounts may be missing from', () => {
    expect(days('2025-09-08', '2025-06-12', '2025-07-31')).toEqual(['2025-07-31', '2025-08-31']);
    expect(days('2025-09-07', '2025-06-12', '2025-08-31')).toEqual([]);
    expect(days('2025-09-08', '2025-06-12', '2025-07-09')).toEqual(['2025-07-09', '2025-07-31', '2025-08-31']);
  });

  test('are more where a month has more orders than one closing takes, and none where a day alone has', () => {
    const ordersOf = (counts: number[], month = '07') =>
      counts.map((orders, index) => ({ day: `2025-${month}-0${index + 1}`, orders }));
    const with10 = (of: { day: string; orders: number }[]) =>
      closableDays(at('2025-08-20'), { firstDay: '2025-07-01', closedThrough: undefined, days: of }, 10);
    expect(with10(ordersOf([4, 6]))).toEqual(['2025-07-31']);
    expect(with10(ordersOf([4, 6, 1]))).toEqual(['2025-07-02', '2025-07-31']);
    expect(with10(ordersOf([25, 25, 1]))).toEqual(['2025-07-01', '2025-07-02', '2025-07-31']);
    // A month begins anew, and what is not over for a week is left.
    expect(with10([...ordersOf([8]), ...ordersOf([8, 8], '08')])).toEqual(['2025-07-31', '2025-08-01']);
    const late = { firstDay: '2025-08-01', closedThrough: undefined, days: ordersOf([8, 8], '08') };
    expect(closableDays(at('2025-08-08'), late, 10)).toEqual([]);
  });
});

test.each([0, 1, 2, 28, 60, 120])('of %i closings each is computed anew within 28 evenings', (count) => {
  const closings = Array.from({ length: count }, (_, index) => `closing ${index}`);
  const evenings = Array.from({ length: 28 }, (_, index) =>
    closingsInTurn(at('2025-09-08') + index * 86_400_000, closings),
  );
  expect(new Set(evenings.flat())).toEqual(new Set(closings));
  expect(Math.max(...evenings.map((of) => of.length))).toBe(Math.ceil(count / 28));
});

describe('the evening', () => {
  let database: TestDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await freshPglite();
    store = makeStore(database);
    await database.session.exec(`set daily_scan.now = '${new Date(nowMs).toISOString()}'`);
    const users = ['asha', 'ravi'].map((id) => user(id));
    await decideAll(await openTestRun(store, { users }));
    const [first] = await sendAll(store);
    await settle(store, [settlement(first?.orderId ?? 0, 'filled', { fills: [fill('f1', 10)] })]);
  });
  afterAll(() => database.close());

  const evening = async (date: string): Promise<AnyEvent[]> => {
    const events: AnyEvent[] = [];
    await database.session.exec(`set daily_scan.now = '${new Date(at(date)).toISOString()}'`);
    const clock = { virtual: false, nowMs: () => at(date), sleep: async () => undefined, every: () => () => undefined };
    await checkBooksTonight({ store, clock, emit: (event) => void events.push(event) });
    return events.filter(
      ({ type, about }) =>
        type !== 'books_broken' || !/its time is over|at its venue after its day|no run is planned/.test(String(about)),
    );
  };

  test('closes no month before its time, and then every account in which nothing is open', async () => {
    expect((await evening('2025-09-07')).map(({ type }) => type)).toEqual(['books_checked']);
    expect((await evening('2025-09-08')).slice(0, 1)).toEqual([
      { type: 'books_closed', through: '2025-08-31', accounts: 1 },
    ]);
    expect((await evening('2025-09-09')).map(({ type }) => type)).toEqual(['books_checked']);
  });

  test('finds what is wrong in closed records when their closing is computed anew', async () => {
    await database.session.exec(
      'begin; set local session_replication_role = replica; update public.fills set value_minor = value_minor + 1',
    );
    const about = (await evening('2025-09-10')).flatMap((event) =>
      event.type === 'books_broken' ? [event['about']] : [],
    );
    await database.session.exec('rollback');
    expect(about).toContain('a closed position is what its fills make');
  });

  test('says that books could not be closed, and checks them all the same', async () => {
    await database.session.exec('alter function public.close_books rename to close_books_no_more');
    const events = await evening('2025-10-08');
    await database.session.exec('alter function public.close_books_no_more rename to close_books');
    expect(events.map(({ type }) => type)).toEqual(['books_not_closed', 'books_checked']);
  });
});

test('no closing has more orders than one may, and each adds up', async () => {
  const database = await freshPglite();
  const { session } = database;
  const store = makeStore(database);
  await session.exec(`set daily_scan.now = '${new Date(nowMs).toISOString()}'`);
  const users = ['asha', 'ravi', 'mina'].map((id) => user(id));
  for (const [index, symbol] of ['TITAN', 'INFY', 'SBICARD', 'WIPRO'].entries()) {
    const day = 20 + index;
    const runId = `run-${day}`;
    await decideAll(await openTestRun(store, { runId, users, signals: [signal(symbol, { strategy: runId })] }));
    for (const { orderId } of await sendAll(store)) {
      const fills = [{ ...fill(`f${orderId}`, 10), atMs: nowMs + day * 60_000 }];
      await settle(store, [settlement(orderId, 'filled', { fills })]);
    }
    await session.query(`update public.scan_runs set recorded_at = $1 where id = $2`, [
      new Date(at(`2025-08-${day}`)).toISOString(),
      runId,
    ]);
  }
  await session.exec(`set daily_scan.now = '${new Date(at('2025-09-10')).toISOString()}'`);
  const clock = { virtual: false, nowMs: () => at('2025-09-10'), sleep: async () => {}, every: () => () => {} };
  const closed: unknown[] = [];
  const emit = (event: AnyEvent) => void closed.push(event['through']);
  expect(await closeBooks({ store, clock, emit }, undefined, 7)).toBe(6);
  expect(closed).toEqual(['2025-08-21', '2025-08-31']);
  const spans = await session.query(
    `select count(*)::int as orders from public.orders o
     group by (select min(c.through) from public.closings c where c.last_order_id >= o.id) order by min(o.id)`,
  );
  expect(spans.map(({ orders }) => orders)).toEqual([6, 6]);
  for (const through of ['2025-08-21', '2025-08-31'])
    expect(await store.call('check_books', { closing: through }), through).toEqual([]);
  expect(await closeBooks({ store, clock, emit }, undefined, 7)).toBe(0);
  await database.close();
});
