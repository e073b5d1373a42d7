// Checks one live account at its venue: login, address, margin, then its orders, shares and money.
import pLimit from 'p-limit';
import type { CorporateAction } from '../../domain/market/corporate-actions.ts';
import { istTime } from '../../domain/market/india-time.ts';
import type { Market } from '../../domain/market/market.ts';
import type { BeyondCoverage, ClosedDay, OpenDay } from '../../domain/market/session.ts';
import type { Mode, Signal } from '../../domain/types.ts';
import type { Deps } from '../../ports/deps.ts';
import type { Books } from '../../ports/store/accounts.ts';
import type { OrderToSend, VenueRead } from '../../ports/venue.ts';
import { type KeyOf, missingShares, shareDifferences } from './compare-books.ts';
import type { AccountApi, AccountsDeps, AccountVenue } from './deps.ts';
import { type AccountReading, loginOf, missed, readAccount, readWithRetries } from './read-account.ts';
import { calendarFault, currencyFault } from './venue-calendar.ts';

/** One account and what came out of asking about it. */
export interface Checked {
  books: Books;
  accountApi: AccountApi | null;
  reading: AccountReading;
}

/** What is the same for all accounts. */
export interface Day {
  market: Market;
  /** What our calendar has. */
  calendarDay: OpenDay | ClosedDay | BeyondCoverage;
  tradeDate: string;
  mode: Mode;
  open: boolean;
  closeMs: number | null;
  signals: Signal[];
  /** What happened to shares since the trading day before. */
  actions: CorporateAction[];
  concurrency: number;
}

const PROBES = 3;
const RECHECK_MS = 5_000;

/**
 * Asks everything about one account: its currency, its login (and logs in where the venue lets us do that by ourselves), the address
 * its orders leave from, its venue's calendar of the day, a margin, then its orders, shares and money. The first thing that is wrong is the reason.
 */
export async function check(deps: AccountsDeps, day: Day, books: Books): Promise<Checked> {
  const venue = deps.venues.get(books.venue);
  const accountApi = venue?.accountApi ?? null;
  const not = (reason: string): Checked => ({ books, accountApi, reading: { kind: 'missed', reason } });
  if (!venue || !accountApi) return not(`venue_not_set_up: ${books.venue}`);
  const currency = currencyFault(venue, books);
  if (currency !== null) return not(currency);
  const login = await loginFor(deps, day, accountApi, books);
  if (login !== null) return not(login);
  const address = await faultOfAddress(deps, venue, books);
  if (address !== null) return not(address);
  const { market, calendarDay } = day;
  const calendar = await calendarFault(deps.clock, accountApi, { market, day: calendarDay }, books);
  if (calendar !== null) return not(calendar);
  const margin = await probeMargin(deps, day, venue, accountApi, books);
  if (margin.kind !== 'read') return { books, accountApi, reading: missed('margin', margin) };
  return { books, accountApi, reading: await readAccount(deps.clock, accountApi, books) };
}

/** What is wrong with the account's login, after one try to log in where the venue lets us do that by ourselves. */
async function loginFor(
  { clock, logins }: AccountsDeps,
  day: Day,
  accountApi: AccountApi,
  books: Books,
): Promise<string | null> {
  const fault = async () => {
    const login = await readWithRetries(clock, () => loginOf(accountApi, books));
    if (login.kind !== 'read') return missed('login', login).reason;
    return login.value !== null && login.value < (day.closeMs ?? 0) ? `login_ends_at: ${istTime(login.value)}` : null;
  };
  const before = await fault();
  const logIn = logins?.get(books.venue)?.logIn;
  if (before === null || before.startsWith('unreadable') || !logIn) return before;
  const end = await logIn(books.accountId).catch(() => null);
  return end?.kind === 'open' ? fault() : before;
}

/** Which address the orders leave from can't be asked of the venue: it is the account's proxy, or an operator's word. */
async function faultOfAddress(
  { addressOf }: AccountsDeps,
  { capabilities }: AccountVenue,
  books: Books,
): Promise<string | null> {
  if (!capabilities.dealing?.staticIp) return null;
  const address = await addressOf?.(books).catch(() => null);
  return address ? null : 'address_not_confirmed';
}

/**
 * The margin of one share of a signal of today, as the account would buy it: whether the venue answers, not what. A
 * venue that doesn't know it (closed, say) has answered; of one that doesn't know a symbol the next is asked.
 */
async function probeMargin(
  { clock }: Deps<'clock'>,
  { signals }: Day,
  { capabilities }: AccountVenue,
  accountApi: AccountApi,
  books: Books,
): Promise<VenueRead<unknown>> {
  const leveraged = books.leverageCenti > 100 && (capabilities.dealing?.products.includes('mtf') ?? false);
  let answer: VenueRead<unknown> = { kind: 'read', value: null };
  for (const { exchange, symbol, side, referencePriceMinor } of ofEachExchange(signals).slice(0, PROBES)) {
    const order: OrderToSend = {
      ...{ orderId: 0, clientOrderId: 'probe', userId: books.userId, accountId: books.accountId },
      ...{ exchange, symbol, side, quantity: 1, limitPriceMinor: referencePriceMinor },
      product: leveraged ? 'mtf' : 'delivery',
    };
    answer = await readWithRetries(clock, () => accountApi.margins(books, [order]));
    if (answer.kind !== 'unreadable') return answer;
  }
  return answer;
}

/** One signal of every exchange before a second one of any: a venue answers for shares it trades only. */
function ofEachExchange(signals: Signal[]): Signal[] {
  const firsts = new Map(signals.toReversed().map((signal) => [signal.exchange, signal]));
  const first = new Set(firsts.values());
  return [...signals.filter((one) => first.has(one)), ...signals.filter((one) => !first.has(one))];
}

/** Shares that seem to be gone are looked for once more: a list may have been short for a moment. */
export async function readAgain(
  { clock }: Deps<'clock'>,
  day: Day,
  checked: Checked[],
  keyOf: KeyOf,
): Promise<Checked[]> {
  const short = ({ books, reading }: Checked) =>
    reading.kind === 'read' && missingShares(shareDifferences(books, reading.snapshot.positions, keyOf)).length > 0;
  if (!checked.some(short)) return checked;
  await clock.sleep(RECHECK_MS);
  const limit = pLimit(day.concurrency);
  return Promise.all(
    checked.map(async (one) => {
      const { accountApi, books } = one;
      return short(one) && accountApi
        ? { ...one, reading: await limit(() => readAccount(clock, accountApi, books)) }
        : one;
    }),
  );
}
