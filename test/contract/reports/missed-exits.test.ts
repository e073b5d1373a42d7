import { describe, expect, test } from 'vitest';
import { storeOf } from '../../stages/support/run-day.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { newPostgres } from '../../support/postgres.ts';
import {
  decideAll,
  fill,
  notAccepted,
  openTestRun,
  sendAll,
  settle,
  settlement,
  undecided,
} from '../support/test-run.ts';

const [FEW, MANY] = [10, 40];
const exitRun = `XNSE:${tradeDate}:close:paper`;

/** Everybody holds the share, and everybody's sale of it was refused: the rows read of each table by `sql`. */
async function rowsRead(userCount: number, sql: string): Promise<Map<string, number>> {
  const database = await newPostgres();
  try {
    const { session } = database;
    const store = storeOf(database);
    const users = Array.from({ length: userCount }, (_, nth) => user(`user-${nth + 1}`));
    const entry = await openTestRun(store, { users, signals: [signal('TITAN')] });
    await decideAll(entry);
    const sent = await sendAll(store);
    const filled = sent.map(({ orderId }) => settlement(orderId, 'filled', { fills: [fill(`F${orderId}`, 10)] }));
    await settle(store, filled);
    const exit = [signal('TITAN', { side: 'SELL', strategy: 'exit' })];
    const testRun = await openTestRun(store, { runId: exitRun, signals: exit, users });
    const decisions = (await undecided(testRun)).flatMap((account) =>
      testRun.signals.map((of) => notAccepted(account, of, 'denied', 'halted')),
    );
    await store.call('accept_page', { runId: exitRun, nowMs, decisions });
    // Other shares, so that reading all of them for each user would be seen.
    await session.exec(`insert into public.instruments (exchange, symbol)
      select 'NSE', 'OTHER' || n from generate_series(1, 100) n`);
    await session.exec('begin');
    const [{ answer } = {}] = await session.query(sql);
    expect(answer).toMatchObject({ missedExits: { count: userCount } });
    const rows = await session.query(`select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n
      from pg_stat_xact_user_tables where schemaname = 'public'`);
    await session.exec('rollback');
    return new Map(rows.map(({ relname, n }) => [String(relname), Number(n)]));
  } finally {
    await database.close();
  }
}

describe('sales that were refused of what is held', () => {
  test.each([
    ['the reasons of a run', `select public.read_report_reasons('{"runId": "${exitRun}"}') as answer`],
    ['the evening page', `select public.read_day('{"tradeDate": "${tradeDate}", "mode": "paper"}') as answer`],
  ])('%s asks for the listings of a share once, not once a user', async (_, sql) => {
    const [few, many] = [await rowsRead(FEW, sql), await rowsRead(MANY, sql)];
    expect(few.get('instruments')).toBeGreaterThan(0);
    expect(many.get('instruments')).toBe(few.get('instruments'));
    expect(many.get('positions')).toBeLessThanOrEqual(1.5 * (MANY / FEW) * (few.get('positions') ?? 0));
  });
});
