import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { userIdOf } from '../../../src/domain/ids.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { work } from '../../../src/work.ts';
import { startService } from '../../http/support/service.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { buy, importedUser, tradeDate } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { setClock } from '../support/clocks.ts';
import { tally } from '../support/database-state.ts';
import { fiveUsers, runDay, runId, storeOf, titan } from '../support/run-day.ts';
import { workerWorld } from '../support/worker-world.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
  await database.close();
});

/** What somebody leaves open in psql: it goes on until `letGo`. */
const hold = (userId: string) =>
  database.session.exec(`begin; update public.accounts set held_minor = held_minor where user_id = '${userId}'`);
const letGo = () => database.session.exec('commit');

const statuses = async () => {
  const rows = await storeOf(database).call('read_orders', {
    userId: null,
    status: null,
    symbol: null,
    runId: null,
    beforeId: null,
    limit: 500,
  });
  return tally(rows.map(({ status }) => status));
};

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    if (await isSo()) return;
    await pause(25);
  }
  throw new Error('this never came true');
}

describe('an account that somebody holds', { timeout: 90_000 }, () => {
  test.each([
    ['users', 5],
    ['accounts', 4],
  ])('delays nobody else in a scan where the row of %s is held for update', async (table, filled) => {
    const store = storeOf(database);
    const by = { who: 'test', how: 'cli' } as const;
    await store.call('import_users', {
      users: fiveUsers,
      mode: 'paper',
      source: 'test',
      by,
      nowMs: istMs(tradeDate, '09:00'),
    });
    const column = table === 'users' ? 'id' : 'user_id';
    await database.session.exec(
      `begin; select from public.${table} where ${column} = '${userIdOf('Asha Rao')}' for update`,
    );
    const report = await runDay(store, { signals: [titan], users: null });
    expect(report.totals).toMatchObject({ decisions: 5, accepted: filled, filled });
    await letGo();
  });

  test('delays nobody else in a scan: its user is skipped, and told so, while the lock stands', async () => {
    const events: AnyEvent[] = [];
    const store = storeOf(database);
    await store.call('import_users', {
      users: fiveUsers,
      mode: 'paper',
      source: 'test',
      by: { who: 'test', how: 'cli' },
      nowMs: istMs(tradeDate, '09:00'),
    });
    await hold(userIdOf('Asha Rao'));
    const report = await runDay(store, {
      signals: [titan],
      users: null,
      change: (world) => ({ ...world, emit: (event) => void events.push(event) }),
    });
    expect(report.totals).toMatchObject({ decisions: 5, accepted: 4, filled: 4, skipped: 1, messages: { queued: 0 } });
    const [asha] = report.decisions.filter(({ userName }) => userName === 'Asha Rao');
    expect(asha).toMatchObject({
      outcome: 'skipped',
      reason: 'account_not_ready',
      actual: expect.stringMatching(/^locked/),
    });
    const alert = events.find(({ type }) => type === 'account_locked');
    expect(alert).toMatchObject({
      alert: true,
      userId: userIdOf('Asha Rao'),
      holders: [{ state: 'idle in transaction', query: expect.stringContaining('update public.accounts') }],
    });
    await letGo();
  });

  test('delays no other order of a worker, and its own are booked when it is let go', async () => {
    const users = Array.from({ length: 40 }, (_, n) => importedUser(`User ${n}`));
    const store = storeOf(database);
    await runDay(
      {
        ...store,
        call: (name, args) => (name === 'take_orders' ? Promise.reject(new Error('left')) : store.call(name, args)),
      },
      { signals: [titan], users },
    ).catch(() => undefined);
    await hold(userIdOf('User 3'));
    const stop = new AbortController();
    const events: AnyEvent[] = [];
    const clock = setClock(istMs(tradeDate, '09:21'));
    const world = await workerWorld(store, database.url, clock, (event) => void events.push(event));
    const working = work(world, { concurrency: 8, stop: stop.signal, woken: () => new Promise(() => undefined) });
    await until(async () => (await statuses())['filled'] === 39);
    expect(await statuses()).toEqual({ filled: 39, submitting: 1 });
    // New work is done while the lock still stands.
    await until(() => events.some(({ type }) => type === 'account_locked'));
    await letGo();
    await until(async () => (await statuses())['filled'] === 40);
    stop.abort();
    await working;
  });

  test('held for longer than anybody tries leaves its order to a lookup, which books it', async () => {
    const store = storeOf(database);
    const stop = new AbortController();
    const events: AnyEvent[] = [];
    await store.call('import_users', {
      users: fiveUsers,
      mode: 'paper',
      source: 'test',
      by: { who: 'test', how: 'cli' },
      nowMs: istMs(tradeDate, '09:00'),
    });
    const clock = setClock(istMs(tradeDate, '09:20'));
    let holding: Promise<unknown> | null = null;
    const report = runDay(
      {
        ...store,
        async call(name, args, options) {
          // Two may come at once.
          if (name === 'settle_orders') {
            holding ??= hold(userIdOf('Asha Rao'));
            await holding;
          }
          return store.call(name, args, options);
        },
      },
      { signals: [titan], users: null, change: (world) => ({ ...world, emit: (event) => void events.push(event) }) },
    );
    expect((await report).totals).toMatchObject({ filled: 4, queued: 1 });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'settlement_postponed', userId: userIdOf('Asha Rao') }),
    );
    await letGo();
    await database.session.exec(
      "update public.orders set lease_until = now() - interval '1 second' where ended_at is null",
    );
    const world = await workerWorld(store, database.url, clock, () => undefined);
    const working = work(world, { concurrency: 8, stop: stop.signal, woken: () => new Promise(() => undefined) });
    await until(async () => {
      const done = await database.session.query("select from public.scan_runs where id = $1 and state = 'done'", [
        runId,
      ]);
      return done.length === 1;
    });
    stop.abort();
    await working;
    expect(await statuses()).toEqual({ filled: 5 });
  });

  test('delays only its own order over HTTP, which gets a clean answer and may be asked again', async () => {
    const users = Array.from({ length: 6 }, (_, n) => importedUser(`User ${n}`));
    const http = await startService({ database, users, time: '10:30', deps: {}, settings: { inline: false } });
    await http.store.call('import_prices', {
      by: { who: 'test', how: 'cli' },
      prices: [{ symbol: 'TITAN', date: tradeDate, openMinor: 3560_00, closeMinor: 3560_00 }],
    });
    await hold(userIdOf('User 2'));
    const order = (user: number) =>
      http.ask(
        http.operatorKey,
        'POST',
        '/api/trading/orders',
        { symbol: 'TITAN', side: 'BUY', quantity: 1, userId: userIdOf(`User ${user}`) },
        { 'Idempotency-Key': `key-of-${user}`, 'Content-Type': 'application/json' },
      );
    const answers = await Promise.all([0, 1, 2, 3, 4, 5].map(order));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 503, 202, 202, 202]);
    expect(answers[2]?.headers.get('retry-after')).toBe('5');
    expect(await answers[2]?.json()).toMatchObject({ code: 'account_busy' });
    await letGo();
    expect((await order(2)).status).toBe(202);
    await http.close();
  });
});

describe('what the database does not take', { timeout: 90_000 }, () => {
  test('makes its own order unknown, with its hold, and all others are booked; a person can end it', async () => {
    const users = Array.from({ length: 10 }, (_, n) => importedUser(`User ${n}`));
    const guilty = userIdOf('User 7');
    await database.session.exec(`create function public.refuse_fill() returns trigger language plpgsql as $$ begin
        if exists (select from public.orders o where o.id = new.order_id and o.user_id = '${guilty}') then
          raise exception 'invalid byte sequence' using errcode = '22021';
        end if;
        return new;
      end $$;
      create trigger refuse_fill before insert on public.fills for each row execute function public.refuse_fill();`);
    const report = await runDay(storeOf(database), { signals: [titan], users });
    expect(report.totals).toMatchObject({ accepted: 10, filled: 9, unknown: 1 });
    const [order] = await database.session.query(
      "select id, status, reason, lookups, next_lookup_at, client_order_id from public.orders where status = 'unknown'",
    );
    // Every look of the budget was counted, and then it was left to a person.
    expect(order).toMatchObject({ reason: 'unreadable_answer', lookups: 8, next_lookup_at: null });
    const resolved = await storeOf(database).call('resolve_order', {
      order: String(order?.['client_order_id']),
      as: 'rejected',
      quantity: null,
      priceMinor: null,
      by: { who: 'test', how: 'cli' },
      nowMs: istMs(tradeDate, '09:40'),
    });
    expect(resolved).toMatchObject({ kind: 'resolved', status: 'rejected' });
  });
});

test('a message that the database does not take is left to a person, and all others are written', async () => {
  const guilty = userIdOf('Kavita Iyer');
  await database.session.exec(`create function public.refuse_message() returns trigger language plpgsql as $$ begin
      if new.user_id = '${guilty}' and new.status = 'sent' then
        raise exception 'invalid byte sequence' using errcode = '22021';
      end if;
      return new;
    end $$;
    create trigger refuse_message before update on public.messages
    for each row execute function public.refuse_message();`);
  const events: AnyEvent[] = [];
  const report = await runDay(storeOf(database), {
    signals: [titan],
    users: fiveUsers,
    change: (world) => ({ ...world, emit: (event) => void events.push(event) }),
  });
  expect(report.totals.messages).toMatchObject({ sent: 4, unknown: 1, failed: 0 });
  expect(events).toContainEqual(expect.objectContaining({ type: 'message_needs_person', alert: true }));
});

describe('a page that takes too long', { timeout: 90_000 }, () => {
  test('is halved until it fits, and everybody is decided', async () => {
    const users = Array.from({ length: 60 }, (_, n) => importedUser(`User ${n}`));
    // Each decision takes its time, as on a small and busy server.
    await database.session.exec(`create function public.be_slow() returns trigger language plpgsql as $$ begin
        perform pg_sleep(0.005); return new; end $$;
      create trigger be_slow before insert on public.decisions for each row execute function public.be_slow();`);
    const hasty = openPostgres({ url: database.url, max: 3 });
    const events: AnyEvent[] = [];
    const store = makeStore({
      close: async () => undefined,
      call: (name, args, limitMs) => hasty.call(name, args, name === 'accept_page' ? 250 : limitMs),
    });
    const report = await runDay(store, {
      signals: [titan, buy('SBICARD', 2, 800_00)],
      users,
      change: (world) => ({ ...world, emit: (event) => void events.push(event) }),
    });
    expect(report.totals).toMatchObject({ decisions: 120, accepted: 120, filled: 120 });
    expect(events.filter(({ type }) => type === 'page_halved').length).toBeGreaterThan(0);
    await hasty.close();
  });
});
