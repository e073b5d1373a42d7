import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mailbox } from '../../../src/http/streams/mailbox.ts';
import type { World } from '../../../src/ports/world.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../../contract/support/test-run.ts';
import { user } from '../../support/builders.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';
import { type Event, eventsOf, handClock, reader } from '../support/stream-client.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

/** A testRun per test: its orders are the only ones of its run. */
let run = 0;
async function orders(open: TestService, users = ['asha']) {
  run += 1;
  const runId = `XNSE:2025-08-28:open:paper:${run}`;
  const names = users.map((name) => `${name}-${run}`);
  const testRun = await openTestRun(open.store, { runId, users: names.map((name) => user(name)) });
  await decideAll(testRun);
  const sent = await sendAll(open.store, `claim-${run}`);
  return sent.map(({ orderId, clientOrderId, userId }) => ({ orderId, clientOrderId, userId }));
}

async function order(open: TestService) {
  const [one] = await orders(open);
  if (!one) throw new Error('one order was to go');
  return one;
}

const filled = (orderId: number) =>
  settlement(orderId, 'filled', { fills: [fill(`f${orderId}`, 4, 100_00), fill(`g${orderId}`, 6, 100_25)] });

const path = (id: number | string) => `/api/trading/orders/${id}/stream`;

describe('a stream', () => {
  const time = handClock();
  let open: TestService;
  let reads = 0;
  let ring = (): void => undefined;
  const changes = {
    next: () =>
      new Promise<void>((resolve) => {
        ring = resolve;
      }),
  };
  const counting = (world: World): World => {
    const call: World['store']['call'] = (name, args) => {
      if (name === 'read_order_events') reads += 1;
      return world.store.call(name, args);
    };
    return { ...world, store: { ...world.store, call }, clock: { ...world.clock, every: time.every } };
  };
  const stream = (id: number | string, headers = {}, key = open.operatorKey) =>
    open.ask(key, 'GET', path(id), undefined, headers);

  beforeAll(async () => {
    open = await startService({ database, change: counting, deps: { changes } });
  });
  beforeEach(() => {
    reads = 0;
  });

  test('gives what was, what comes, and the end', async () => {
    const { orderId, clientOrderId } = await order(open);
    const answer = await stream(clientOrderId);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    const events = reader(answer);
    expect((await events.take(2)).map(({ event, data }) => [event, data?.['from'], data?.['status']])).toEqual([
      ['status', null, 'queued'],
      ['status', 'queued', 'submitting'],
    ]);
    await settle(open.store, [filled(orderId)]);
    ring();
    const [last, end, ...more] = await events.rest();
    expect(last).toEqual({
      id: expect.stringMatching(/^\d+$/),
      event: 'status',
      data: {
        orderId,
        clientOrderId,
        status: 'filled',
        from: 'submitting',
        reason: null,
        filledQuantity: 10,
        averagePrice: '100.15',
        at: '2025-08-28T09:20:00.000+05:30',
      },
    });
    expect(end).toEqual({ event: 'end', data: { status: 'filled' } });
    expect(more).toEqual([]);
  });

  test('goes on after Last-Event-ID, without gap or repetition', async () => {
    const { orderId } = await order(open);
    const first = reader(await stream(orderId));
    const [queued] = await first.take(1);
    await first.leave();
    await settle(open.store, [filled(orderId)]);
    const events = await eventsOf(await stream(orderId, { 'Last-Event-ID': queued?.id }));
    expect(events.map(({ data }) => data?.['status'])).toEqual(['submitting', 'filled', 'filled']);
    const byAddress = await eventsOf(await open.ask(open.operatorKey, 'GET', `${path(orderId)}?after=${queued?.id}`));
    expect(byAddress).toEqual(events);
  });

  test('of an ended order is over at once; who has it all is told not to come back', async () => {
    const { orderId } = await order(open);
    await settle(open.store, [filled(orderId)]);
    const events = await eventsOf(await stream(orderId));
    expect(events.map(({ event }) => event)).toEqual(['status', 'status', 'status', 'end']);
    const again = await stream(orderId, { 'Last-Event-ID': events[2]?.id });
    expect(again.status).toBe(204);
  });

  test('is for the owner and for operators', async () => {
    const [asha, bela] = await orders(open, ['asha', 'bela']);
    if (!asha || !bela) throw new Error('two orders were to go');
    const key = await open.userKey(asha.userId);
    const own = await stream(asha.orderId, {}, key);
    expect(own.status).toBe(200);
    await reader(own).leave();
    for (const id of [bela.orderId, bela.clientOrderId, 999_999_999, 'nothing', "x' or 1=1"]) {
      const answer = await stream(encodeURIComponent(id), {}, key);
      expect([answer.status, (await answer.json()) as object]).toMatchObject([404, { code: 'no_such_order' }]);
    }
    expect((await open.ask(null, 'GET', path(asha.orderId))).status).toBe(401);
    expect((await stream(asha.orderId, {}, `ds_${'x'.repeat(43)}`)).status).toBe(401);
  });

  test.each(['x', '-1', '1.5', '9'.repeat(30), ''])('refuses %j as the id of an event', async (id) => {
    const answer = await stream(1, { 'Last-Event-ID': id });
    expect(answer.status).toBe(400);
  });

  test('a hundred clients of fifty orders cost one read per change', async () => {
    const placed = await orders(
      open,
      Array.from({ length: 50 }, (_, n) => `user${n}`),
    );
    const clients = await Promise.all([...placed, ...placed].map(async ({ orderId }) => reader(await stream(orderId))));
    for (const client of clients) await client.take(2);
    reads = 0;
    await settle(
      open.store,
      placed.map(({ orderId }) => filled(orderId)),
    );
    ring();
    for (const client of clients) expect(await client.rest()).toHaveLength(2);
    expect(reads).toBe(1);
  });

  test('without notifications it polls, and only while somebody watches', async () => {
    const { orderId } = await order(open);
    expect(time.running()).toEqual([]);
    const events = reader(await stream(orderId));
    await events.take(2);
    expect(time.running()).toEqual([1_000, 15_000]);
    await settle(open.store, [filled(orderId)]);
    time.pass(1_000);
    expect(await events.rest()).toHaveLength(2);
    expect(time.running()).toEqual([]);
  });

  test('a silent stream is kept open by comments; a client that does not read them is cut off', async () => {
    const { orderId } = await order(open);
    const answer = await stream(orderId);
    const events = reader(answer);
    await events.take(2);
    time.pass(15_000);
    expect(await events.raw()).toBe(': heartbeat\n\n');
    for (let beats = 0; beats < 10; beats++) {
      time.pass(15_000);
      await setImmediate();
    }
    expect(time.running()).toEqual([]);
  });

  test('a client that goes is forgotten', async () => {
    const { orderId } = await order(open);
    const events = reader(await stream(orderId));
    await events.take(2);
    await events.leave();
    expect(time.running()).toEqual([]);
  });

  test('a read that fails loses nothing, and is told', async () => {
    let broken = true;
    const failing = (world: World): World => {
      const call: World['store']['call'] = (name, args) => {
        if (name === 'read_order_events' && broken) throw new Error('gone');
        return world.store.call(name, args);
      };
      return { ...world, store: { ...world.store, call }, clock: { ...world.clock, every: time.every } };
    };
    const shaky = await startService({ database, change: failing });
    const { orderId } = await order(shaky);
    const events = reader(await shaky.ask(shaky.operatorKey, 'GET', path(orderId)));
    await events.take(2);
    await settle(shaky.store, [filled(orderId)]);
    time.pass(1_000);
    expect(shaky.events).toContainEqual(expect.objectContaining({ type: 'order_events_read_failed', alert: true }));
    broken = false;
    time.pass(1_000);
    expect((await events.rest()).map(({ event }: Event) => event)).toEqual(['status', 'end']);
  });

  test('where the platform ends requests it ends before, without `end`: the client comes back', async () => {
    const short = await startService({ database, change: counting, deps: { maxStreamMs: 240_000 } });
    const { orderId } = await order(short);
    const events = reader(await short.ask(short.operatorKey, 'GET', path(orderId)));
    await events.take(2);
    time.pass(240_000);
    expect((await events.rest()).map(({ event }) => event)).not.toContain('end');
    expect(time.running()).toEqual([]);
  });
});

describe('a mailbox', () => {
  test('gives its lines in order, and null after the end', async () => {
    const box = mailbox<number>(() => undefined);
    box.put(1);
    box.put(2);
    box.end();
    box.put(3);
    expect([await box.next(), await box.next(), await box.next(), await box.next()]).toEqual([1, 2, null, null]);
  });

  test('gives up a client that leaves too much unread, and keeps nothing of it', async () => {
    let cuts = 0;
    const box = mailbox<number>(() => {
      cuts += 1;
    });
    for (let line = 0; line < 1_000; line++) box.put(line);
    expect(cuts).toBe(1);
    expect(await box.next()).toBeNull();
  });

  test('wakes who waits, with a line or with the end', async () => {
    const box = mailbox<string>(() => undefined);
    const waiting = box.next();
    box.put('late');
    expect(await waiting).toBe('late');
    const last = box.next();
    box.end();
    expect(await last).toBeNull();
  });
});
