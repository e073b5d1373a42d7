// Closes the books of days and of months that are over, with what may come in the middle of it.
import { addDays, istMs, monthEnd } from '../../../../src/domain/market/india-time.ts';
import { checkBooksTonight } from '../../../../src/stages/books/check-books.ts';
import { closeBooks } from '../../../../src/stages/books/close-books.ts';
import { checkClosings } from '../checks/closings.ts';
import type { Week } from '../week.ts';
import { live } from '../world/process.ts';
import { calm } from './acts.ts';
import { importShares, lastFacts, reportAgain } from './facts.ts';
import { acknowledgeAll, changeSomething, correctOld } from './people.ts';

/**
 * Closes days that are over for two or three days, some accounts at a time, so that late facts of them are still to come. The
 * process may be killed in the middle, another may do the same at the same time, and facts may come between two pages.
 */
export async function closeDays(week: Week): Promise<void> {
  const { plan, day, draw, count } = week;
  const chance = draw(`close ${day.date}`);
  const through = addDays(day.date, -chance.pick([2, 2, 3]));
  const one = pagesOf(week, through, chance.pick([1, 2, 100]));
  const other = chance.happens(0.3) ? pagesOf(week, through, chance.pick([1, 3])) : null;
  if (other) count('fault closed_by_two_at_once');
  const pages = chance.happens(0.25) ? chance.between(1, 3) : Number.POSITIVE_INFINITY;
  const comes = draw(`between pages ${day.date}`);
  for (let page = 0; !one.isOver() || (other && !other.isOver()); page += 1) {
    if (page >= pages) return count('fault closed_killed_in_the_middle');
    const next = other && !other.isOver() && (one.isOver() || chance.happens(0.5)) ? other : one;
    await next.close();
    if (!comes.happens(0.3 * plan.betweenShare)) continue;
    count('fault closed_facts_between');
    if (comes.happens(0.5)) await reportAgain(week, `closing ${day.date} ${page}`);
    else await changeSomething(week, `closing ${day.date} ${page}`, 'cash');
  }
}

function pagesOf(week: Week, through: string, limit: number) {
  const { store, count } = week;
  let after: number | null = null;
  let isOver = false;
  return {
    isOver: () => isOver,
    async close(): Promise<void> {
      const answer = await store.call('close_books', { through, after, limit });
      after = answer.kind === 'closed' ? answer.next : null;
      isOver = after === null;
      if (answer.kind === 'closed' && answer.closed > 0) count('books closed');
      if (await isOpenThrough(week, through)) count('fault closed_while_open');
    },
  };
}

const OPEN_SQL = `select exists (select from public.orders o join public.closings c on o.id <= c.last_order_id
  where o.ended_at is null and c.through = $1::date) as found`;

/** Whether an order of what is being closed is open: its account has to be left. */
async function isOpenThrough({ ground }: Week, through: string): Promise<boolean> {
  return (await ground.session.query(OPEN_SQL, [through]))[0]?.['found'] === true;
}

const CLOSED_SQL = 'select count(*)::int as n from public.closed_balances';

/** Counts where a fact that comes opens a closed account again. */
export async function reopening(week: Week, what: string, act: () => Promise<unknown>): Promise<void> {
  const closed = async () => Number((await week.ground.session.query(CLOSED_SQL))[0]?.['n']);
  const before = await closed();
  await act();
  if ((await closed()) < before) week.count(`fault closed_${what}`);
}

/**
 * Evenings after the month of the last morning, when all is settled: the service's own job closes what is over, killed once
 * and then not, and goes on when facts of the closed months have come after all.
 */
export async function closeMonths(week: Week): Promise<void> {
  const { plan, draw, clock } = week;
  const chance = draw('months');
  const months = chance.between(1, 2);
  let through = monthEnd(plan.lastMorning);
  for (let month = 0; month < months && week.broken.length === 0; month += 1) {
    clock.nowMs = istMs(addDays(through, chance.between(8, 12)), '19:00');
    const killedAt = chance.happens(0.5) ? chance.between(1, 4) : null;
    if (killedAt !== null) await closeTonight(week, `months ${month} killed`, killedAt);
    await closeTonight(week, `months ${month}`, null);
    await checkAllClosed(week, through);
    await reopening(week, 'month_late_fill', () => lastFacts(week));
    await reopening(week, 'month_shares', () => importShares(week, through));
    await reopening(week, 'month_correction', () => correctOld(week, `month ${month}`));
    await changeSomething(week, `month ${month}`, 'cash');
    await acknowledgeAll(week);
    clock.nowMs += 86_400_000;
    await closeTonight(week, `months ${month} again`, null);
    await checkAllClosed(week, through);
    await checkClosings(week);
    through = monthEnd(addDays(through, 1));
  }
}

/** In some weeks a closing takes few orders only. */
async function closeTonight(week: Week, name: string, killedAt: number | null): Promise<void> {
  const maxOrders = week.draw('orders of a closing').pick([3, 10, null]);
  await live(week, { ...calm(name), killedAt }, async (world) => {
    if (maxOrders !== null) await closeBooks(world, undefined, maxOrders);
    await checkBooksTonight(world);
  });
}

const LEFT_SQL = `select a.id from public.accounts a where a.cash_minor >= a.held_minor and not exists (
  select from public.closed_balances b where (b.account_id, b.through) = (a.id, $1::date)) order by a.id`;

/** Nothing keeps an account from being closed when everything of it is settled; what it owes nobody can acknowledge. */
async function checkAllClosed(week: Week, through: string): Promise<void> {
  for (const { id } of await week.ground.session.query(LEFT_SQL, [through]))
    week.breaks('what is settled is closed', `account ${id} is not closed through ${through}`);
}
