// The evening closes the books of months that are over, checks what came after, and computes the closings anew in turn.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { checkBooksTonight, closingsInTurn } from '../../../src/stages/books/check-books.ts';
import { closableDays } from '../../../src/stages/books/close-books.ts';
import { decideAll, fill, nowMs, openScene, sendAll, settle, settlement, user } from '../../contract/support/scene.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';

const at = (date: string) => Date.parse(`${date}T15:45:00+05:30`);

describe('days books may be closed through', () => {
  test('are ends of months that are over for a week, from the first in which something was recorded', () => {
    expect(closableDays(at('2025-09-07'), '2025-06-12', undefined)).toEqual(['2025-06-30', '2025-07-31']);
    expect(closableDays(at('2025-09-08'), '2025-06-12', undefined)).toEqual(['2025-06-30', '2025-07-31', '2025-08-31']);
    expect(closableDays(at('2025-09-08'), null, undefined)).toEqual([]);
    expect(closableDays(at('2025-09-08'), '2025-09-01', undefined)).toEqual([]);
  });

  test('begin with the last that was closed, which accounts may be missing from', () => {
    expect(closableDays(at('2025-09-08'), '2025-06-12', '2025-07-31')).toEqual(['2025-07-31', '2025-08-31']);
    expect(closableDays(at('2025-09-07'), '2025-06-12', '2025-08-31')).toEqual([]);
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
    await decideAll(await openScene(store, { users }));
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
      'begin; set local session_replication_role = replica; update public.fills set price_minor = price_minor + 1',
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
