import { afterEach, describe, expect, test } from 'vitest';
import { istIso, istMs } from '../src/domain/market/india-time.ts';
import { marketOf, xnse } from '../src/domain/market/market.ts';
import { zonedIso } from '../src/domain/market/zone.ts';
import { DatabaseError } from '../src/ports/database.ts';
import type { World } from '../src/ports/world.ts';
import { checkNow, scanNow, startSchedule, syncNow } from '../src/schedule.ts';
import { alertText } from '../src/terminal/alert.ts';
import { startService, type TestService, type TestServiceOptions } from './http/support/service.ts';
import { runId } from './stages/support/run-day.ts';
import { anEvent } from './support/any-event.ts';
import { tradeDate } from './support/builders.ts';
import { freshPostgres } from './support/postgres.ts';
import { tester } from './support/tester.ts';

const found = marketOf('XNYS');
const newYork = found.kind === 'market' ? found.market : xnse;
describe('the schedule', () => {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });
  const atWork = async (options: TestServiceOptions = {}): Promise<TestService> => {
    const database = await freshPostgres();
    open.push(database.close);
    return startService({ ...options, database });
  };
  const never = new AbortController().signal;
  const alerts = ({ events }: TestService) => events.filter(({ alert }) => alert).map(({ type }) => type);
  const stateOf = async ({ store }: TestService) => (await store.call('read_run', { runId }))?.state ?? null;

  test('scans with nothing but what the database knows, to the end', async () => {
    const here = await atWork();
    await scanNow(here.world, here.deps.settings, never);
    expect(await stateOf(here)).toBe('done');
    expect(alerts(here)).toEqual([]);
  });

  test('tries again until the cut-off when the database is gone, and alerts once', async () => {
    let failures = 3;
    const flaky = (world: World): World => {
      const { store } = world;
      const call: typeof store.call = (name, args) => {
        if (name !== 'read_inputs' || failures === 0) return store.call(name, args);
        failures -= 1;
        throw new DatabaseError('gone', { kind: 'lost', code: 'ECONNREFUSED' });
      };
      return { ...world, store: { ...store, call } };
    };
    const here = await atWork({ change: flaky });
    await scanNow(here.world, here.deps.settings, never);
    expect(await stateOf(here)).toBe('done');
    expect(here.events.filter(({ type }) => type === 'scan_failed')).toHaveLength(3);
    expect(alerts(here)).toEqual(['scan_failed']);
  });

  test('goes on past the cut-off while a begun run may have to be closed, and gives up when trading ends', async () => {
    const gone = (world: World): World => {
      const call: typeof world.store.call = (name, args) => {
        if (name === 'read_calendar_days') return world.store.call(name, args);
        throw new DatabaseError('gone', { kind: 'lost', code: 'ECONNREFUSED' });
      };
      return { ...world, store: { ...world.store, call } };
    };
    const here = await atWork({ change: gone });
    await scanNow(here.world, here.deps.settings, never);
    expect(istIso(here.clock.nowMs()) > `${tradeDate}T15:28`).toBe(true);
    expect(istIso(here.clock.nowMs()) < `${tradeDate}T15:31`).toBe(true);
    expect(alerts(here)).toEqual(['scan_failed']);
  });

  test('closes a run that was left in its planning, as soon as the database is back after the cut-off', async () => {
    let away = false;
    const change = (world: World): World => {
      const call: typeof world.store.call = async (name, args) => {
        if (name === 'decide_run' && !away) away = true;
        if (away && world.clock.nowMs() < istMs(tradeDate, '09:50')) {
          throw new DatabaseError('gone', { kind: 'lost', code: 'ECONNREFUSED' });
        }
        return world.store.call(name, args);
      };
      return { ...world, store: { ...world.store, call } };
    };
    const here = await atWork({ change });
    await scanNow(here.world, here.deps.settings, never);
    const [run] = await here.session.query('select state from public.scan_runs');
    expect(run).toEqual({ state: 'done' });
    const [account] = await here.session.query('select sum(held_minor)::int as held from public.accounts');
    expect(account).toEqual({ held: 0 });
  });

  test('alerts at 09:25 when a trading day has no run, and says what was there to trade', async () => {
    const here = await atWork({ time: '09:25' });
    await checkNow(here.world, here.deps.settings);
    expect(here.events.filter(({ alert }) => alert)).toEqual([
      { type: 'run_missing', alert: true, runId, users: 5, signals: 1, halted: null },
    ]);
  });

  test('alerts at 09:40 in New York of its own run, with its own signals, and the command that makes it', async () => {
    const here = await atWork({ time: '19:10' });
    const settings = { ...here.deps.settings, market: newYork, cutOffTime: '09:50' };
    await checkNow(here.world, settings);
    const runId = `XNYS:${tradeDate}:open:paper`;
    const missing = { type: 'run_missing', alert: true, runId, users: 5, signals: 0, halted: null } as const;
    expect(here.events.filter(({ alert }) => alert)).toEqual([missing]);
    expect(alertText(anEvent(missing))).toContain('npm run scan -- --market XNYS before the cut-off');
  });

  test('alerts when the run is still planning', async () => {
    const here = await atWork();
    await here.cron();
    await here.session.exec(`update public.scan_runs set state = 'planning', decided_at = null, done_at = null,
      plan_hash = null where id = '${runId}'`);
    here.clock.jump(5 * 60_000);
    await checkNow(here.world, here.deps.settings);
    expect(alerts(here)).toEqual(['run_unfinished']);
  });

  test('is silent when there is a run, before 09:25, and on a holiday', async () => {
    const here = await atWork();
    await checkNow(here.world, here.deps.settings);
    await here.cron();
    here.clock.jump(5 * 60_000);
    await checkNow(here.world, here.deps.settings);
    here.clock.jump(2 * 24 * 3600_000);
    await checkNow(here.world, here.deps.settings);
    expect(alerts(here)).toEqual([]);
  });

  test('forgets in the evening what is old, in paper trading too', async () => {
    const here = await atWork();
    const row = { position: 0, payload: '4', signal: null, runId: null, problem: 'side: is wrong' };
    for (const [n, days] of [1, 400, 401].entries()) {
      const requestId = `6f1c1c1e-0000-4000-8000-00000000000${n}`;
      const nowMs = here.clock.nowMs() - days * 24 * 3600_000 - n;
      await here.store.call('receive_signals', { by: tester, requestId, source: 'http:test', nowMs, rows: [row] });
    }
    await syncNow(here.world, here.deps.settings, never);
    expect(here.events).toContainEqual({ type: 'old_rows_deleted', count: 2 });
    expect(await here.session.query('select 1 from public.received_signals')).toHaveLength(1);
    const again = await (await here.cron('/api/cron/sync')).json();
    expect(again).toMatchObject({ tradingDay: true, forgotten: 0 });
  });

  test('checks the books every evening, and tells what is wrong with both figures and the command', async () => {
    const here = await atWork({ time: '15:45' });
    await syncNow(here.world, here.deps.settings, never);
    expect(here.events).toContainEqual({ type: 'books_checked', rules: 0 });
    await here.session.exec(
      'update public.accounts set held_minor = 500 where user_id = (select min(id) from public.users)',
    );
    here.events.length = 0;
    await syncNow(here.world, here.deps.settings, never);
    const alerts = here.events.filter(({ type }) => type === 'books_broken');
    expect(alerts.map(({ about }) => about)).toEqual(['held is the open holds', 'held is the sum of its entries']);
    expect(alerts[0]).toMatchObject({ alert: true, ours: '5.00', should: '0.00', more: 0 });
    expect(alertText(anEvent(alerts[0] ?? { type: '' }))).toMatch(
      /5\.00, should be 0\.00\. npm run halt -- --user [\w-]+ --why books/,
    );
    const answer = await (await here.cron('/api/cron/sync')).json();
    expect(answer).toMatchObject({
      brokenBooks: [{ rule: 'held is the open holds' }, { ours: '5.00', should: '0.00' }],
    });
  });

  test('waits for 09:20 in India, whatever the zone of the machine, and ends when it is stopped', async () => {
    const here = await atWork({ time: '08:00' });
    const controller = new AbortController();
    const { world, deps: parts } = here;
    const schedule = startSchedule({ world, settings: parts.settings, stop: controller.signal, wake: () => undefined });
    expect(istIso(schedule.nextScanMs ?? 0)).toMatch(/T09:20:00\.000\+05:30$/);
    controller.abort();
    await schedule.ended;
    expect(await stateOf(here)).toBe(null);
  });

  test('waits for 09:35 in New York where it is of that market, in summer and in winter', async () => {
    const here = await atWork({ time: '08:00' });
    const controller = new AbortController();
    const { world, deps: parts } = here;
    const settings = { ...parts.settings, market: newYork, cutOffTime: '09:50' };
    const schedule = startSchedule({ world, settings, stop: controller.signal, wake: () => undefined });
    expect(zonedIso(newYork.zone, schedule.nextScanMs ?? 0)).toMatch(/T09:35:00\.000-0[45]:00$/);
    controller.abort();
    await schedule.ended;
  });

  test('makes up for a scan that was due while nobody ran', async () => {
    const here = await atWork({ time: '09:26' });
    const controller = new AbortController();
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    const { world, deps: parts } = here;
    const schedule = startSchedule({ world, settings: parts.settings, stop: controller.signal, wake });
    await woken;
    controller.abort();
    await schedule.ended;
    expect(await stateOf(here)).toBe('done');
    expect(alerts(here)).toEqual([]);
  });
});
