// Plays the week of a seed from its first morning to the day on which everything is settled.
import { createHash } from 'node:crypto';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import { tradingDay } from '../../../src/domain/market/session.ts';
import { tester } from '../../support/tester.ts';
import type { Ground } from '../common/ground.ts';
import { type Caught, hunt } from '../common/hunt.ts';
import type { PlantedBug } from '../common/planting.ts';
import type { Played } from '../day/schedule.ts';
import { everybody, giveAbsurdShares, withAbsurd } from './absurd.ts';
import { calm, checkReadiness, workFor } from './actions/acts.ts';
import { closeMonths } from './actions/closing.ts';
import { planDay } from './actions/days.ts';
import { acknowledgeAll, correctLies, importUsers, resolveOrders } from './actions/people.ts';
import { cashAtVenue, type Rows, readRows, withRemoved } from './checks/books.ts';
import { checkDay, checkReady, checkSettled } from './checks/promises.ts';
import { dollarInstruments, withDollars } from './dollars.ts';
import { drawn, instruments, undisturbed, weekOf } from './plan.ts';
import { type Day, DECISIONS_SQL, type Removed, type Week, type WeekOptions } from './week.ts';
import { farEnd } from './world/process.ts';
import { weekVenue } from './world/venue.ts';

export interface PlayedWeek extends Played {
  rows: Rows;
  /** As they were when everything was settled, before facts of closed months came after all. */
  settled: Rows | null;
  /** What was decided about whom, and why. */
  decisions: unknown[];
}

/** Plays the week of a seed on an emptied database: its days and nights, then a morning on which everything is settled. */
export async function playWeek(ground: Ground, seed: number, options: WeekOptions = {}): Promise<PlayedWeek> {
  const counts = new Map<string, number>();
  await ground.empty(seed % 100 === 0);
  const { week, agenda } = weekOn(ground, seed, options, counts);
  const { dates, lastMorning } = week.plan;
  for (const [index, date] of dates.entries()) {
    begin(week, date, index);
    if (index === 0) await prepare(week);
    await planDay(week);
    await agenda.play(istMs(date, '23:00'));
    if (week.broken.length === 0) await checkDay(week);
    if (week.broken.length > 0) break;
  }
  if (week.broken.length === 0) {
    begin(week, lastMorning, dates.length);
    await agenda.play(istMs(lastMorning, '08:00'));
    await settleAll(week);
  }
  const hash = createHash('sha256').update(week.log.join('\n')).digest('hex');
  const left = (await ground.session.query(DECISIONS_SQL)).map(({ what }) => String(what));
  const decisions = options.removes ? [...new Set([...week.removed.decisions, ...left])].toSorted() : left;
  return {
    seed,
    broken: week.broken,
    log: week.log,
    hash,
    counts,
    rows: await week.rows(),
    settled: week.settled,
    decisions,
  };
}

/** Plays weeks with a planted bug until one breaks the promise it is about. */
export function huntInWeeks(
  ground: Ground,
  bug: PlantedBug,
  seeds: readonly number[],
  options: WeekOptions = {},
): Promise<Caught | null> {
  return hunt(ground, bug, seeds, (on, seed, plant) => playWeek(on, seed, { ...options, plant }));
}

/** India is so far ahead of UTC. */
const IST_MS = 19_800_000;

interface Agenda {
  /** Plays what is due until then. */
  play(untilMs: number): Promise<void>;
}

function weekOn(
  ground: Ground,
  seed: number,
  {
    plant = null,
    grouping = 'as it comes',
    calm: isCalm = false,
    logs = false,
    idleAbsurd = false,
    removes = false,
  }: WeekOptions,
  counts: Map<string, number>,
): { week: Week; agenda: Agenda } {
  const drawnPlan = withDollars(withAbsurd(weekOf(seed), seed, idleAbsurd), seed);
  const plan = isCalm ? undisturbed(drawnPlan) : drawnPlan;
  const clock = { nowMs: 0 };
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const log: string[] = [];
  const note = (line: () => string): void => {
    if (logs) log.push(`${new Date(clock.nowMs + IST_MS).toISOString().slice(5, 23)} ${line()}`);
  };
  const removed: Removed = { through: [], orders: [], fills: [], decisions: [] };
  let kept: Promise<Rows> | null = null;
  const rows = (): Promise<Rows> => {
    kept ??= readRows(ground.session).then((there) => withRemoved(there, removed));
    return kept;
  };
  const wrote = (): void => {
    kept = null;
  };
  let due: { atMs: number; what: string; act: () => Promise<void> }[] = [];
  const draw = (name: string) => drawn(seed, name);
  const injected = (fault: string) => count(`fault ${fault}`);
  const cashOf = async (accountId: number): Promise<number> => {
    const found = await rows();
    const venue = week.venues.get(found.accounts.find(({ id }) => id === accountId)?.venue ?? '');
    return venue ? cashAtVenue(found, venue, accountId, clock.nowMs) : 0;
  };
  const leverageOf = async (accountId: number): Promise<number> => {
    const owner = (await rows()).accounts.find(({ id }) => id === accountId)?.userId;
    return everybody(plan).find(({ settings }) => settings.id === owner)?.settings.leverageCenti ?? 100;
  };
  const venues = plan.venues.map((one) => weekVenue({ plan: one, draw, cashOf, leverageOf, injected }));
  const broken: string[] = [];
  const week: Week = {
    ...{ seed, ground, plan, plant, grouping, clock, rows, wrote, removes, removed, draw, broken, log, note, count },
    day: { date: '', before: '', index: 0, closeMs: 0 },
    venues: new Map(venues.map((venue) => [venue.plan.name, venue])),
    store: farEnd({ ground, clock, note, count }, wrote),
    cashAtVenue: cashOf,
    at: (atMs, what, act) => void due.push({ atMs, what, act }),
    alerted: new Set(),
    alertedUsers: new Set(),
    settled: null,
    workedLate: false,
    paused: new Set(),
    denied: new Map(),
    newestBuy: 0,
    lies: [],
    moved: new Map(),
    breaks: (promise, what) => void broken.push(`${promise}: ${what}`),
  };
  const play = async (untilMs: number): Promise<void> => {
    for (;;) {
      const next = due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > untilMs || broken.length > 0) break;
      due = due.filter((one) => one !== next);
      clock.nowMs = Math.max(clock.nowMs, next.atMs);
      note(() => next.what);
      count('steps');
      await next.act();
    }
    clock.nowMs = Math.max(clock.nowMs, untilMs);
  };
  return { week, agenda: { play } };
}

/** A new day at the venues: their books are empty and their logins gone. */
function begin(week: Week, date: string, index: number): void {
  const known = tradingDay(xnse, date);
  if (known.kind !== 'open') throw new Error(`${date} is no trading day`);
  const day: Day = { date, before: week.plan.dates[index - 1] ?? '2025-01-01', index, closeMs: known.closeMs };
  week.day = day;
  week.workedLate = false;
  week.clock.nowMs = Math.max(week.clock.nowMs, istMs(date, '06:00'));
  for (const venue of week.venues.values()) venue.begin(date, day.closeMs);
}

async function prepare(week: Week): Promise<void> {
  await week.store.call('import_instruments', { by: tester, instruments: [...instruments, ...dollarInstruments] });
  await importUsers(week);
  await giveAbsurdShares(week);
}

/** Whose paper account owes money gets it from a person. */
async function payIn({ store, clock, moved }: Week, account: Rows['accounts'][number]): Promise<void> {
  const owedMinor = Number(account.heldMinor - account.cashMinor);
  if (owedMinor <= 0) return;
  const reference = `what account ${account.id} owes`;
  moved.set(reference, { currency: account.currency, minor: owedMinor + 1 });
  await store.call('move_cash', {
    ...{ userId: account.userId, venue: account.venue, currency: account.currency, kind: 'deposit' },
    ...{ amountMinor: owedMinor + 1, reference },
    ...{ isNamed: true, by: { ...tester, why: 'simulated' }, nowMs: clock.nowMs },
  });
}

/** The morning after: everybody logs in, and looks at what is left to them until nothing is. */
async function settleAll(week: Week): Promise<void> {
  const { clock, venues } = week;
  for (const account of (await week.rows()).accounts) {
    const { id: accountId, venue: name, mode } = account;
    if (mode === 'paper') await payIn(week, account);
    if (mode === 'paper') continue;
    const venue = venues.get(name);
    venue?.logins.add(accountId);
    // Who owes the venue money pays it in.
    const owedMinor = -(await week.cashAtVenue(accountId));
    const cashMinor = owedMinor + 100_00;
    if (owedMinor >= 0) venue?.outside.push({ accountId, atMs: clock.nowMs, cashMinor, shares: null });
  }
  // What is open is looked for, until it is found or left to a person.
  if ((await week.rows()).orders.some(({ endedAtMs }) => endedAtMs === null)) {
    await workFor(week, calm('worker of the last morning'), 900_000);
  }
  let count = 1;
  for (let round = 0; round < 5 && count > 0; round += 1) {
    await checkReadiness(week, calm(`readiness ${round} of the last morning`));
    count = (await resolveOrders(week)) + (await correctLies(week)) + (await acknowledgeAll(week));
    clock.nowMs += 60_000;
  }
  if (week.broken.length > 0) return;
  await checkDay(week, true);
  await checkSettled(week);
  await checkReady(week);
  if (week.broken.length > 0) return;
  week.settled = await week.rows();
  await closeMonths(week);
}
