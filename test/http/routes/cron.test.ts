import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunReport } from '../../../src/domain/report.ts';
import type { World } from '../../../src/ports/world.ts';
import { messageRows, venueBook } from '../../stages/support/database-state.ts';
import { fiveUsers, infy, runId, titan } from '../../stages/support/run-day.ts';
import { importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, freshPostgres, type TestDatabase } from '../../support/postgres.ts';
import { cronSecret, startService, type TestService, type TestServiceOptions } from '../support/service.ts';

const minuteMs = 60_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await freshPglite();
});
beforeEach(() => emptyDatabase(database.session));
afterEach(async () => expect(await violations(database.session)).toEqual([]));
afterAll(() => database.close());

const service = (options?: TestServiceOptions) => startService({ database, ...options });

const reportIn = (answer: Response) => answer.json() as Promise<RunReport>;
const roundIn = (answer: Response) => answer.json() as Promise<{ sent: number; left: number }>;

const statesOf = async ({ session }: TestService) =>
  (await session.query('select state from public.scan_runs')).map(({ state }) => state);

/** A database whose answer to one question takes longer than the deadline, until it is cured. */
function slowPlanning(): { change: (world: World) => World; cure: () => void } {
  let slow = true;
  return {
    cure: () => {
      slow = false;
    },
    change: (world) => ({
      ...world,
      store: {
        ...world.store,
        call: async (name, args) => {
          if (slow && name === 'read_accounts') await pause(100);
          return world.store.call(name, args);
        },
      },
    }),
  };
}

describe('daily-scan', () => {
  test('runs the path and gives the report with its lists empty', async () => {
    const open = await service({ signals: [titan, infy] });
    const answer = await open.cron();
    const report = await reportIn(answer);
    expect(answer.status).toBe(200);
    expect(report).toMatchObject({ runId, truncated: true, skipped: null, dryRun: false });
    expect(report.totals).toMatchObject({ users: 5, signals: 2, accepted: 10, filled: 10, messages: { sent: 5 } });
    const { signals, orders, decisions, messages, problems } = report;
    expect({ signals, orders, decisions, messages, problems }).toEqual({
      signals: [],
      orders: [],
      decisions: [],
      messages: [],
      problems: [],
    });
    expect(await statesOf(open)).toEqual(['done']);
  });

  test('called several times at once is one run', async () => {
    const postgres = await freshPostgres();
    const open = await service({ database: postgres });
    const answers = await Promise.all([open.cron(), open.cron(), open.cron()]);
    const reports = await Promise.all(answers.map(reportIn));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(reports.map((report) => `${report.runId} ${report.planHash}`)).size).toBe(1);
    await open.settled();
    expect(await venueBook(open.session)).toHaveLength(5);
    expect((await messageRows(open.session)).map(({ status }) => status)).toEqual(Array(5).fill('sent'));
    expect(await violations(open.session)).toEqual([]);
    await postgres.close();
  });

  test('called again later is already done, and nothing is placed anew', async () => {
    const open = await service();
    await open.cron();
    open.clock.jump(5 * minuteMs);
    const again = await reportIn(await open.cron());
    expect(again.skipped).toEqual({ reason: 'already_done', nextSession: 'XNSE:2025-08-29:open' });
    expect(again.totals.filled).toBe(5);
    expect(await venueBook(open.session)).toHaveLength(5);
  });

  test.each([
    ['09:10', 'outside_window'],
    ['09:35', 'too_late'],
    ['11:00', 'too_late'],
  ])('at %s is skipped: %s', async (time, reason) => {
    const open = await service({ time });
    const answer = await open.cron();
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ skipped: { reason }, truncated: true, totals: { decisions: 0 } });
    expect(await statesOf(open)).toEqual([]);
  });

  test('without users or signals is skipped too', async () => {
    const reasonOf = async (open: TestService) => (await reportIn(await open.cron())).skipped?.reason;
    expect(await reasonOf(await service({ signals: [], users: [] }))).toBe('no_signals');
    expect(await reasonOf(await service({ users: [] }))).toBe('no_users');
  });

  test('on a date beyond the calendar is refused: nothing is guessed', async () => {
    const open = await service();
    open.clock.jump(900 * 24 * 60 * minuteMs);
    const answer = await open.cron();
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: 'beyond_calendar' })]);
  });

  test('takes the market of its address: one no run is made in, or nobody knows, is refused with why', async () => {
    const open = await service();
    const headers = { Authorization: `Bearer ${cronSecret}` };
    const at = async (path: string) => {
      const answer = await open.app.request(path, { headers });
      return [answer.status, await answer.json()];
    };
    const named = (code: string, detail: string) =>
      expect.objectContaining({ code, detail: expect.stringContaining(detail) });
    expect(await at('/api/cron/daily-scan?market=BSE')).toEqual([503, named('market_not_traded', 'in XBOM (BSE)')]);
    // 09:20 in India is the night before in New York.
    const tooLate = { session: 'XNYS:2025-08-27:open', skipped: expect.objectContaining({ reason: 'too_late' }) };
    expect(await at('/api/cron/daily-scan?market=XNYS')).toEqual([200, expect.objectContaining(tooLate)]);
    for (const route of ['daily-scan', 'ready', 'sync']) {
      expect(await at(`/api/cron/${route}?market=LSE`)).toEqual([400, named('unknown_market', 'no market "LSE"')]);
    }
    const long = `no market "${'L'.repeat(79)}…": write`;
    expect(await at(`/api/cron/ready?market=${'L'.repeat(10_000)}`)).toEqual([400, named('unknown_market', long)]);
    const dayBefore = expect.objectContaining({ tradeDate: '2025-08-27' });
    expect(await at('/api/cron/ready?market=XNYS')).toEqual([200, dayBefore]);
    expect(await at('/api/cron/daily-scan?market=NSE')).toEqual([200, expect.objectContaining({ skipped: null })]);
  });

  test('in a market without runs ends nothing of the NSE’s', async () => {
    const open = await service({ settings: { inline: false } });
    await open.cron();
    const statuses = () => open.session.query('select distinct status from public.orders');
    expect(await statuses()).toEqual([{ status: 'queued' }]);
    open.clock.jump(10 * 60 * minuteMs);
    const headers = { Authorization: `Bearer ${cronSecret}` };
    const answer = await open.app.request('/api/cron/daily-scan?market=SOLANA', { headers });
    expect([answer.status, await statuses()]).toEqual([503, [{ status: 'queued' }]]);
  });

  test('found too late closes a run that was left: no new decisions, everybody told', async () => {
    const { change, cure } = slowPlanning();
    const open = await service({ change, deps: { deadlineMs: 20 } });
    const left = await reportIn(await open.cron());
    expect(left.totals.decisions).toBe(0);
    await open.settled();
    expect(await statesOf(open)).toEqual(['planning']);
    cure();
    open.clock.jump(20 * minuteMs);
    const report = await reportIn(await open.cron());
    expect(report.totals).toMatchObject({ decisions: 5, accepted: 0, denied: 5 });
    await open.settled();
    expect(await open.session.query('select distinct reason from public.decisions')).toEqual([{ reason: 'cut_off' }]);
    expect(await statesOf(open)).toEqual(['done']);
    expect(await messageRows(open.session)).toHaveLength(5);
    expect(await venueBook(open.session)).toEqual([]);
  });

  test('leaves the sending to workers where it is told to, and wakes the one of its process', async () => {
    let woken = 0;
    const wake = () => {
      woken += 1;
    };
    const apart = await service({ settings: { inline: false }, deps: { wake } });
    expect((await reportIn(await apart.cron())).totals).toMatchObject({ accepted: 5, queued: 5 });
    await apart.settled();
    expect(woken).toBe(1);
    expect(await venueBook(apart.session)).toEqual([]);
    expect(await (await apart.cron('/api/cron/order-worker')).json()).toEqual({
      sent: 5,
      lookedUp: 0,
      messages: 5,
      finished: 1,
      left: 0,
    });
  });
});

describe('order-worker', () => {
  const twelve = Array.from({ length: 12 }, (_, n) => importedUser(`User ${n}`));

  const slowVenues = (world: World, sending?: () => void): World => {
    const venues = [...world.venues].map(([name, venue]) => {
      const submit: typeof venue.submit = async (order) => {
        sending?.();
        await pause(20);
        return venue.submit(order);
      };
      return [name, { ...venue, submit }] as const;
    });
    return { ...world, venues: new Map(venues) };
  };

  test('of a process that is to end hands back what is not sent, long before its deadline', async () => {
    const ending = new AbortController();
    const change = (world: World) => slowVenues(world, () => ending.abort());
    const parts = { deadlineMs: 600_000, stop: ending.signal };
    const open = await service({ users: twelve, change, settings: { concurrency: 1 }, deps: parts });
    const { totals } = await reportIn(await open.cron());
    expect(totals).toMatchObject({ accepted: 12, filled: 1, queued: 11, unknown: 0 });
    const leased = await open.session.query(
      "select 1 from public.orders where lease_until is not null and status = 'queued'",
    );
    expect(leased).toEqual([]);
  });

  test('drains what the deadline left unsent, at most `limit` orders at a time, each sent once', async () => {
    const change = (world: World) => slowVenues(world);
    const open = await service({ users: twelve, change, settings: { concurrency: 1 }, deps: { deadlineMs: 50 } });
    const first = await reportIn(await open.cron());
    await open.settled();
    expect(first.totals).toMatchObject({ accepted: 12, unknown: 0 });
    expect(first.totals.queued).toBeGreaterThan(0);
    let left = 1;
    for (let calls = 0; left > 0 && calls < 60; calls++) {
      const round = await roundIn(await open.cron('/api/cron/order-worker?limit=2'));
      expect(round.sent).toBeLessThanOrEqual(2);
      left = round.left;
      // A summary waits for its user's orders.
      open.clock.jump(1_000);
    }
    expect(left).toBe(0);
    expect(await venueBook(open.session)).toHaveLength(12);
    expect((await messageRows(open.session)).map(({ status }) => status)).toEqual(Array(12).fill('sent'));
    expect(await statesOf(open)).toEqual(['done']);
  });

  test('takes up a plan whose scan is gone, within its limit', async () => {
    const { change, cure } = slowPlanning();
    const open = await service({ change, deps: { deadlineMs: 20 } });
    await open.cron();
    await open.settled();
    expect(await statesOf(open)).toEqual(['planning']);
    cure();
    open.clock.jump(minuteMs);
    open.deps.deadlineMs = 20_000;
    expect(await (await open.cron('/api/cron/order-worker?limit=3')).json()).toMatchObject({ sent: 3 });
    expect(await (await open.cron('/api/cron/order-worker')).json()).toMatchObject({ sent: 2, finished: 1, left: 0 });
    expect(await venueBook(open.session)).toHaveLength(5);
  });

  test('opens no run of its own', async () => {
    const open = await service();
    expect(await (await open.cron('/api/cron/order-worker')).json()).toEqual({
      sent: 0,
      lookedUp: 0,
      messages: 0,
      finished: 0,
      left: 0,
    });
    expect(await statesOf(open)).toEqual([]);
  });

  test('takes a whole number as its limit and nothing else', async () => {
    const open = await service({ users: fiveUsers });
    for (const limit of ['0', '-1', 'all', '1.5', '1001', '', '1e2']) {
      const answer = await open.cron(`/api/cron/order-worker?limit=${limit}`);
      expect([limit, answer.status]).toEqual([limit, 400]);
    }
    expect((await open.cron('/api/cron/order-worker?limit=1000')).status).toBe(200);
  });
});
