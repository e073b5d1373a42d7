import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import { closeOverdue } from '../../../src/stages/accept/close-abandoned.ts';
import { workOnce } from '../../../src/stages/execute-and-notify.ts';
import { work } from '../../../src/work.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { buy, importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { finalState, messageRows, pairOutcomes, tally } from '../support/database-state.ts';
import { type Death, dyingStore } from '../support/dying-store.ts';
import { type Day, fiveUsers, runDay, runId, storeOf, titan, worldOf } from '../support/run-day.ts';

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
beforeEach(() => emptyDatabase(database.session));
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

const nextDate = '2025-08-29';
const nextTitan = buy('TITAN', 1, 3570_00, { tradeDate: nextDate });
/** Two pages of users; who has an order is in both. */
const manyUsers = Array.from({ length: 700 }, (_, n) =>
  importedUser(`User ${n}`, { whatsapp: null, capitalMinor: n % 100 === 0 ? 100_000_00 : 1_00, priority: n + 1 }),
);
const today: Day = { signals: [titan], users: manyUsers };

/** The process is killed just after its first page of users is written. */
async function killedInPlanning(day: Day): Promise<void> {
  const dying = dyingStore(store, 'accept_page', 'dies');
  await expect(runDay(dying, day)).rejects.toThrow('the connection broke in accept_page');
  await dying.quiet();
}

/** Another process of the same day that is no scan: it sweeps, sends, looks up and tells, once. */
async function closedAt(time: string, using: Store = store): Promise<AnyEvent[]> {
  const events: AnyEvent[] = [];
  const world = { ...(await worldOf(using, { ...today, time })), emit: (event: AnyEvent) => void events.push(event) };
  await closeOverdue(world);
  await workOnce(world, { concurrency: 4 });
  await using.call('finish_runs', { nowMs: world.clock.nowMs() });
  return events;
}

const states = () =>
  database.session.query('select id, state, plan_hash is not null as hashed from public.scan_runs order by 1');
const held = () => database.session.query('select distinct held_minor::int as held from public.accounts');
const messageTally = async () =>
  tally((await messageRows(database.session)).map(({ status, text }) => `${status} ${text}`));

describe('a run that was left in its planning', () => {
  test.each(['09:36', '11:00'])(
    'is closed at %s by any process as a trigger of its own session closes it',
    async (time) => {
      await killedInPlanning(today);
      const report = await runDay(store, { signals: [titan], users: null, time });
      const outcomes = tally(Object.values(pairOutcomes(report)));
      const [wanted, wantedMessages] = [await finalState(database.session), await messageTally()];
      await emptyDatabase(database.session);

      await killedInPlanning(today);
      await closedAt(time);
      expect(await finalState(database.session)).toEqual(wanted);
      expect(await messageTally()).toEqual(wantedMessages);
      expect(await states()).toEqual([{ id: runId, state: 'done', hashed: true }]);
      expect(outcomes).toMatchObject({ 'denied cut_off': 200, [time === '11:00' ? 'expired' : 'filled']: 5 });
      if (time === '11:00') expect(await held()).toEqual([{ held: 0 }]);
    },
  );

  test('is closed by the next day’s scan, which then buys what the left orders stood in the way of', async () => {
    const people = { signals: [titan], users: fiveUsers };
    await killedInPlanning(people);
    expect(await held()).not.toEqual([{ held: 0 }]);
    const report = await runDay(store, { signals: [nextTitan], users: null, date: nextDate });
    expect(tally(Object.values(pairOutcomes(report)))).toEqual({ filled: 5 });
    expect(await states()).toEqual([
      { id: runId, state: 'done', hashed: true },
      { id: `XNSE:${nextDate}:open:paper`, state: 'done', hashed: true },
    ]);
    const texts = (await messageRows(database.session)).map(({ status, text }) => [status, /expired/.test(text)]);
    expect(texts).toHaveLength(10);
    expect(texts.filter(([status, expired]) => status === 'sent' && expired)).toHaveLength(5);
  });

  test('leaves nothing of a decided run in the next day’s way either', async () => {
    const dying = dyingStore(store, 'decide_run', 'dies');
    await expect(runDay(dying, { signals: [titan], users: fiveUsers })).rejects.toThrow('the connection broke');
    await dying.quiet();
    const report = await runDay(store, { signals: [nextTitan], users: null, date: nextDate, server: true });
    expect(tally(Object.values(pairOutcomes(report)))).toEqual({ filled: 5 });
  });

  test('is closed by a worker, and beside another one, once', async () => {
    await killedInPlanning(today);
    const before = (await states())[0];
    expect(before).toMatchObject({ state: 'planning', hashed: false });
    const stop = new AbortController();
    const worlds = await Promise.all([1, 2].map(() => worldOf(store, { ...today, time: '11:00' })));
    const patient = worlds.map((world) => ({
      ...world,
      clock: { ...world.clock, sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) },
    }));
    const woken = () => new Promise<void>(() => undefined);
    const working = patient.map((world) => work(world, { concurrency: 4, stop: stop.signal, woken }));
    await expect.poll(async () => (await states())[0], { timeout: 20_000 }).toMatchObject({ state: 'done' });
    stop.abort();
    await Promise.all(working);
    expect(await database.session.query('select count(*)::int as n from public.decisions')).toEqual([{ n: 700 }]);
    expect(await database.session.query('select count(*)::int as n from public.messages')).toEqual([{ n: 700 }]);
  });

  test('is left alone before its cut-off: whoever plans it may still be there', async () => {
    await killedInPlanning(today);
    await closedAt('09:34:30');
    expect(await states()).toEqual([{ id: runId, state: 'planning', hashed: false }]);
    const report = await runDay(store, { signals: [titan], users: null, time: '09:34:40' });
    expect(tally(Object.values(pairOutcomes(report)))).toMatchObject({ filled: 7 });
  });

  test('and is still being planned when its cut-off comes ends once, whoever writes which user', async () => {
    const meeting = Promise.withResolvers<void>();
    const pausing: Store = {
      ...store,
      async call(name, args) {
        const answer = await store.call(name, args);
        // Between the two pages of who plans it, another process finds the cut-off past.
        if (name === 'read_accounts') {
          meeting.resolve();
          await closing;
        }
        return answer;
      },
    };
    const closing: Promise<unknown> = meeting.promise.then(() => closedAt('09:35'));
    const report = await runDay(pausing, today);
    expect(tally(Object.values(pairOutcomes(report)))).toEqual({ 'denied cut_off': 700 });
    expect(await states()).toEqual([{ id: runId, state: 'done', hashed: true }]);
    expect(await database.session.query('select count(*)::int as n from public.messages')).toEqual([{ n: 700 }]);
  });

  test('ends the same wherever the process that closes it is killed', { timeout: 240_000 }, async () => {
    const small: Day = { signals: [titan], users: manyUsers.slice(0, 620) };
    await killedInPlanning(small);
    const recording = dyingStore(store, Number.POSITIVE_INFINITY, 'dies');
    await closedAt('11:00', recording);
    const wanted = await finalState(database.session);
    expect(recording.names).toEqual(expect.arrayContaining(['sweep_orders', 'accept_page', 'decide_run']));
    const calls = recording.names.indexOf('decide_run') + 3;
    for (let k = 0; k <= calls; k += 1) {
      for (const death of ['dies', 'loses an answer'] satisfies Death[]) {
        await emptyDatabase(database.session);
        await killedInPlanning(small);
        const dying = dyingStore(store, k, death);
        await closedAt('11:00', dying).catch(() => undefined);
        await dying.quiet();
        await closedAt('11:00');
        expect(await finalState(database.session), `${death} at call ${k}`).toEqual(wanted);
      }
    }
  });

  test('and can’t be closed is told, and keeps neither another run nor today’s scan back', async () => {
    await killedInPlanning({ signals: [titan], users: fiveUsers.slice(0, 2) });
    const events: AnyEvent[] = [];
    const refusing: Store = {
      ...store,
      call: (name, args) => {
        if (name === 'decide_run' && 'runId' in args && args.runId === runId) throw new Error('no');
        return store.call(name, args);
      },
    };
    const change: Day['change'] = (world) => ({ ...world, emit: (event) => void events.push(event) });
    const report = await runDay(refusing, {
      signals: [nextTitan],
      users: [importedUser('Fresh')],
      date: nextDate,
      change,
    });
    expect(tally(Object.values(pairOutcomes(report)))).toMatchObject({ filled: 1 });
    expect(events).toContainEqual(expect.objectContaining({ type: 'run_not_closed', alert: true, runId }));
  });
});
