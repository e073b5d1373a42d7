import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { listenForWork } from '../../../src/adapters/store/listener.ts';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Fault } from '../../../src/domain/faults.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Database } from '../../../src/ports/database.ts';
import type { StoreFunction } from '../../../src/ports/store/store.ts';
import { work } from '../../../src/work.ts';
import { buy, importedUser, tradeDate } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { setClock } from '../support/clocks.ts';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy.ts';
import { finalState, messageRows } from '../support/database-state.ts';
import { type Day, runDay, storeOf, titan } from '../support/run-day.ts';
import { workerWorld } from '../support/worker-world.ts';

/** Long enough for several pauses of the store's patience, well within the lot of them. */
const OUTAGE_MS = 1_300;

const faults: Fault[] = [
  { user: 'User 1', fault: 'reject', message: 'RMS: no' },
  { user: 'User 2', fault: 'delay', delayMs: 3_000 },
  { user: 'User 3', fault: 'timeout_before' },
  { user: 'User 4', fault: 'timeout_after' },
];
const users = Array.from({ length: 20 }, (_, n) => importedUser(`User ${n}`));
const day: Day = { signals: [titan, buy('SBICARD', 2, 800_00)], users, faults, concurrency: 4 };

/** The day's end, with nothing wrong in its books. */
async function endOf(database: TestPostgres): Promise<Record<string, unknown>> {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
  return { ...(await finalState(database.session)), messages: await messageRows(database.session) };
}

let calm: Promise<Record<string, unknown>> | null = null;

/** How the same day ends when nothing happens. */
function undisturbed(): Promise<Record<string, unknown>> {
  calm ??= calmDay();
  return calm;
}

async function calmDay(): Promise<Record<string, unknown>> {
  const database = await freshPostgres();
  const report = await runDay(storeOf(database), day);
  expect(report.totals).toMatchObject({ decisions: 40, accepted: 40, filled: 38, rejected: 2, unknown: 0 });
  const end = await endOf(database);
  await database.close();
  return end;
}

interface Outage {
  database: Database;
  /** Resolves when it is over. */
  over: Promise<void>;
}

/** Cuts the connections as the n-th call of a function starts, with whatever else is under way, and mends it in time. */
function goneAt(through: Database, proxy: CuttableProxy, name: StoreFunction, nth: number): Outage {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let calls = 0;
  let gone = false;
  return {
    over: promise,
    database: {
      close: through.close,
      async call(called, args) {
        if (called === name) calls += 1;
        if (!gone && calls >= nth) {
          gone = true;
          proxy.cut();
          pause(OUTAGE_MS)
            .then(() => proxy.mend())
            .then(resolve, reject);
        }
        return through.call(called, args);
      },
    },
  };
}

describe('a database that is gone for a while', { timeout: 120_000 }, () => {
  // Each outage on a database of its own, all at the same time: they are mostly pauses.
  const moments: [name: StoreFunction, nth: number][] = [
    ['open_run', 1],
    ['accept_page', 1],
    ['take_orders', 3],
    ['paper_venue_submit', 2],
    ['settle_orders', 2],
    ['claim_lookups', 1],
    ['paper_venue_lookup', 1],
    ['mark_sending', 2],
    ['settle_messages', 2],
    ['finish_run', 1],
  ];
  test.concurrent.each(moments)('just before its %s no. %i changes nothing about the run', async (name, nth) => {
    const database = await freshPostgres();
    const proxy = await openCuttableProxy(database.url);
    const pool = openPostgres({ url: proxy.url, max: 10 });
    const outage = goneAt(pool, proxy, name, nth);
    await runDay(makeStore(outage.database), day);
    await outage.over;
    expect(await endOf(database)).toEqual(await undisturbed());
    await pool.close();
    proxy.close();
    await database.close();
  });

  test('while a worker idles is waited for, and the worker then finds its work by polling', async () => {
    const database = await freshPostgres();
    const proxy = await openCuttableProxy(database.url);
    const store = makeStore(openPostgres({ url: proxy.url, max: 10 }));
    const listener = await listenForWork(proxy.url);
    const stop = new AbortController();
    const clock = setClock(istMs(tradeDate, '09:20'));
    const idle = Promise.withResolvers<void>();
    const sent = Promise.withResolvers<void>();
    const sleep = (ms: number): Promise<void> => {
      idle.resolve();
      return clock.sleep(ms);
    };
    const world = await workerWorld(store, proxy.url, { ...clock, sleep }, ({ type }) => {
      if (type === 'message_settled') sent.resolve();
    });
    const working = work(world, { concurrency: 4, stop: stop.signal, woken: () => listener.next() });
    // Whatever ends the worker early ends the wait for it.
    await Promise.race([idle.promise, working]);
    proxy.cut();
    await leaveToAWorker(database);
    await pause(OUTAGE_MS);
    await proxy.mend();
    await Promise.race([sent.promise, working]);
    stop.abort();
    await working;
    await listener.close();
    await store.close();
    proxy.close();
    const orders = await database.session.query('select status from public.orders');
    expect(orders).toEqual([{ status: 'filled' }]);
    await endOf(database);
    await database.close();
  });

  test('for the listener only, or from the start, is no error to it', async () => {
    const database = await freshPostgres();
    const proxy = await openCuttableProxy(database.url);
    const listener = await listenForWork(proxy.url);
    proxy.cut();
    await listener.close();
    await (await listenForWork(proxy.url)).close();
    await database.close();
  });
});

/** One order for a worker: planned by a scan that died before it sent anything. */
async function leaveToAWorker(database: TestPostgres): Promise<void> {
  const store = storeOf(database);
  const call: typeof store.call = async (name, args) => {
    if (name === 'take_orders') throw new Error('sent by the worker');
    return store.call(name, args);
  };
  const one: Day = { signals: [titan], users: [importedUser('Asha Rao')] };
  await expect(runDay({ ...store, call }, one)).rejects.toThrow('sent by the worker');
}

describe('a disk that is full for a moment', { timeout: 120_000 }, () => {
  // The server's own error, out of the middle of the statement: each of these tables refuses its first write.
  const tables = [
    ...['public.decisions', 'public.orders', 'public.order_events', 'public.fills', 'public.ledger_entries'],
    ...['public.messages', 'paper_venue.orders'],
  ];
  const full = tables.map((table, index) => {
    return `create sequence full_${index};
      create function full_${index}() returns trigger language plpgsql as $$ begin
        if nextval('public.full_${index}') = 1 then
          raise exception 'could not extend file: No space left on device' using errcode = '53100';
        end if;
        return new;
      end $$;
      create trigger full_${index} before insert or update on ${table} for each row execute function full_${index}();`;
  });

  test('changes nothing about the run', async () => {
    const database = await freshPostgres();
    await database.session.exec(full.join('\n'));
    await runDay(storeOf(database), day);
    const allCalled = tables.map((_, index) => `(select is_called from full_${index})`).join(' and ');
    expect(await database.session.query(`select ${allCalled} as all`)).toEqual([{ all: true }]);
    expect(await endOf(database)).toEqual(await undisturbed());
    await database.close();
  });
});
