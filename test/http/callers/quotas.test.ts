import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';

const order = { symbol: 'TITAN', side: 'BUY', quantity: 1, limitPrice: '3560.00' };

let database: TestPostgres;
let open: TestService;
beforeAll(async () => {
  database = await freshPostgres();
});
beforeEach(async () => {
  await emptyDatabase(database.session);
  await database.session.exec('delete from core.rate_days');
  open = await startService({ database, limits: { callerPerMinute: 10_000 } });
});
// What is still being sent would lock rows against their deletion.
afterEach(() => open.close());
afterAll(() => database.close());

async function ask(body: object, key?: string, idempotencyKey: string = randomUUID()) {
  const headers = { 'Idempotency-Key': idempotencyKey };
  const token = key ?? (await open.userKey('asha-rao'));
  const answer = await open.ask(token, 'POST', '/api/trading/orders', { ...order, ...body }, headers);
  return { ...((await answer.json()) as Record<string, unknown>), status: answer.status };
}

const kept = async () => {
  const [row] = await database.session.query(`select (select count(*) from public.instruments)::int as instruments,
    (select count(*) from public.signals)::int as signals, (select count(*) from public.decisions)::int as decisions,
    (select count(*) from public.order_requests)::int as requests`);
  return row;
};

describe('a symbol that is refused', () => {
  const symbols = async () => {
    const rows = await database.session.query('select symbol from public.instruments order by symbol');
    return rows.map(({ symbol }) => symbol);
  };

  test('and that nobody knows becomes no instrument, whoever asks how often; the refusals are on record', async () => {
    for (const symbol of ['NOSUCH1', 'NOSUCH2']) {
      // No price to decide at, and nothing to sell.
      expect(await ask({ symbol, limitPrice: undefined })).toMatchObject({ status: 422, code: 'price_unavailable' });
      expect(await ask({ symbol, side: 'SELL' })).toMatchObject({ status: 422, code: 'no_position' });
    }
    const { operatorKey } = open;
    const sale = { symbol: 'NOSUCH3', side: 'SELL', userId: 'asha-rao' };
    expect(await ask(sale, operatorKey)).toMatchObject({ status: 422 });
    expect(await symbols()).toEqual(['?', 'TITAN']);
    expect(await kept()).toMatchObject({ instruments: 2, decisions: 5, requests: 5 });
    const [row] = await database.session.query(
      "select signal_id from public.decisions where signal_id like '%NOSUCH3%'",
    );
    expect(row, 'which symbol it was is still known').toBeDefined();
  });

  test('becomes one when an order for it is placed', async () => {
    expect(await ask({ symbol: 'INFY', limitPrice: '100.00' })).toMatchObject({ status: 202 });
    expect(await symbols()).toEqual(['INFY', 'TITAN']);
  });
});

describe('of one caller', () => {
  const used = (what: string, n: number) =>
    database.session.query(
      `insert into core.rate_days values ($1, (now() at time zone 'Asia/Kolkata')::date, $2)
       on conflict (key, day) do update set used = excluded.used`,
      [what, n],
    );

  test('so many refusals are kept a day; a good order is placed all the same, and others are not touched', async () => {
    await used('denied user:asha-rao', 999);
    const key = await open.userKey('asha-rao');
    const first = randomUUID();
    expect(await ask({ side: 'SELL' }, key, first)).toMatchObject({ status: 422, code: 'no_position' });
    const before = await kept();
    expect(await ask({ side: 'SELL' }, key)).toMatchObject({
      status: 429,
      code: 'daily_quota',
      limit: 1000,
      reason: 'no_position',
    });
    expect(await kept()).toEqual(before);
    expect(await ask({ side: 'SELL' }, key, first), 'the first is answered as it was').toMatchObject({ status: 422 });
    expect(await ask({}, key)).toMatchObject({ status: 202 });
    expect(await ask({ side: 'SELL' }, await open.userKey('rohan-mehta'))).toMatchObject({ status: 422 });
  });

  test('refusals are counted as they come', async () => {
    const key = await open.userKey('asha-rao');
    await Promise.all([1, 2, 3].map(() => ask({ side: 'SELL' }, key)));
    const [row] = await database.session.query(
      "select used::int from core.rate_days where key = 'denied user:asha-rao'",
    );
    expect(row).toEqual({ used: 3 });
  });
});
