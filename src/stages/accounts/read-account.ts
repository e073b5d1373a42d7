import { untrustedText } from '../../domain/text/secrets.ts';
import type { Books } from '../../ports/rows/readiness.ts';
import type {
  AccountAtVenue,
  SessionStatus,
  VenueAccountApi,
  VenueFunds,
  VenueOrder,
  VenuePosition,
  VenueRead,
} from '../../ports/venue.ts';
import type { Clock, World } from '../../ports/world.ts';
import type { OddRows } from './unreadable-rows.ts';

const TRIES = 3;
const PAUSE_MS = 2_000;
const PAGE = 200;

/** What a venue says of an account, all of it or nothing. */
export interface Seen {
  orders: VenueOrder[];
  positions: VenuePosition[];
  funds: VenueFunds;
  odd: OddRows;
}

/** The shares an account's lists speak of, of whatever kind. */
export function listingsOf({ positions, odd }: Seen): { exchange: string; symbol: string }[] {
  return [...positions, ...odd.positions.flatMap(({ listing }) => listing ?? [])];
}

/** `missed`: at least one of the answers was none, with which and why: `unreadable_funds: unreadable_answer`. */
export type Look = { kind: 'seen'; seen: Seen } | { kind: 'missed'; reason: string };

/** Reads the orders of the day, the shares and the money of an account. What can't be read is never taken for nothing. */
export async function lookAt(clock: Clock, desk: VenueAccountApi, account: AccountAtVenue): Promise<Look> {
  const orders = await patiently(clock, () => desk.ordersToday(account));
  if (orders.kind !== 'read') return missed('orders', orders);
  const positions = await patiently(clock, () => desk.positions(account));
  if (positions.kind !== 'read') return missed('holdings', positions);
  const funds = await patiently(clock, () => desk.funds(account));
  if (funds.kind !== 'read') return missed('funds', funds);
  const odd = { orders: orders.value.odd, positions: positions.value.odd };
  const seen = { orders: orders.value.rows, positions: positions.value.rows, funds: funds.value, odd };
  return { kind: 'seen', seen };
}

/** What failed, in the words of a verdict. */
export function missed(what: string, read: { kind: 'no_session' | 'unreadable'; reason: string }) {
  const words = untrustedText(read.reason);
  const reason = read.kind === 'no_session' ? `no_login: ${words}` : `unreadable_${what}: ${words}`;
  return { kind: 'missed', reason } as const;
}

/** Asks again what could not be read: a slip of a moment costs nobody his day. A login that is over is not asked again. */
export async function patiently<T>(clock: Clock, read: () => Promise<VenueRead<T>>): Promise<VenueRead<T>> {
  let said = await safely(read);
  for (let tries = 1; said.kind === 'unreadable' && tries < TRIES; tries += 1) {
    await clock.sleep(PAUSE_MS);
    said = await safely(read);
  }
  return said;
}

async function safely<T>(read: () => Promise<VenueRead<T>>): Promise<VenueRead<T>> {
  try {
    return await read();
  } catch (error) {
    return { kind: 'unreadable', reason: `adapter_error: ${error instanceof Error ? error.name : 'thrown'}` };
  }
}

/** The login of an account, as a read: its value is until when it lasts (null: it does not end by itself). */
export async function loginOf(desk: VenueAccountApi, account: AccountAtVenue): Promise<VenueRead<number | null>> {
  const status: SessionStatus = await desk.sessionStatus(account);
  if (status.kind === 'open') return { kind: 'read', value: status.untilMs };
  return { kind: status.kind === 'closed' ? 'no_session' : 'unreadable', reason: status.reason };
}

/** Our books of a mode's accounts, or of those that are named, page after page. */
export async function* pagesOfBooks(
  { store }: World,
  mode: string,
  tradeDate: string,
  named?: readonly number[],
): AsyncGenerator<Books[]> {
  const accountIds = named ? [...named] : null;
  for (let afterId = 0; ; ) {
    const page = await store.call('read_books', { mode, tradeDate, accountIds, afterId, limit: PAGE });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    afterId = last.accountId;
  }
}

/** Our books of some accounts, as they are now. */
export async function booksOf({ store }: World, mode: string, tradeDate: string, accountIds: number[]) {
  const some = { mode, tradeDate, accountIds, afterId: 0, limit: accountIds.length };
  return new Map((await store.call('read_books', some)).map((books) => [books.accountId, books]));
}
