// What must be true at the end of every day of a week, and once everything is settled.
import { z } from 'zod';
import { currencyCodes } from '../../../../src/domain/currency.ts';
import { violations } from '../../../support/invariants.ts';
import { brokenHistories } from '../../common/ground.ts';
import { everybody, isBeyondBooks } from '../absurd.ts';
import type { Week } from '../week.ts';
import { sharesAt } from '../world/venue.ts';
import { notAsModelled } from './books.ts';
import { checkClosings } from './closings.ts';
import { checkDecisions } from './limits.ts';

const broken = z.array(z.object({ rule: z.string(), subject: z.string(), leftToAPerson: z.boolean() }));
/** What only somebody who comes by after the close can end. */
const overdue = /^(nothing waits to be sent|nothing is at its venue after its day|no run is planned after)/;

/** At the end of a day; `isSettled`: persons have settled what was left to them. */
export async function checkDay(week: Week, isSettled = false): Promise<void> {
  const { store, ground } = week;
  for (const { rule, subject, leftToAPerson } of broken.parse(await store.call('check_books', {}))) {
    if (!isSettled && (leftToAPerson || (!week.workedLate && overdue.test(rule)))) continue;
    week.breaks('money adds up', `${rule} (${subject})`);
  }
  await checkClosings(week);
  for (const what of await violations(ground.session)) week.breaks('money adds up', what);
  for (const what of await brokenHistories(ground)) week.breaks('terminal', what);
  for (const what of notAsModelled(await week.rows())) week.breaks('the model', what);
  await checkOld(week);
  await checkEnds(week);
  await checkShorts(week);
  await checkPlans(week);
  await checkCash(week);
  await checkDecisions(week);
}

const left = z.object({ clientOrderId: z.string(), status: z.string(), lookedUp: z.boolean() });
const LEFT_SQL = `select json_build_object('clientOrderId', o.client_order_id, 'status', o.status,
    'lookedUp', o.next_lookup_at is not null) as found
  from public.orders o join public.scan_runs run on run.id = o.run_id
  where o.ended_at is null and run.trade_date < $1::date order by o.id`;

/** Of an earlier day nothing is open but what a person has been told of, once somebody has looked for it. */
async function checkOld(week: Week): Promise<void> {
  if (!week.workedLate) return;
  for (const row of await week.ground.session.query(LEFT_SQL, [week.day.date])) {
    const { clientOrderId, status, lookedUp } = left.parse(row['found']);
    if (lookedUp || status === 'queued') week.breaks('every order ends', `${clientOrderId} is still ${status}`);
    else if (!week.alerted.has(clientOrderId)) week.breaks('every order ends', `nobody was told of ${clientOrderId}`);
  }
}

/** What never reached its venue is not in the venue's book. */
async function checkEnds(week: Week): Promise<void> {
  const ever = new Map([...week.venues.values()].flatMap((venue) => [...venue.ever]));
  for (const { clientOrderId, reason } of (await week.rows()).orders) {
    const booked = ever.get(clientOrderId)?.booked;
    if (reason === 'never_reached_venue' && booked && booked.life[0]?.status !== 'rejected') {
      week.breaks('unknown is not failed', `${clientOrderId} is said to have never reached its venue, and it did`);
    }
  }
}

const short = z.object({
  accountId: z.coerce.number(),
  symbol: z.string(),
  venue: z.string(),
  quantity: z.coerce.number(),
});
const SHORT_SQL = `select json_build_object('accountId', p.account_id, 'symbol', i.symbol, 'venue',
    core.order_venue(a.mode, a.venue), 'quantity', p.quantity) as found
  from public.positions p join public.instruments i on i.id = p.instrument_id join public.accounts a on a.id = p.account_id
  where p.quantity < 0 order by 1::text`;

/** Nobody is short in our books who was never so at the venue, and who holds it in another product. */
async function checkShorts(week: Week): Promise<void> {
  const { positions } = await week.rows();
  for (const row of await week.ground.session.query(SHORT_SQL)) {
    const { accountId, symbol, quantity } = short.parse(row['found']);
    const other = positions.some((one) => one.accountId === accountId && one.symbol === symbol && one.quantity > 0n);
    if (other)
      week.breaks('a sale is of what is held', `account ${accountId} holds ${symbol} and is short ${quantity} of it`);
  }
}

const plan = z.object({ id: z.string(), date: z.string() });
const PLANS_SQL = `select json_build_object('id', id, 'date', trade_date) as found from public.scan_runs
  where state = 'planning' and trade_date <= $1::date order by id`;

/** Whoever came by after its cut-off has closed a plan that was left. */
async function checkPlans(week: Week): Promise<void> {
  if (!week.workedLate) return;
  for (const row of await week.ground.session.query(PLANS_SQL, [week.day.date])) {
    const { id } = plan.parse(row['found']);
    week.breaks('every run ends', `${id} is still being planned in the evening`);
  }
}

const booked = z.object({ currency: z.enum(currencyCodes), minor: z.coerce.number() });
const CASH_SQL = `select json_build_object('currency', a.currency, 'minor', sum(e.cash_delta_minor)) as found
  from public.ledger_entries e join public.accounts a on a.id = e.account_id
  where e.kind in ('deposit', 'withdrawal') and e.reference is not null group by a.currency order by a.currency`;

/** What people moved is booked, each once, in the currency they moved it in. */
async function checkCash(week: Week): Promise<void> {
  const rows = (await week.ground.session.query(CASH_SQL)).map(({ found }) => booked.parse(found));
  for (const currency of currencyCodes) {
    const minor = rows.find((row) => row.currency === currency)?.minor ?? 0;
    const ofIt = [...week.moved.values()].filter((one) => one.currency === currency);
    const moved = ofIt.reduce((sum, { minor: one }) => sum + one, 0);
    if (minor !== moved) week.breaks('money adds up', `people moved ${moved} ${currency}, and ${minor} is booked`);
  }
}

/** When everybody has settled what was left to them: nothing is open, nobody is kept out, our books are the venues'. */
export async function checkSettled(week: Week): Promise<void> {
  const { store, venues, clock } = week;
  const { accounts, orders, positions } = await week.rows();
  for (const { clientOrderId, endedAtMs } of orders) {
    if (endedAtMs === null) week.breaks('every order ends', `${clientOrderId} is open when all is settled`);
  }
  for (const { settings } of everybody(week.plan)) {
    for (const { venue, block, drifts } of await store.call('read_blocks', { userId: settings.id })) {
      const what = block ?? drifts.map(({ kind, what: of }) => `${kind} ${of}`).join(', ');
      week.breaks('nobody is kept out', `${settings.id} at ${venue} is still blocked: ${what}`);
    }
  }
  const idle = new Set(everybody(week.plan).flatMap(({ settings: { id, active } }) => (active ? [] : [id])));
  for (const { id, userId, venue: name, mode, cashMinor } of accounts) {
    const venue = venues.get(name);
    // Nobody compares the books of who is inactive.
    if (!venue || mode !== 'live' || idle.has(userId) || isBeyondBooks(week.plan, userId)) continue;
    const theirs = sharesAt(venue, id, clock.nowMs);
    const ours = positions.filter(({ accountId }) => accountId === id);
    for (const symbol of new Set([...theirs.keys(), ...ours.map((one) => one.symbol)])) {
      const has = Math.max(0, theirs.get(symbol) ?? 0);
      const have = ours.reduce((sum, one) => sum + (one.symbol === symbol ? Number(one.quantity) : 0), 0);
      if (has !== have)
        week.breaks('our books are the venue’s', `${userId} has ${have} ${symbol} here and ${has} there`);
    }
    const cash = await week.cashAtVenue(id);
    if (cash !== Number(cashMinor)) {
      week.breaks('our books are the venue’s', `${userId} has ${cashMinor} here and ${cash} at ${name}`);
    }
  }
}

const verdict = z.object({ userId: z.string(), notReady: z.string().nullable() });
const READY_SQL = `select json_build_object('userId', a.user_id, 'notReady', core.not_ready_on(a, $1::date)) as found
  from public.accounts a join public.users u on (u.id, u.venue) = (a.user_id, a.venue) and u.active
  where a.mode = 'live' and not exists (select from public.orders o where o.account_id = a.id and o.ended_at is null)
  order by a.id`;

/** After all is settled and readiness has been checked once more: everybody with a login may trade. */
export async function checkReady(week: Week): Promise<void> {
  for (const row of await week.ground.session.query(READY_SQL, [week.day.date])) {
    const { userId, notReady } = verdict.parse(row['found']);
    if (notReady !== null && !isBeyondBooks(week.plan, userId))
      week.breaks('nobody is kept out', `${userId} is not ready: ${notReady}`);
  }
}
