import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { CorporateAction } from '../../../src/domain/market/corporate-actions.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Quotes } from '../../../src/ports/world.ts';
import { emitDrifts } from '../../../src/stages/accounts/emit-drifts.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { cliSandbox } from '../support/cli-sandbox.ts';
import { type Day, runDay, titan } from '../support/run-day.ts';

const demerger: CorporateAction = { exchange: 'NSE', symbol: 'INFY', exDate: tradeDate, kind: 'demerger', ratio: null };

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

describe('a corporate action between yesterday and today', () => {
  beforeEach(async () => {
    await emptyDatabase(database.session);
    store = makeStore({ call: database.call, close: async () => undefined });
  });

  /** Asha holds 100 INFY, 1500.00 at the previous close and 1350.00 now: 10 % less, a loss like any other. */
  const quotes: Quotes = {
    read: async ({ nowMs: atMs }) => [
      { exchange: 'NSE', symbol: 'TITAN', priceMinor: 3560_00, previousCloseMinor: 3550_00, ...none, atMs },
      { exchange: 'NSE', symbol: 'INFY', priceMinor: 1350_00, previousCloseMinor: 1500_00, ...none, atMs },
    ],
  };
  const none = { lowerCircuitMinor: null, upperCircuitMinor: null };
  const day: Day = { signals: [titan], users: [importedUser('Asha Rao', { dailyLossLimitBps: 300 })], quotes };
  const decided = async () => {
    const nowMs = istMs(tradeDate, '09:00');
    await store.call('import_users', { users: day.users ?? [], mode: 'paper', source: 'test', nowMs, by: tester });
    const holding = { exchange: 'NSE', symbol: 'INFY', quantity: 100, priceMinor: 1400_00, tradeDate: '2025-06-02' };
    const holder = { userId: 'asha-rao', venue: 'paper', mode: 'paper', reference: 'h1' };
    await store.call('import_holdings', { holdings: [{ ...holder, ...holding }], nowMs });
    return (await runDay(store, day)).decisions;
  };

  test('is a loss of the day where nobody said so', async () => {
    expect(await decided()).toMatchObject([{ reason: 'daily_loss_limit', actual: '-15000.00' }]);
  });

  test('is no loss where the file says so: there is no price for what is held', async () => {
    await store.call('import_corporate_actions', { actions: [demerger], by: tester });
    expect(await decided()).toMatchObject([{ reason: 'daily_loss_limit', actual: null }]);
  });

  test('makes a stored close of before it none, however many days are missing', async () => {
    const prices = [
      { symbol: 'INFY', date: '2025-08-20', openMinor: 1500_00, closeMinor: 1500_00 },
      { symbol: 'INFY', date: tradeDate, openMinor: 1350_00, closeMinor: null },
    ];
    await store.call('import_prices', { prices, by: tester });
    const closes = async () => {
      const listings = [{ exchange: 'NSE', symbol: 'INFY' }];
      const { prices: read } = await store.call('read_prices', { tradeDate, listings });
      return read.map(({ previousCloseMinor }) => previousCloseMinor);
    };
    expect(await closes()).toEqual([1500_00]);
    await store.call('import_corporate_actions', { actions: [{ ...demerger, exDate: '2025-08-22' }], by: tester });
    expect(await closes()).toEqual([null]);
  });

  test('is in the alarm of a drift of its share, and of no other', () => {
    const events: AnyEvent[] = [];
    const drift = { accountId: 1, kind: 'position', what: 'BSE:INFY', ours: '100', theirs: '500' } as const;
    const split = { ...demerger, kind: 'split', ratio: '5:1' } as const;
    emitDrifts((event) => events.push(event), [drift], [split, { ...split, symbol: 'TITAN' }]);
    expect(events.at(-1)).toMatchObject({
      type: 'drift_found',
      corporateActions: `NSE:INFY 5:1 split on ${tradeDate}`,
    });
  });
});

describe('a file of corporate actions', { timeout: 120_000 }, () => {
  test('is imported row by row, again without effect, and its bad rows are named', async () => {
    const { run, file } = cliSandbox();
    const csv = `exchange,symbol,ex_date,kind,ratio
NSE,TITAN,2025-08-28,split,5:1
NSE,INFY,2025-08-29,bonus,one for one
NSE,ITC,2025-08-29,dividend,
NSE,SBIN,2025-08-29,demerger,
`;
    const path = file('actions.csv', csv);
    const imported = await run(['import', 'corporate-actions', path, '--json']);
    expect(imported.code).toBe(0);
    expect(JSON.parse(imported.stdout)).toMatchObject({
      imported: 2,
      problems: [
        { line: 3, field: 'ratio', reason: 'must be two whole numbers such as 5:1, or empty' },
        { line: 4, field: 'kind', value: 'dividend' },
      ],
    });
    const again = await run(['import', 'corporate-actions', path]);
    expect(again.stdout).toContain('Imported 2 corporate-actions from');
    const log = await run(['log', '--action', 'import_corporate_actions', '--json']);
    expect(JSON.parse(log.stdout)).toMatchObject({ actions: [{ after: { rows: 2 } }] });
  });
});
