import { expect, test } from 'vitest';
import { signal, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

const breaches: [what: string, plant: string, expected: RegExp][] = [
  ['cash that no entry explains', 'update public.accounts set cash_minor = cash_minor + 1', /cash \d+, but its ledger/],
  [
    'held money that no entry explains',
    'update public.accounts set held_minor = held_minor + 1',
    /held \d+, but its ledger/,
  ],
  [
    'held money that no open order holds',
    "update public.orders set hold_minor = hold_minor - 1 where status = 'submitting'",
    /held \d+, but its open orders hold/,
  ],
  [
    'available money below zero',
    `alter table public.accounts drop constraint available_money_is_negative_only_on_a_blocked_account;
      update public.accounts set held_minor = cash_minor + 1, not_ready = null`,
    /available -1 and not blocked/,
  ],
  [
    'money that leaked between cash and positions',
    'update public.positions set margin_minor = margin_minor - 1',
    /were put in and earned/,
  ],
  [
    'an accepted decision without its order',
    "delete from public.orders where status = 'submitting'",
    /has 0 orders like it/,
  ],
  [
    'an order with another quantity than decided',
    "update public.orders set quantity = 11 where status = 'submitting'",
    /has 0 orders like it/,
  ],
  ['an order without its decision', 'delete from public.decisions where position = 4', /has no accepted decision/],
  [
    'a signal without a decision',
    'delete from public.decisions where position = 2',
    /is decided with 3 decisions for 4 signals/,
  ],
  ['a user without a summary', 'delete from public.messages', /has 0 summaries/],
  [
    'a filled quantity that no fill explains',
    "update public.orders set filled_quantity = 11 where status = 'filled'",
    /filled 11 worth \d+, but its fills are 10/,
  ],
  [
    'a filled value that no fill explains',
    "update public.orders set filled_value_minor = 1 where status = 'filled'",
    /filled 10 worth 1, but/,
  ],
  [
    'an ended order that was not closed',
    "delete from public.ledger_entries where kind = 'void'",
    /\(rejected\) has 1 holds and 0 posts or voids/,
  ],
  [
    'an open order that was closed',
    `insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
      select account_id, id, 'void', 0, -hold_minor, now() from public.orders where status = 'submitting'`,
    /\(submitting\) has 1 holds and 1 posts or voids/,
  ],
  [
    'an order closed twice',
    `drop index public.an_order_ends_in_one_post_or_void;
      insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
      select account_id, order_id, kind, cash_delta_minor, held_delta_minor, at from public.ledger_entries where kind = 'post'`,
    /has 1 holds and 2 posts or voids/,
  ],
  [
    'an order without its hold',
    "delete from public.ledger_entries where kind = 'hold' and order_id = (select max(id) from public.orders)",
    /has 0 holds/,
  ],
  [
    'a void of another amount than the hold',
    "update public.ledger_entries set held_delta_minor = held_delta_minor + 1 where kind = 'void'",
    /void moves held by/,
  ],
  [
    'a filled order that is not full',
    `update public.orders set status = 'filled' where status = 'canceled'`,
    /is filled with 2 of 10 filled/,
  ],
  [
    'a late fill without its late post',
    "delete from public.ledger_entries where kind = 'late_post'",
    /fill \d+ \(late: t\) has 0 late posts/,
  ],
  [
    'a status without its event',
    "update public.orders set status = 'unknown' where status = 'submitting'",
    /is unknown, but its events end with submitting/,
  ],
  [
    'a position that its fills do not explain',
    'update public.positions set quantity = quantity + 1',
    /holds 11, but its fills leave 10/,
  ],
  ['fills without their position', 'delete from public.positions', /holds 0, but its fills leave 10/],
  [
    'a cost that its fills do not explain',
    'update public.positions set cost_minor = cost_minor + 1',
    /cost \d+, but its fills leave/,
  ],
  ['margin bound by nothing', 'update public.positions set quantity = 0', /nothing held, but \d+ margin is bound/],
];

// The judge judged: each planted breach is rolled back, so that the books are right when the test ends.
onEveryDatabase('the checker of the books', ({ store, session }) => {
  /** One order filled, one rejected, one canceled in part with a late fill, one open. */
  const play = async (): Promise<void> => {
    const signals = ['TITAN', 'INFY', 'SBIN', 'ITC'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
    await decideAll(await openTestRun(store, { signals, users: [user('asha')] }));
    const [filled, rejected, canceled] = (await sendAll(store)).map(({ orderId }) => orderId);
    const late = [fill('f2', 1), fill('f3', 1)];
    await settle(store, [
      settlement(filled ?? 0, 'filled', { fills: [fill('f1', 10)] }),
      settlement(rejected ?? 0, 'rejected'),
      settlement(canceled ?? 0, 'canceled', { fills: late.slice(0, 1) }),
    ]);
    await settle(store, [settlement(canceled ?? 0, 'canceled', { fills: late })]);
  };
  const planted = async (plant: string): Promise<string[]> => {
    await session.exec('begin; set local session_replication_role = replica');
    try {
      await session.exec(plant);
      return await violations(session);
    } finally {
      await session.exec('rollback');
    }
  };

  test('finds nothing where nothing is wrong, and every planted breach', async () => {
    await play();
    expect(await violations(session)).toEqual([]);
    for (const [what, plant, expected] of breaches) {
      expect(await planted(plant), what).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
    }
  });
});
