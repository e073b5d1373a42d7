// Compares our calendar of the day with what an account's venue says of it: two that differ are no day to trade.
import { type Market, type Mic, xnse } from '../../domain/market/market.ts';
import type { BeyondCoverage, ClosedDay, OpenDay } from '../../domain/market/session.ts';
import { zonedTime } from '../../domain/market/zone.ts';
import type { Books } from '../../ports/store/accounts.ts';
import type { VenueTradingDay } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';
import type { AccountApi, AccountsDeps } from './deps.ts';
import { missed, readWithRetries } from './read-account.ts';

type Day = OpenDay | ClosedDay | BeyondCoverage;

/** Where a venue that names no market trades. */
const INDIA: readonly Mic[] = ['XNSE', 'XBOM'];

/**
 * Whether an account is one of a market's day: its venue trades there. On the NSE's day every account is asked, also
 * one whose venue has no address here or trades elsewhere: whoever runs this hears why it can't trade.
 */
export function isOfMarket({ venues }: Pick<AccountsDeps, 'venues'>, market: Market, { venue }: Books): boolean {
  if (market.mic === xnse.mic) return true;
  const capabilities = venues.get(venue)?.capabilities;
  return capabilities !== undefined && (capabilities.markets ?? INDIA).includes(market.mic);
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
