// What the doctor checks in the database: clock, schema, calendar, users, orders, books.
import { calendarGap, importingCalendar } from '../../domain/market/calendar.ts';
import { exchangesDueIn, type Market, markets, xnse } from '../../domain/market/market.ts';
import { dateIn, nextSession, sessionOf, tradingDay } from '../../domain/market/session.ts';
import { MAX_CLOCK_SKEW_MS } from '../../ports/database.ts';
import type { CalendarDay } from '../../ports/store/imports.ts';
import type { BrokenRule } from '../../ports/store/money.ts';
import { type Store, storeFunctions } from '../../ports/store/store.ts';
import type { Condition, DatabaseReadiness, DueDay } from '../../ports/store/watch.ts';
import { booksSince, checkClosings, readClosings } from '../../stages/books/check-books.ts';

/** One thing the doctor checked. `todo` says what to do, where there is something. */
export interface Check {
  name: string;
  level: 'ok' | 'warning' | 'wrong';
  says: string;
  todo?: string;
}

export const ok = (name: string, says: string): Check => ({ name, level: 'ok', says });
export const warning = (name: string, says: string, todo: string): Check => ({ name, level: 'warning', says, todo });
export const wrong = (name: string, says: string, todo: string): Check => ({ name, level: 'wrong', says, todo });

/** Clocks further apart than this make leases, cut-offs and logs disagree. */
const MAX_QUIET_SKEW_MS = 2_000;

/** A market runs are made in, and when its new decisions end: `HH:MM:SS` in its zone. */
export interface ScannedMarket {
  market: Market;
  cutOffTime: string;
}

export interface DatabaseFacts {
  store: Store;
  /** Gives the time of this machine. */
  nowMs: () => number;
  mode: 'paper' | 'live';
  /** The markets that are scanned, each with when its new decisions end. */
  scanned: readonly ScannedMarket[];
  /** What this code was written for. */
  migrations: readonly string[];
  /** Whether all records are computed anew, and not only those since the last closing. */
  full?: boolean;
}

/** Everything the database can be asked, the first thing that stops the rest included. Reads only. */
export async function checkDatabase(facts: DatabaseFacts): Promise<Check[]> {
  const { store, nowMs, mode, migrations } = facts;
  const requestedAtMs = nowMs();
  let readiness: DatabaseReadiness;
  try {
    readiness = await store.call('read_readiness', {});
  } catch (error) {
    return [
      wrong('database', errorText(error), 'Check DATABASE_URL (or SUPABASE_URL and its key), then npm run migrate.'),
    ];
  }
  const answeredAtMs = nowMs();
  const missing = migrations.filter((version) => !readiness.migrations.includes(version));
  const checks = [
    ok('database', 'answers'),
    clockCheck(readiness.nowMs, requestedAtMs, answeredAtMs),
    missing.length === 0
      ? ok('migrations', `all ${migrations.length} applied`)
      : wrong('migrations', `${missing.length} missing, the first is ${missing[0]}`, 'npm run migrate'),
  ];
  if (missing.length > 0) return checks;
  const { calendar, days } = await readMarkets(facts, answeredAtMs);
  const condition = await store.call('read_condition', { mode, days, functions: Object.keys(storeFunctions) });
  return [
    ...checks,
    rolesCheck(condition),
    ...calendar,
    ...condition.signals.flatMap((row) => signalsChecks(facts, row)),
    ...usersChecks(condition, mode),
    unknownCheck(condition),
    messagesCheck(condition),
    blockedCheck(condition),
    haltsCheck(condition),
    await booksCheck(facts, answeredAtMs),
    await paperCheck(store, answeredAtMs),
  ];
}

function clockCheck(databaseMs: number, requestedAtMs: number, answeredAtMs: number): Check {
  // The answer was made at some moment between the two: only what lies outside both is known to be wrong.
  const skewMs = Math.max(requestedAtMs - databaseMs, databaseMs - answeredAtMs, 0);
  if (skewMs <= MAX_QUIET_SKEW_MS) return ok('clock', 'agrees with the database’s');
  const says = `${(skewMs / 1000).toFixed(1)} s away from the database’s`;
  const todo = 'Let both machines take their time from the network (NTP).';
  if (skewMs > MAX_CLOCK_SKEW_MS) return wrong('clock', `${says}: it lets this machine do nothing`, todo);
  return warning('clock', says, todo);
}

/** What each market's own calendar says by its own clock, and whose signals are wanted next. */
async function readMarkets({ store, scanned }: DatabaseFacts, nowMs: number) {
  const calendar: Check[] = [];
  const days: DueDay[] = [];
  for (const { market, cutOffTime } of scanned) {
    const overrides = await store.call('read_calendar_days', { exchange: market.calendar.name });
    calendar.push(calendarCheck(market, nowMs, overrides));
    const tradeDate = dueDateOf({ market, cutOffTime }, nowMs, overrides);
    if (tradeDate !== null) days.push({ market: market.mic, tradeDate, exchanges: exchangesDueIn(market) });
  }
  // Whose signals come, but no run of the schedule.
  for (const market of markets.filter((one) => one.notTraded === null && !isScanned(scanned, one.mic))) {
    const tradeDate = dueDateOf({ market, cutOffTime: market.slots.open.cutOff }, nowMs, []);
    if (tradeDate !== null) days.push({ market: market.mic, tradeDate, exchanges: exchangesDueIn(market) });
  }
  return { calendar, days };
}

function isScanned(scanned: readonly ScannedMarket[], mic: string): boolean {
  return scanned.some(({ market }) => market.mic === mic);
}

/** A check's name for a market: that of the NSE is the plain one. */
export function nameIn(name: string, mic: string): string {
  return mic === xnse.mic ? name : `${name} ${mic}`;
}

function calendarCheck(market: Market, nowMs: number, overrides: CalendarDay[]): Check {
  const name = nameIn('calendar', market.mic);
  const today = dateIn(market, nowMs);
  const day = tradingDay(market, today, overrides);
  const next = nextSession(today, { market, slot: 'open', overrides });
  const todo = `When the exchange has published the year’s list (December): ${importingCalendar}`;
  if (day.kind === 'beyond_coverage') return wrong(name, `does not know ${today}`, todo);
  if (next === null) return wrong(name, `knows no session after ${today}`, todo);
  const gap = calendarGap(market.calendar, today, overrides);
  if (gap !== null) return warning(name, `${gap.replace('the calendar ', '')}; next session ${next}`, todo);
  const kind = day.kind === 'open' ? 'a trading day' : `closed (${day.name})`;
  return ok(name, `today is ${kind}; next session ${next}`);
}

/** The date whose signals are wanted next: today until the cut-off of a trading day, then the next session's. */
function dueDateOf({ market, cutOffTime }: ScannedMarket, nowMs: number, overrides: CalendarDay[]): string | null {
  const today = dateIn(market, nowMs);
  const query = { market, slot: 'open', cutOffTime, overrides } as const;
  const resolved = sessionOf({ ...query, date: today });
  if (resolved.kind === 'session' && nowMs < resolved.session.cutOffMs) return today;
  return nextSession(today, query)?.split(':')[1] ?? null;
}

function rolesCheck({ notCallable, openToVisitors, withoutRowSecurity }: Condition): Check {
  const todo = 'npm run migrate; if that changes nothing, somebody changed grants by hand.';
  if (notCallable.length > 0) return wrong('grants', `the service may not call ${firstFew(notCallable)}`, todo);
  if (openToVisitors.length > 0) return wrong('grants', `strangers may call ${firstFew(openToVisitors)}`, todo);
  if (withoutRowSecurity.length > 0) return wrong('grants', `no row security on ${firstFew(withoutRowSecurity)}`, todo);
  return ok('grants', 'only the service may call; every table has row security');
}

/** Of a market that isn't scanned only what would be left lying is worth a word. */
function signalsChecks(
  { scanned }: DatabaseFacts,
  { market, tradeDate, count }: Condition['signals'][number],
): Check[] {
  const name = nameIn('signals', market);
  if (isScanned(scanned, market)) return [signalsCheck(name, tradeDate, count)];
  const todo = `Add ${market} to MARKETS, or run npm run scan -- --market ${market} on the day.`;
  return count === 0 ? [] : [warning(name, `${count} for ${tradeDate}, and no schedule scans ${market}`, todo)];
}

function signalsCheck(name: string, tradeDate: string, count: number): Check {
  if (count > 0) return ok(name, `${count} for ${tradeDate}`);
  return warning(name, `none for ${tradeDate} yet`, 'npm run import -- signals FILE.csv, or POST /api/signals');
}

function usersChecks({ users }: Condition, mode: string): Check[] {
  const { active, withoutAccount, withoutOptIn } = users;
  if (active === 0) return [warning('users', 'nobody would get orders', 'npm run import -- users FILE.csv')];
  const checks = [
    withoutAccount === 0
      ? ok('users', `${active} active, each with a ${mode} account`)
      : warning('users', `${withoutAccount} of ${active} have no ${mode} account`, 'Import them in this mode.'),
  ];
  if (withoutOptIn > 0) {
    const todo = 'Import their number in the column whatsapp.';
    checks.push(warning('opt-in', `${withoutOptIn} of ${active} get no message: no number, or no opt-in`, todo));
  }
  return checks;
}

function messagesCheck({ messagesNotKnown }: Condition): Check {
  if (messagesNotKnown === 0) return ok('messages', 'none whose arrival nobody knows');
  const says = `${messagesNotKnown} not known to have arrived`;
  return warning('messages', says, 'npm run messages -- --run latest --status unknown shows them, run by run');
}

function unknownCheck({ unknownOrders, leftToAPerson, leftCount }: Condition): Check {
  const [first] = leftToAPerson;
  if (first !== undefined) {
    const says = `${leftCount}, ${firstFew(leftToAPerson)}: nobody knows what became of them, nobody looks them up any more`;
    const todo = `npm run day lists them. Ask the venue, then npm run resolve -- --order ${first} --as filled|partly|canceled|rejected|not-placed`;
    return wrong('unknown', says, todo);
  }
  if (unknownOrders === 0) return ok('unknown', 'no unknown order');
  return warning('unknown', `${unknownOrders} being looked up`, 'Keep a worker running, or scan again.');
}

function blockedCheck({ blockedAccounts: { count, first } }: Condition): Check {
  const [one] = first;
  if (!one) return ok('accounts', 'none is blocked');
  const says = `${count} blocked: ${firstFew(first.map(({ userId, why }) => `${userId} (${why})`))}`;
  // A check that failed is made again; everything else is for a person.
  const byCheck = /^(not (connected|checked) yet$|(?!drift)[a-z_]+(:|$))/.test(one.why);
  const acknowledge = `npm run account -- --user ${one.userId} --acknowledge ${one.venue}, once it is looked at`;
  return warning('accounts', says, byCheck ? 'npm run ready asks the venues again, and says what to do' : acknowledge);
}

function haltsCheck({ halts }: Condition): Check {
  if (halts.length === 0) return ok('halts', 'nothing is halted');
  const says = firstFew(
    halts.map(({ scope, target, why }) => `${scope === 'all' ? 'everything' : `${scope} ${target}`} (${why})`),
  );
  return warning('halts', says, 'npm run resume -- --why …, when the reason is gone');
}

/** The books against themselves; what needs a person is no fault of the program's, but has to be settled, too. */
async function booksCheck({ store, full = false }: DatabaseFacts, nowMs: number): Promise<Check> {
  let broken: BrokenRule[];
  let closings: string[];
  try {
    closings = await readClosings({ store });
    broken = await store.call('check_books', full ? {} : { sinceDate: booksSince(nowMs) });
    if (full) broken.push(...(await checkClosings({ store }, closings)));
  } catch (error) {
    return wrong('books', `could not be checked: ${errorText(error)}`, 'Ask again when the database is less busy.');
  }
  const [first] = broken;
  if (!first) return ok('books', `agree with themselves${closedText(closings.at(-1), full)}`);
  const says = firstFew(
    broken.map(({ rule, subject, ours, should }) => `${rule} (not so: ${subject}: ${ours}, should be ${should})`),
  );
  return (first.leftToAPerson ? warning : wrong)('books', says, first.settle);
}

function closedText(last: string | undefined, full: boolean): string {
  if (last === undefined) return '';
  return full ? `, all records computed anew` : `; closed through ${last} (all records: npm run doctor -- --full)`;
}

async function paperCheck(store: Store, nowMs: number): Promise<Check> {
  await store.call('paper_venue_lookup', { clientOrderId: 'doctor', nowMs });
  return ok('venues', 'paper answers');
}

/** The first three of a list, and how many more there are. */
export function firstFew(items: readonly string[]): string {
  const left = items.length - 3;
  return left > 0 ? `${items.slice(0, 3).join(', ')} and ${left} more` : items.join(', ');
}

/** An error and its causes, in one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${errorText(error.cause)}` : error.message;
}
