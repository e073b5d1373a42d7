// What must be true of a day’s decisions, and of who is ready.
import { z } from 'zod';
import { isBeyondExact } from '../../../../src/domain/decision/rules.ts';
import { clientOrderIdOf } from '../../../../src/domain/ids.ts';
import { isAbsurd, isBeyondBooks } from '../absurd.ts';
import type { Week } from '../week.ts';

const decision = z.object({
  signalId: z.string(),
  userId: z.string(),
  side: z.enum(['BUY', 'SELL']),
  outcome: z.string(),
  reason: z.string().nullable(),
  limit: z.string().nullable(),
  actual: z.string().nullable(),
  mode: z.string(),
  venue: z.string().nullable(),
  clientOrderId: z.string().nullable(),
});
const DECISIONS_SQL = `select json_build_object('signalId', d.signal_id, 'userId', d.user_id, 'side', s.side,
    'outcome', d.outcome, 'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value, 'mode', run.mode,
    'venue', a.venue, 'clientOrderId', o.client_order_id) as found
  from public.decisions d join public.scan_runs run on run.id = d.run_id and run.trade_date = $1::date
  join public.signals s on s.id = d.signal_id left join public.accounts a on a.id = d.account_id
  left join public.orders o on (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id)
  order by d.run_id, d.signal_id, d.user_id`;

/** Reasons that keep somebody from entering, and never from leaving. */
const entering = new Set([
  ...['price_outside_band', 'daily_loss_limit', 'max_open_positions', 'below_min_value', 'max_order_value'],
  ...[
    'max_orders_per_day',
    'freeze_quantity',
    'symbol_cap',
    'insufficient_funds',
    'symbol_not_allowed',
    'quantity_zero',
  ],
]);
/** Reasons whose actual value has to be beyond the limit that is named. */
const above = new Set(['max_open_positions', 'max_order_value', 'freeze_quantity', 'symbol_cap', 'insufficient_funds']);
const reached = new Set(['max_open_positions', 'max_orders_per_day']);

/** A day's decisions: what was refused was refused for what it says, and what was accepted is its own account's. */
export async function checkDecisions(week: Week): Promise<void> {
  for (const row of await week.ground.session.query(DECISIONS_SQL, [week.day.date])) {
    const one = decision.parse(row['found']);
    const { signalId, userId, side, reason, limit, actual, mode, venue, clientOrderId } = one;
    const who = `${signalId} of ${userId}`;
    // What can't be computed with is nobody's limit: it holds for sales, too, and is nobody else's affair.
    const isComputed = !isBeyondExact(one) || Number(actual) <= Number(limit);
    if (reason !== null && side === 'SELL' && entering.has(reason) && isComputed)
      week.breaks('leaving is free', `${who}: ${reason}`);
    checkNumbers(week, one, isComputed);
    if (reason !== null && limit !== null && actual !== null && !isBeyond(reason, Number(limit), Number(actual))) {
      week.breaks('a refusal says why', `${who}: ${reason}, limit ${limit}, actual ${actual}`);
    }
    const its = clientOrderIdOf(mode, venue ?? '', userId, signalId);
    if (clientOrderId !== null && mode === 'live' && clientOrderId !== its) {
      week.breaks('its own venue', `${who} at ${venue} has another venue’s client order id ${clientOrderId}`);
    }
  }
}

/** Said of who could not be decided with the others: their numbers could not be computed, or somebody held their account. */
const notDecided = /could not be computed|^locked/;

/** One person's numbers are that person's: nobody else goes without a decision for them, and the operators are told. */
function checkNumbers(week: Week, { signalId, userId, actual }: z.infer<typeof decision>, isComputed: boolean): void {
  const whose = isAbsurd(week.plan, userId) ? null : userId;
  if (whose !== null && (!isComputed || notDecided.test(actual ?? ''))) {
    week.breaks('one person’s numbers are theirs', `${signalId} of ${whose}: ${actual}`);
  }
  if (!isComputed && !week.alertedUsers.has(userId)) {
    week.breaks('one person’s numbers are theirs', `nobody was told that ${userId} can’t be computed`);
  }
}

function isBeyond(reason: string, limit: number, actual: number): boolean {
  if (reason === 'daily_loss_limit') return actual <= limit;
  if (reason === 'below_min_value') return actual < limit;
  if (reached.has(reason)) return actual >= limit;
  return !above.has(reason) || actual > limit;
}

const verdict = z.object({
  accountId: z.coerce.number(),
  userId: z.string(),
  venue: z.string(),
  notReady: z.string().nullable(),
  forAPerson: z.boolean(),
  open: z.boolean(),
  ordered: z.boolean(),
  traded: z.boolean(),
  cashMinor: z.coerce.number(),
});
const READY_SQL = `select json_build_object('accountId', a.id, 'userId', a.user_id, 'venue', a.venue,
    'notReady', core.not_ready_on(a, $1::date), 'forAPerson', a.not_ready is not null and not core.awaits_check(a.not_ready),
    'open', exists (select from public.orders o where o.account_id = a.id and o.ended_at is null),
    'ordered', exists (select from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = a.id and run.trade_date = $1::date),
    'traded', exists (select from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = a.id and run.trade_date = $1::date and o.filled_quantity > 0),
    'cashMinor', a.cash_minor) as found
  from public.accounts a join public.users u on u.id = a.user_id and u.active where a.mode = 'live' order by a.id`;

/**
 * After readiness was checked for everybody: who has a login, no order yet and nothing to acknowledge may trade, whatever
 * others do; and whose books were not brought to the venue's may not.
 */
export async function checkVerdicts(week: Week): Promise<void> {
  const { ground, day, venues } = week;
  for (const row of await ground.session.query(READY_SQL, [day.date])) {
    const {
      accountId,
      userId,
      venue: name,
      notReady,
      forAPerson,
      open,
      ordered,
      traded,
      cashMinor,
    } = verdict.parse(row['found']);
    const venue = venues.get(name);
    if (!venue) continue;
    const cash = await week.cashAtVenue(accountId);
    const mayTrade =
      !isBeyondBooks(week.plan, userId) && venue.logins.has(accountId) && !ordered && !open && !forAPerson && cash > 0;
    if (notReady !== null && mayTrade)
      week.breaks('nobody is kept out', `${userId} at ${name} is not ready: ${notReady}`);
    const tradedThere = [...venue.ever.values()].some(({ booked, date }) => {
      return booked.order.accountId === accountId && date === day.date && booked.fills.length > 0;
    });
    if (notReady === null && !open && !traded && !tradedThere && cash !== cashMinor) {
      week.breaks('ready means brought up', `${userId} is ready with ${cashMinor}, and ${name} says ${cash}`);
    }
  }
}
