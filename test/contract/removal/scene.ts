// A day that is closed, and what removes its records years later.
import { expect } from 'vitest';
import { addDays, istDate } from '../../../src/domain/market/india-time.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import type { StoreUnderTest } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

/** The day everything here is recorded on, by the database's clock. */
export const today = istDate(Date.now());
export const by = { ...tester, why: 'older than the law asks for' };
export const manifestHash = 'a'.repeat(64);
export const yearsLater = (years: number, monthAndDay = '06-01') =>
  `${Number(today.slice(0, 4)) + years}-${monthAndDay}`;

const others = ['run_users', 'run_signals', 'run_prices', 'messages', 'scan_runs', 'signals'];
const tables = ['orders', 'order_events', 'fills', 'ledger_entries', 'decisions', ...others];

/** What a test of removals does and looks at. */
export function removalScene({ store, session, value }: Pick<StoreUnderTest, 'store' | 'session' | 'value'>) {
  let orders = 0;
  const send = async (userId: string, side: 'BUY' | 'SELL' = 'BUY') => {
    orders += 1;
    const runId = `XNSE:${tradeDate}:open-${orders}:paper`;
    const of = signal('TITAN', { side, strategy: `strategy-${orders}` });
    const testRun = await openTestRun(store, { runId, signals: [of], users: [user(userId)] });
    await decideAll(testRun);
    const { orderId, clientOrderId } = await sendOne(store, `claim-${orders}`);
    return { orderId, order: clientOrderId, runId };
  };
  const trade = async (userId: string, side: 'BUY' | 'SELL' = 'BUY', minutes = 0) => {
    const sent = await send(userId, side);
    const fills = [{ ...fill(`f${orders}`, 10), atMs: nowMs + minutes * 60_000 }];
    await settle(store, [settlement(sent.orderId, 'filled', { fills })]);
    return sent;
  };
  /** What a call answers on another day. */
  const on = async <T>(day: string, act: () => Promise<T>): Promise<T> => {
    await session.exec(`set daily_scan.now = '${day}T12:00:00+05:30'`);
    return act().finally(() => session.exec('reset daily_scan.now'));
  };
  const call = (name: string, args: object) =>
    value(`select public.${name}($1::jsonb)`, [JSON.stringify(args)]) as Promise<Record<string, unknown>>;
  const finishRuns = async () => {
    await session.exec(`update public.messages set status = 'delivered', text = 'told'`);
    await session.exec(`update public.scan_runs set state = 'done', done_at = greatest(decided_at, opened_at)
      where state = 'decided'`);
  };
  const close = (through = today) =>
    on(addDays(through, 4), () => call('close_books', { through, after: null, limit: 100 }));
  const mark = (through = today, hash: string | null = manifestHash, day = yearsLater(10), years = 8) =>
    on(day, () => call('mark_removed', { through, years, manifestHash: hash, counts: null, by }));
  const page = (limit = 100) => store.call('remove_page', { limit });
  const removeAll = async (limit = 100) => {
    for (let n = 0; n < 100; n += 1) {
      const answer = await page(limit);
      expect(answer.kind).toBe('removed');
      if (answer.kind === 'removed' && answer.rows === 0) return n;
    }
    throw new Error('removing never ends');
  };
  const counted = async () => {
    const found = await session.query(
      tables.map((table) => `select '${table}' as name, count(*)::int as n from public.${table}`).join(' union all '),
    );
    return Object.fromEntries(found.map(({ name, n }) => [String(name), Number(n)]));
  };
  const accounts = () =>
    session.query(`select a.user_id, a.cash_minor, a.held_minor, (select json_agg(json_build_array(p.product, p.quantity,
      p.cost_minor, p.margin_minor)) from public.positions p where p.account_id = a.id) as positions
      from public.accounts a order by 1`);
  const allAddsUp = async () => {
    expect(await store.call('check_books', {})).toEqual([]);
    for (const { through } of (await store.call('read_closings', {})).closings)
      expect(await store.call('check_books', { closing: through }), through).toEqual([]);
  };

  /** asha has bought, the day is closed, and nothing is open. */
  const closedDay = async () => {
    const sent = await trade('asha');
    await finishRuns();
    await close();
    return sent;
  };

  return { trade, on, call, finishRuns, close, mark, page, removeAll, counted, accounts, allAddsUp, closedDay };
}
