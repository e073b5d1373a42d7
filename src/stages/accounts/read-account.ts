// Reads an account's orders, shares and money at its venue: all of it, or nothing.
import type { Market } from '../../domain/market/market.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { Books } from '../../ports/store/accounts.ts';
import type { AccountAtVenue, SessionStatus, VenueRead } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';
import type { AccountSnapshot } from './account-snapshot.ts';
import type { AccountApi, AccountsDeps } from './deps.ts';

const MAX_TRIES = 3;
const PAUSE_MS = 2_000;
const PAGE_SIZE = 200;

/** `missed`: at least one of the answers was none, with which and why: `unreadable_funds: unreadable_answer`. */
export type AccountReading = { kind: 'read'; snapshot: AccountSnapshot } | { kind: 'missed'; reason: string };

/** Reads the orders of the day, the shares and the money of an account. What can't be read is never taken for nothing. */
export async function readAccount(
  clock: Clock,
  accountApi: AccountApi,
  account: AccountAtVenue,
): Promise<AccountReading> {
  const orders = await readWithRetries(clock, () => accountApi.ordersToday(account));
  if (orders.kind !== 'read') return missed('orders', orders);
  const positions = await readWithRetries(clock, () => accountApi.positions(account));
  if (positions.kind !== 'read') return missed('holdings', positions);
  const funds = await readWithRetries(clock, () => accountApi.funds(account));
  if (funds.kind !== 'read') return missed('funds', funds);
  const odd = { orders: orders.value.odd, positions: positions.value.odd };
  const snapshot = { orders: orders.value.rows, positions: positions.value.rows, funds: funds.value, odd };
  return { kind: 'read', snapshot };
}

/** What failed, in the words of a verdict. */
export function missed(what: string, read: { kind: 'no_session' | 'unreadable'; reason: string }) {
  const text = untrustedText(read.reason);
  const reason = read.kind === 'no_session' ? `no_login: ${text}` : `unreadable_${what}: ${text}`;
  return { kind: 'missed', reason } as const;
}

/** Asks again what could not be read: a transient error must not exclude an account for the day. A login that is over is not asked again. */
export async function readWithRetries<T>(clock: Clock, read: () => Promise<VenueRead<T>>): Promise<VenueRead<T>> {
  let answer = await readSafely(read);
  for (let tries = 1; answer.kind === 'unreadable' && tries < MAX_TRIES; tries += 1) {
    await clock.sleep(PAUSE_MS);
    answer = await readSafely(read);
  }
  return answer;
}

async function readSafely<T>(read: () => Promise<VenueRead<T>>): Promise<VenueRead<T>> {
  try {
    return await read();
  } catch (error) {
    return { kind: 'unreadable', reason: `adapter_error: ${error instanceof Error ? error.name : 'thrown'}` };
  }
}

/** The login of an account, as a read: its value is until when it lasts (null: it does not end by itself). */
export async function loginOf(accountApi: AccountApi, account: AccountAtVenue): Promise<VenueRead<number | null>> {
  const status: SessionStatus = await accountApi.sessionStatus(account);
  if (status.kind === 'open') return { kind: 'read', value: status.untilMs };
  return { kind: status.kind === 'closed' ? 'no_session' : 'unreadable', reason: status.reason };
}

/** Whose books: the accounts of a mode in the currency of the market whose trade date it is. */
interface Whose {
  mode: string;
  market: Pick<Market, 'currency'>;
  tradeDate: string;
}

/** Our books of these accounts, or of those of them that are named, page after page. */
export async function* pagesOfBooks(
  { store }: AccountsDeps,
  { mode, market: { currency }, tradeDate }: Whose,
  named?: readonly number[],
): AsyncGenerator<Books[]> {
  const accountIds = named ? [...named] : null;
  for (let afterId = 0; ; ) {
    const args = { mode, currency, tradeDate, accountIds, afterId, limit: PAGE_SIZE };
    const page = await store.call('read_books', args);
    const last = page.at(-1);
    if (!last) return;
    yield page;
    afterId = last.accountId;
  }
}

/** Our books of some accounts, as they are now. */
export async function booksOf(
  { store }: AccountsDeps,
  { mode, market: { currency }, tradeDate }: Whose,
  accountIds: number[],
) {
  const args = { mode, currency, tradeDate, accountIds, afterId: 0, limit: accountIds.length };
  return new Map((await store.call('read_books', args)).map((books) => [books.accountId, books]));
}
