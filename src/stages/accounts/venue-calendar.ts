// Compares an account's currency and our calendar of the day with its venue's: where they differ it does not trade.
import type { Market, Mic } from '../../domain/market/market.ts';
import { type BeyondCoverage, type ClosedDay, marketOfExchange, type OpenDay } from '../../domain/market/session.ts';
import { zonedTime } from '../../domain/market/zone.ts';
import type { Books } from '../../ports/store/accounts.ts';
import type { VenueTradingDay } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';
import type { AccountApi, AccountVenue } from './deps.ts';
import { missed, readWithRetries } from './read-account.ts';

type Day = OpenDay | ClosedDay | BeyondCoverage;

/** Where a venue that names no market trades. */
const INDIA: readonly Mic[] = ['XNSE', 'XBOM'];

/**
 * Why an account can't be at its venue: it is in a currency nothing there trades in, so the venue's money would be taken for
 * money of another currency. null: it can.
 */
export function currencyFault(
  { capabilities }: Pick<AccountVenue, 'capabilities'>,
  books: Pick<Books, 'venue' | 'currency'>,
): string | null {
  const theirs = new Set((capabilities.markets ?? INDIA).map((mic) => marketOfExchange(mic).currency));
  if (theirs.has(books.currency)) return null;
  return `other_currency: ${books.venue} trades in ${[...theirs].join(', ')}, the account is in ${books.currency}`;
}

/**
 * Why an account may not trade on a day that its venue's own calendar has otherwise, or whose calendar can't be read;
 * null: they agree, the venue publishes none of this market, or an operator or a missing year has closed the day here.
 */
export async function calendarFault(
  clock: Clock,
  accountApi: AccountApi,
  { market, day }: { market: Market; day: Day },
  books: Books,
): Promise<string | null> {
  const { calendar } = accountApi;
  if (calendar?.mic !== market.mic || isClosedByUs(day)) return null;
  const answer = await readWithRetries(clock, () => calendar.tradingDays(books, day.date, day.date));
  if (answer.kind !== 'read') return missed('calendar', answer).reason;
  const theirs = hoursOf(answer.value.find(({ date }) => date === day.date));
  const ours = day.kind === 'open' ? hoursOf(ourDay(market, day)) : 'closed';
  if (ours === theirs) return null;
  return `calendar_differs: on ${day.date} ${books.venue} has ${theirs}, our calendar of the ${market.name} ${ours}`;
}

/** Nothing is traded then, whatever the venue's calendar says. */
function isClosedByUs(day: Day): boolean {
  return day.kind === 'beyond_coverage' || (day.kind === 'closed' && !['weekend', 'holiday'].includes(day.why));
}

function ourDay({ zone }: Market, { date, openMs, closeMs }: OpenDay): VenueTradingDay {
  const time = (ms: number) => zonedTime(zone, ms).slice(0, 5);
  return { date, openTime: time(openMs), closeTime: time(closeMs) };
}

function hoursOf(day: VenueTradingDay | undefined): string {
  return day === undefined ? 'closed' : `${day.openTime} to ${day.closeTime}`;
}
