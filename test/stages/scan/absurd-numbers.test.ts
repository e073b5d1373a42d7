import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunReport } from '../../../src/domain/report.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { decidedPage } from '../../../src/stages/decide/decide.ts';
import { alertText } from '../../../src/terminal/alert.ts';
import { account, frame, planned } from '../../domain/decide-case.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { anEvent } from '../../support/any-event.ts';
import { importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { type Day, fiveUsers, infy, runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
beforeEach(() => emptyDatabase(database.session));
afterEach(async () => expect(await violations(database.session)).toEqual([]));
afterAll(() => database.close());

describe('one user’s absurd numbers', () => {
  /** As large as an import takes: at the limit price an order would be beyond what can be computed. */
  const absurd = importedUser('Vast', {
    capitalMinor: 99_999_999_999_999,
    allocationBps: 10_000,
    leverageCenti: 9_007,
  });
  const events: AnyEvent[] = [];
  const day = (users: Day['users'], dryRun = false): Day => ({
    signals: [titan, infy],
    users,
    dryRun,
    limits: { symbolCapMinor: 2_50_000_00 },
    change: (world) => ({ ...world, emit: (event) => events.push(event) }),
  });
  const othersOf = ({ decisions, orders }: RunReport) => ({
    decisions: decisions.filter(({ userName }) => userName !== 'Vast'),
    orders: orders.filter(({ userName }) => userName !== 'Vast'),
  });

  test.each([true, false])('are theirs alone, and an alarm that names them (dry run: %s)', async (dryRun) => {
    const without = await runDay(store, day(fiveUsers, dryRun));
    await emptyDatabase(database.session);
    events.length = 0;
    const among = await runDay(store, day([...fiveUsers.slice(0, 2), absurd, ...fiveUsers.slice(2)], dryRun));
    expect(othersOf(among)).toEqual(othersOf(without));
    const [first] = among.decisions.filter(({ userName }) => userName === 'Vast');
    expect(first).toMatchObject({ outcome: 'denied', reason: 'max_order_value', limit: '90071992547409.91' });
    const alarm = events.find(({ type }) => type === 'beyond_exact_numbers');
    expect(alarm).toMatchObject({ alert: true, users: 1, about: 'vast' });
    expect(alarm && alertText(anEvent(alarm))).toContain('Orders of vast would be worth more than can be computed');
  });

  test('a huge holding under a loss limit is decided and sold as far as can be computed, beside the others', async () => {
    const sale = { ...infy, side: 'SELL' as const, id: `${infy.id}-sale` };
    const users = [...fiveUsers, importedUser('Vast', { dailyLossLimitBps: 100 })];
    const hold = async (userIds: string[]) => {
      await store.call('import_users', { users, mode: 'paper', source: 'test', nowMs: 0, by: tester });
      const listing = { venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'INFY', tradeDate: '2025-06-02' };
      const holdings = userIds.map((userId) => {
        const quantity = userId === 'vast' ? Number.MAX_SAFE_INTEGER : 10;
        return { ...listing, userId, reference: 'h', quantity, priceMinor: 1 };
      });
      await store.call('import_holdings', { holdings, nowMs: 0 });
    };
    const ids = fiveUsers.map(({ id }) => id);
    await hold(ids);
    const without = await runDay(store, { ...day(fiveUsers), signals: [titan, sale] });
    await emptyDatabase(database.session);
    await hold([...ids, 'vast']);
    const among = await runDay(store, { ...day(users), signals: [titan, sale] });
    expect(othersOf(among)).toEqual(othersOf(without));
    const sold = among.orders.find(({ userName, side }) => userName === 'Vast' && side === 'SELL');
    expect(sold).toMatchObject({ status: 'filled', quantity: Math.floor(Number.MAX_SAFE_INTEGER / 2 / 1500_00) });
    expect(await store.call('check_books', {})).toEqual([]);
  });

  test('whatever they break, the page goes on without them, and a cap is used up by nothing of theirs', () => {
    const one = frame([planned('BUY', 'TITAN', 3564_80), planned('BUY', 'INFY', 1500_00, 2)]);
    const broken = account('broken');
    // Decides the first signal, then throws: no user's data do, as far as anybody knows.
    Object.defineProperty(broken.settings, 'maxOpenPositions', {
      get: (() => {
        let reads = 0;
        return () => {
          reads += 1;
          if (reads > 1) throw new RangeError('beyond exact integers');
          return null;
        };
      })(),
    });
    events.length = 0;
    const capUsed = new Map<string, number>();
    const page = decidedPage((event) => events.push(event), one, [account('a'), broken, account('b')], capUsed);
    const alone = new Map<string, number>();
    const rest = decidedPage(() => undefined, one, [account('a'), account('b')], alone);
    expect(page.filter((user) => user.account !== broken)).toEqual(rest);
    expect(capUsed).toEqual(alone);
    const skipped = { outcome: 'skipped', reason: 'account_not_ready', actual: 'its numbers could not be computed' };
    expect(page[1]?.decisions).toMatchObject([skipped, skipped]);
    expect(events).toMatchObject([{ type: 'users_not_decided', alert: true, users: 1, about: 'broken' }]);
  });

  test('what happens to everybody is nobody’s: it ends the run', () => {
    const one = { ...frame([planned('BUY', 'TITAN', 3564_80)]), rates: [] };
    const page = [account('a'), account('b')];
    expect(() => decidedPage(() => undefined, one, page, new Map())).toThrow('No charge rate');
  });
});
