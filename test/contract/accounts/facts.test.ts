import { expect, test } from 'vitest';
import { audit } from '../../../src/stages/report/audit.ts';
import { differences } from '../../support/audit-differences.ts';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

const dayMs = 24 * 60 * minuteMs;

onEveryDatabase('the facts of accounts', ({ store, session, value }) => {
  const users = ['asha', 'bela', 'chand'].map((id) => user(id, { leverageCenti: 300 }));

  /** Each buys 10 TITAN at 99.90 with leverage 3; what asha gets of INFY is still open. */
  const played = async () => {
    const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
    await decideAll(await openTestRun(store, { signals, users }));
    const orders = await sendAll(store);
    await settle(
      store,
      orders.map(({ orderId, userId, symbol }) => {
        const [fills, open] = [[fill(`${userId}-${symbol}`, 10, 99_90)], symbol === 'INFY' && userId === 'asha'];
        return settlement(orderId, open ? 'working' : 'filled', { fills: open ? [] : fills });
      }),
      nowMs + 1000,
    );
    return orders;
  };

  test('come account by account, in pages of any size', async () => {
    await played();
    const pages: string[][] = [];
    for (let after: number | null = null; ; ) {
      const page: Awaited<ReturnType<typeof read>> = await read(after);
      pages.push(page.accounts.map(({ userId, entries }) => `${userId} ${entries.length}`));
      if (page.next === null) break;
      after = page.next;
    }
    // Hold and post of two orders each, and the money they began with; asha's second order has no end.
    expect(pages).toEqual([['asha 4', 'bela 5'], ['chand 5']]);
    async function read(after: number | null) {
      return store.call('read_facts', { mode: 'paper', userId: null, after, entries: 9 });
    }
    const one = await store.call('read_facts', { mode: null, userId: 'bela', after: null, entries: 1 });
    expect(one).toMatchObject({ accounts: [{ userId: 'bela', orders: [{ side: 'BUY' }, {}] }], next: null });
    const none = await store.call('read_facts', { mode: 'live', userId: null, after: null, entries: 1 });
    expect(none).toEqual({ accounts: [], next: null });
  });

  test('are the books of a day, and of any day before', async () => {
    const orders = await played();
    const late = orders.find(({ userId, symbol }) => userId === 'asha' && symbol === 'INFY');
    const next = nowMs + dayMs;
    await settle(store, [settlement(late?.orderId ?? 0, 'filled', { fills: [fill('l1', 10, 101_00)] })], next);
    const deposit = {
      userId: 'asha',
      venue: null,
      kind: 'deposit' as const,
      amountMinor: 50_00,
      reference: 'r',
      isNamed: true,
    };
    await store.call('move_cash', { by: { ...tester, why: 'a gift' }, ...deposit, nowMs: next });
    const first = await audit(store, { tradeDate, mode: null, userId: null });
    expect(first).toMatchObject({ accounts: 3, orders: 6, fills: 5, entries: 14, differences: [] });
    expect(first.days.get('INR')).toMatchObject({
      orders: 6,
      fills: 6,
      cashInMinor: 3_00_000_00n,
      cashOutMinor: 0n,
      realisedMinor: 0n,
    });
    const second = await audit(store, { tradeDate: '2025-08-29', mode: 'paper', userId: 'asha' });
    expect(second).toMatchObject({ accounts: 1, orders: 2, fills: 2, entries: 6, differences: [] });
    expect(second.days.get('INR')).toMatchObject({ orders: 0, cashInMinor: 50_00n });
    const dollars = user('asha', { currency: 'USD', capitalMinor: 2_000_00 });
    const rest = { mode: 'paper', source: 's', by: tester, nowMs: next } as const;
    await store.call('import_users', { users: [dollars], ...rest });
    // In New York the money came the evening before.
    const both = await audit(store, { tradeDate, mode: null, userId: 'asha' });
    expect(both).toMatchObject({ accounts: 2, differences: [] });
    expect(both.days.get('USD')).toMatchObject({ orders: 0, cashInMinor: 2_000_00n });
    expect(both.days.get('INR')).toMatchObject({ cashInMinor: 1_00_000_00n });
    const before = await audit(store, { tradeDate: '2025-08-27', mode: null, userId: null });
    expect(before).toMatchObject({ accounts: 4, orders: 0, fills: 0, entries: 0, differences: [] });
  });

  test('a figure that was changed by hand is found, whichever it is', async () => {
    await played();
    const asha = "(select id from public.accounts where user_id = 'asha')";
    const titan = "(select id from public.instruments where symbol = 'TITAN')";
    const order = `(select min(id) from public.orders where account_id = ${asha})`;
    const name = await value(`select client_order_id from public.orders where id = ${order}`);
    const fillId = await value(`select id::int from public.fills where order_id = ${order}`);
    const post = `order_id = ${order} and kind = 'post'`;
    const columns: [string, string, string, string[]][] = [
      ['accounts', 'cash_minor', `id = ${asha}`, ['cash']],
      ['accounts', 'held_minor', `id = ${asha}`, ['held']],
      ...(['quantity', 'cost', 'margin'] as const).map((what): [string, string, string, string[]] => {
        const column = what === 'quantity' ? what : `${what}_minor`;
        return ['positions', column, `account_id = ${asha} and instrument_id = ${titan}`, [`${what} of NSE:TITAN mtf`]];
      }),
      ['orders', 'filled_quantity', `id = ${order}`, [`filled of order ${name}`]],
      ['orders', 'filled_value_minor', `id = ${order}`, [`value filled of order ${name}`]],
      ['orders', 'charges_minor', `id = ${order}`, [`charges of order ${name}`]],
      ['orders', 'released_minor', `id = ${order}`, [`given back by order ${name}`]],
      ['ledger_entries', 'cash_delta_minor', post, ['cash by its entries', `cash of order ${name}`]],
      ['ledger_entries', 'held_delta_minor', post, ['held by its entries', `held of order ${name}`]],
      [
        'fills',
        'realised_minor',
        `id = ${fillId}`,
        [`profit or loss of fill ${fillId} of order ${name}`, 'profit or loss of NSE:TITAN mtf'],
      ],
      ['fills', 'freed_margin_minor', `id = ${fillId}`, [`margin freed by fill ${fillId} of order ${name}`]],
    ];
    for (const [table, column, where, expected] of columns) {
      const change = (by: number) =>
        session.exec(`begin; set local session_replication_role = replica;
          update public.${table} set ${column} = ${column} + ${by} where ${where}; commit`);
      await change(1);
      const sentences = await differences(store);
      await change(-1);
      expect(
        sentences.map((line) => /: (.*) is /.exec(line)?.[1]),
        `${table}.${column}`,
      ).toEqual(expected);
    }
    expect(await differences(store)).toEqual([]);
  });

  test('a fill that is gone, and an entry of no order, are found', async () => {
    const orders = await played();
    const id = orders.find(({ userId }) => userId === 'bela')?.orderId;
    const quietly = (sql: string) =>
      session.exec(`begin; set local session_replication_role = replica; ${sql}; commit`);
    const columns =
      'order_id, source, account_id, instrument_id, product, venue_fill_id, side, quantity, price_minor, value_minor, late, trade_date, filled_at';
    await quietly(
      `create table core.kept as select * from public.fills where order_id = ${id}; delete from public.fills where order_id = ${id}`,
    );
    expect((await differences(store)).join('\n')).toMatch(/bela .*filled of order \w+ is 10, from the facts 0/);
    await quietly(`insert into public.fills (${columns}) select ${columns} from core.kept; drop table core.kept`);
    await quietly(`insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
      select account_id, 999999, 'post', 5, 0, at from public.ledger_entries order by id limit 1`);
    expect((await differences(store)).join('\n')).toContain('cash of order number 999999, which is not there is 5');
    await quietly('delete from public.ledger_entries where order_id = 999999');
  });
});
