// Checks the books after a bench case, in queries that stay fast over millions of rows.

import type { BenchDatabase } from './databases.ts';
import { tradeDate } from './day.ts';

/**
 * Where money would be lost first, as aggregates that stay fast over millions of rows: each account's cash and held are
 * the sums of its entries, each order is held once and closed once when it has ended.
 */
const WRONG = `
select (select count(*) from public.accounts a join (select account_id, sum(cash_delta_minor) as cash,
      sum(held_delta_minor) as held from public.ledger_entries group by 1) entry on entry.account_id = a.id
    where (entry.cash, entry.held) <> (a.cash_minor, a.held_minor))
  + (select count(*) from public.orders o left join (select order_id, count(*) filter (where kind = 'hold') as holds,
      count(*) filter (where kind in ('post', 'void')) as ends from public.ledger_entries group by 1) entry
      on entry.order_id = o.id
    where (coalesce(holds, 0), coalesce(ends, 0)) <> (1, case when o.ended_at is null then 0 else 1 end)) as wrong,
  (select count(*) from public.orders) as orders`;

/** `check_books` goes over everything there is, so it is asked about a small database only. */
const SMALL = 2_000;

/** @throws Error if the books are not right */
export async function mustBalance({ session, store }: Pick<BenchDatabase, 'session' | 'store'>): Promise<void> {
  const [found] = await session.query(WRONG);
  if (Number(found?.['wrong']) !== 0) throw new Error(`the books do not balance: ${found?.['wrong']} rows are wrong`);
  if (Number(found?.['orders']) > SMALL) return;
  // The days before were made by SQL, with ids of their own.
  const [broken] = await store.call('check_books', { sinceDate: tradeDate });
  if (broken) throw new Error(`the books are wrong: ${broken.rule}, ${broken.subject}`);
}
