import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMigrations } from '../../../src/adapters/store/migrate.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import { marketOfExchange } from '../../../src/domain/market/session.ts';
import { makeMetrics } from '../../../src/http/metrics/metrics.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import { anEvent } from '../../support/any-event.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { cronSecret, startService, type TestService } from '../support/service.ts';

const versions = readMigrations().map(({ version }) => version);

let database: TestDatabase;
let open: TestService;
beforeAll(async () => {
  database = await freshPglite();
  open = await serviceOn({});
  await open.cron();
});
afterAll(() => database.close());

function serviceOn(parts: object, change?: (world: World) => World): Promise<TestService> {
  const metrics = makeMetrics();
  const measured = (world: World): World => {
    const observed = {
      ...world,
      emit: (event: Parameters<World['emit']>[0]) => [world.emit(event), metrics.emit(event)],
    };
    return change ? change(observed) : observed;
  };
  return startService({ database, change: measured, deps: { metrics, migrations: versions, ...parts } });
}

/** A store on which one function fails. */
function failingAt(store: Store, broken: string): Store {
  const call: Store['call'] = async (name, args) => {
    if (name === broken) throw new DatabaseError('connection refused by 10.0.0.7', { kind: 'lost', code: '08006' });
    return store.call(name, args);
  };
  return { ...store, call };
}

describe('GET /health', () => {
  test('says alive to everybody, without the database', async () => {
    const lost = await serviceOn({}, (world) => ({ ...world, store: failingAt(world.store, 'read_readiness') }));
    const answer = await lost.ask(null, 'GET', '/health');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'alive' });
  });
});

describe('GET /ready', () => {
  test('says ready, and when next', async () => {
    const answer = await open.ask(null, 'GET', '/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'ready', nextSession: 'XNSE:2025-08-29:open' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('is 503 where a migration is missing, and says what to do', async () => {
    const newer = await serviceOn({ migrations: [...versions, '20991231000000'] });
    const answer = await newer.ask(null, 'GET', '/ready');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      code: 'not_ready',
      problems: [{ code: 'migrations_missing', detail: expect.stringContaining('run npm run migrate') }],
    });
  });

  test('is 503 where the calendar has ended, with both that follow from it', async () => {
    const later = await serviceOn({});
    later.clock.jump(Date.parse('2031-03-03T04:00:00Z') - later.clock.nowMs());
    const answer = await later.ask(null, 'GET', '/ready');
    expect(answer.status).toBe(503);
    const { problems } = (await answer.json()) as { problems: { code: string }[] };
    expect(problems.map(({ code }) => code)).toEqual(['calendar_ends', 'no_next_session']);
  });

  test('names the session that is due first of several markets, and whose calendar has ended', async () => {
    const both = await serviceOn({ markets: [xnse, marketOfExchange('US')] });
    const answer = await both.ask(null, 'GET', '/ready');
    expect(await answer.json()).toEqual({ status: 'ready', nextSession: 'XNYS:2025-08-28:open' });
    both.clock.jump(Date.parse('2027-03-03T04:00:00Z') - both.clock.nowMs());
    const later = (await (await both.ask(null, 'GET', '/ready')).json()) as { problems: { detail: string }[] };
    expect(later.problems.map(({ detail }) => detail.slice(0, 40))).toEqual([
      'The calendar does not know 2027-03-03: i',
      'The calendar knows no session after toda',
    ]);
    both.clock.jump(Date.parse('2031-03-03T04:00:00Z') - both.clock.nowMs());
    const ended = await (await both.ask(null, 'GET', '/ready')).text();
    expect(ended).toContain('The calendar of the NYSE does not know 2031-03-02');
  });

  test('is 503 where the database is lost, says nothing of where it is, and tells the operator', async () => {
    const lost = await serviceOn({}, (world) => ({ ...world, store: failingAt(world.store, 'read_readiness') }));
    const answer = await lost.ask(null, 'GET', '/ready');
    expect(answer.status).toBe(503);
    const text = await answer.text();
    expect(text).toContain('database_lost');
    expect(text).not.toContain('10.0.0.7');
    expect(lost.events).toContainEqual(expect.objectContaining({ type: 'not_ready', alert: true }));
  });

  test('is 503 while nobody looks after an order whose sender is gone, and while changes are not heard', async () => {
    let isLost = true;
    const changes = { next: () => new Promise<void>(() => undefined), isLost: () => isLost };
    const watched = await serviceOn({ changes });
    const codes = async () => {
      watched.clock.jump(1_001);
      const answer = await watched.ask(null, 'GET', '/ready');
      const { problems = [] } = (await answer.json()) as { problems?: { code: string }[] };
      return problems.map(({ code }) => code);
    };
    expect(await codes()).toEqual(['listener_lost']);
    isLost = false;
    expect(await codes()).toEqual([]);
    await database.session.exec(`set session_replication_role = replica;
      update public.orders set status = 'submitting', ended_at = null, lease_until = now() - interval '2 minutes'`);
    expect(await codes()).toEqual(['orders_stuck']);
    await database.session.exec(`update public.orders set status = 'filled', ended_at = now(), lease_until = null;
      set session_replication_role = default`);
    expect(await codes()).toEqual([]);
  });

  test('looks at the database once for all who ask at the same time, and again a second later', async () => {
    let reads = 0;
    const service = await serviceOn({}, (world) => {
      const call: Store['call'] = (name, args) => {
        if (name === 'read_readiness') reads += 1;
        return world.store.call(name, args);
      };
      return { ...world, store: { ...world.store, call } };
    });
    await Promise.all([1, 2, 3].map(() => service.ask(null, 'GET', '/ready')));
    expect(reads).toBe(1);
    service.clock.jump(1_001);
    await service.ask(null, 'GET', '/ready');
    expect(reads).toBe(2);
  });
});

describe('GET /metrics', () => {
  const metricsOf = async (from: TestService, token: string | null = from.operatorKey) => {
    const answer = await from.ask(token, 'GET', '/metrics');
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };

  test.each([
    ['nobody', async () => null, 401],
    ['a wrong key', async () => `ds_${'x'.repeat(43)}`, 401],
    ['a user', async () => open.userKey('asha-rao'), 403],
    ['an operator', async () => open.operatorKey, 200],
    ['the cron secret', async () => cronSecret, 200],
  ])('answers %s with the right status', async (_who, token, status) => {
    expect((await metricsOf(open, await token())).status).toBe(status);
  });

  /** The value of one series; null where it is not shown. */
  const shown = (text: string, series: string): number | null => {
    const line = text.split('\n').find((one) => one.startsWith(`daily_scan_${series} `));
    return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ')));
  };

  test('shows what stands: orders, messages, runs, queue, spread', async () => {
    const { text, headers } = await metricsOf(open);
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(shown(text, 'database_up')).toBe(1);
    expect(shown(text, 'orders{mode="paper",venue="paper",status="filled",reason="",market="XNSE"}')).toBe(5);
    expect(shown(text, 'messages{mode="paper",status="sent",market="XNSE"}')).toBe(5);
    expect(shown(text, 'runs{slot="open",mode="paper",state="done",market="XNSE"}')).toBe(1);
    expect(shown(text, 'queue_orders')).toBe(0);
    expect(shown(text, 'queue_age_seconds')).toBe(0);
    expect(shown(text, 'orders_unknown')).toBe(0);
    expect(shown(text, 'price_spread_pct{mode="paper",symbol="TITAN",side="BUY",market="XNSE"}')).toBe(0);
    for (const part of ['planning', 'sending', 'total']) {
      expect(
        shown(text, `run_seconds{slot="open",mode="paper",part="${part}",market="XNSE"}`),
        part,
      ).toBeGreaterThanOrEqual(0);
    }
  });

  test('counts what passes: venue calls, stages, requests, messages', async () => {
    await open.ask(null, 'GET', '/nowhere/secret-path');
    const { text } = await metricsOf(open);
    expect(shown(text, 'venue_seconds_count{venue="paper",call="submit",outcome="acknowledged"}')).toBe(5);
    for (const stage of ['scan', 'decide', 'execute', 'notify']) {
      expect(shown(text, `stage_seconds_count{stage="${stage}"}`), stage).toBe(1);
    }
    expect(shown(text, 'http_seconds_count{method="GET",route="/api/cron/daily-scan",status="200"}')).toBe(1);
    expect(shown(text, 'http_seconds_count{method="GET",route="/*",status="404"}')).toBe(1);
    expect(shown(text, 'messages_settled_total{outcome="sent"}')).toBe(5);
    expect(text.includes('secret-path')).toBe(false);
  });

  test('no label holds a user, an order, a number or free text', async () => {
    const metrics = makeMetrics();
    const leak = 'call +919800000001 for asha-rao';
    metrics.emit(anEvent({ type: 'order_settled', userId: leak, orderId: 7, venue: leak, outcome: leak, ms: 3 }));
    metrics.emit(
      anEvent({ type: 'http', method: 'GET', route: leak, path: leak, status: 200, ms: 3, principal: leak }),
    );
    metrics.emit(anEvent({ type: 'stage_done', stage: leak, ms: 3, runId: leak }));
    metrics.emit(anEvent({ type: 'message_settled', outcome: leak, userId: leak }));
    const text = await metrics.text(null, 0);
    expect(/98000|asha/.exec(text)).toBeNull();
    expect(shown(text, 'venue_seconds_count{venue="other",call="submit",outcome="other"}')).toBe(1);
  });

  test('counts breakers and alerts by their event', async () => {
    const metrics = makeMetrics();
    metrics.emit(anEvent({ type: 'breaker_opened', alert: true, waiting: 40 }));
    const text = await metrics.text(null, 0);
    expect(shown(text, 'breakers_opened_total')).toBe(1);
    expect(shown(text, 'alerts_total{event="breaker_opened"}')).toBe(1);
  });

  test('shows this process without a database, and that the database is what is missing', async () => {
    const lost = await serviceOn({}, (world) => ({ ...world, store: failingAt(world.store, 'read_gauges') }));
    const { status, text } = await metricsOf(lost);
    expect(status).toBe(200);
    expect(shown(text, 'database_up')).toBe(0);
    expect(shown(text, 'queue_orders')).toBeNaN();
    expect(shown(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  });
});
