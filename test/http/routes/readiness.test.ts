import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readyNow, startSchedule, syncNow } from '../../../src/schedule.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { startService, type TestService } from '../support/service.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshPglite();
});
afterEach(async () => expect(await violations(database.session)).toEqual([]));
afterAll(() => database.close());

/** A service in live trading with one live account, at a venue that nobody has set up. */
async function live(time: string, at = tradeDate): Promise<TestService> {
  await emptyDatabase(database.session);
  const open = await startService({ database, time, users: [], signals: [], settings: { mode: 'live' } });
  open.clock.jump(Date.parse(`${at}T00:00:00Z`) - Date.parse(`${tradeDate}T00:00:00Z`));
  const users = [importedUser('Asha Rao', { venue: 'kite' })];
  await open.store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: open.clock.nowMs() });
  return open;
}
const never = new AbortController().signal;
const checkedFor = async () => {
  const [row] = await database.session.query(
    'select checked_for::text as day, check_found as why from public.accounts',
  );
  return row;
};
const notSetUp = { day: tradeDate, why: 'venue_not_set_up: kite' };
const steps = ({ events }: TestService) => events.map(({ type }) => type);

describe('the scheduler’s call', () => {
  test('/api/cron/ready checks every live account and lists those that are not ready', async () => {
    const open = await live('08:45');
    const answer = await open.cron('/api/cron/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      ...{ tradeDate, mode: 'live', tradingDay: true, complete: true, asked: 1 },
      accounts: [{ userId: 'asha-rao', ready: false, reason: 'venue_not_set_up: kite' }],
    });
    expect(await checkedFor()).toEqual(notSetUp);
  });

  test('/api/cron/sync compares, and says what it could not', async () => {
    const open = await live('15:45');
    const answer = await open.cron('/api/cron/sync');
    expect(answer.status).toBe(200);
    const nothing = { compared: 0, notCompared: [], drifts: [], forgotten: 0, brokenBooks: [] };
    expect(await answer.json()).toEqual({ tradeDate, mode: 'live', tradingDay: true, complete: true, ...nothing });
  });

  test('that comes while the service stops begins nothing and says so', async () => {
    const open = await live('08:45');
    open.deps.stop = AbortSignal.abort();
    expect(await (await open.cron('/api/cron/ready')).json()).toMatchObject({ complete: false, asked: 0 });
    expect(await (await open.cron('/api/cron/sync')).json()).toMatchObject({ complete: false, compared: 0 });
    expect(await checkedFor()).toEqual({ day: null, why: null });
  });
});

describe('the schedule', () => {
  test('checks and compares on a trading day', async () => {
    const open = await live('08:45');
    await readyNow(open.world, open.deps.settings, never);
    await syncNow(open.world, open.deps.settings, never);
    expect(steps(open)).toEqual(expect.arrayContaining(['readiness_checked', 'books_compared']));
    expect(await checkedFor()).toEqual(notSetUp);
  });

  test('leaves holidays alone, and of paper trading checks the books only', async () => {
    const open = await live('08:45', '2025-08-27');
    await readyNow(open.world, open.deps.settings, never);
    const paper = { ...open.deps.settings, mode: 'paper' } as const;
    open.clock.jump(86_400_000);
    await readyNow(open.world, paper, never);
    await syncNow(open.world, paper, never);
    expect(steps(open)).toEqual(['books_checked']);
  });

  test('alerts where it could not be found out', async () => {
    const open = await live('08:45');
    const call = () => Promise.reject(new Error('gone'));
    const world = { ...open.world, store: { ...open.store, call } };
    await readyNow(world, open.deps.settings, never);
    await syncNow(world, open.deps.settings, never);
    const alerts = open.events.filter(({ alert }) => alert).map(({ type }) => type);
    expect(alerts).toEqual(['ready_failed', 'books_not_closed', 'books_not_checked', 'sync_failed']);
  });

  test.each([
    ['08:44', null],
    ['08:50', tradeDate],
    ['09:20', null],
  ])('that begins at %s makes up for the readiness it missed: %s', async (time, day) => {
    const open = await live(time);
    const controller = new AbortController();
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    const { world, deps: parts } = open;
    const schedule = startSchedule({ world, settings: parts.settings, stop: controller.signal, wake });
    await woken;
    controller.abort();
    await schedule.ended;
    expect((await checkedFor())?.['day'] ?? null).toBe(day);
  });
});
