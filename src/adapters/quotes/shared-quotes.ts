// Shares one venue’s prices among all who ask, within the pace the venue allows.
import { LRUCache } from 'lru-cache';
import type { Quote } from '../../domain/types.ts';
import type { Emit } from '../../ports/events/events.ts';
import { inTime } from '../../ports/in-time.ts';
import type { AccountAtVenue, Venue } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';

interface Listing {
  exchange: string;
  symbol: string;
}

export interface SharedQuotesOptions {
  venue: Venue;
  /** Accounts connected at a venue, the one that logged in last first. */
  accountsAt: (venue: string) => Promise<AccountAtVenue[]>;
  clock: Pick<Clock, 'nowMs' | 'sleep'>;
  /** How old a price may be for anybody to trade on it (QUOTE_MAX_AGE_SECONDS). */
  maxAgeMs: number;
  emit: Emit;
}

/** Accounts asked of one venue before it counts as one without prices. */
const MAX_ACCOUNTS = 3;
/** An answer later than this is none: the next account is asked. */
const ANSWER_WITHIN_MS = 2_000;
/** Whose account gave no answer is asked after the others for so long. */
const SILENT_ACCOUNT_MS = 60_000;
/** A venue where none of those asked gave an answer is asked nothing for so long: others' prices do not wait for it. */
const SILENT_VENUE_MS = 5_000;
/** How long an answer serves whoever asks: no shorter than the venues' pace, so that single orders seldom wait for it. */
const CACHE_TTL_MS = 1_000;
/** What was wanted in this time is asked for with the next request, as far as that costs no request of its own. */
const RECENT_MS = 60_000;
/** More than any exchange lists: whoever asks for names that are none fills no memory. */
const MAX_LISTINGS = 20_000;

/** One request for many, who may join it until it leaves. */
interface Batch {
  wanted: Map<string, Listing>;
  answer: Promise<ReadonlyMap<string, Quote>>;
}

/** `exchange:symbol` */
export function listingKey({ exchange, symbol }: Listing): string {
  return `${exchange}:${symbol}`;
}

/**
 * A venue's prices for everybody in this process. Who asks while a request is waiting or under way shares it, answers are
 * kept for a second, and requests keep the pace the venue declares, whichever account they go through. What could not be
 * read is not kept: what has no price then is left out of the answer.
 */
export function sharedQuotes(options: SharedQuotesOptions): (listings: Listing[]) => Promise<Quote[]> {
  const { venue, clock } = options;
  const { everyMs = 0, atOnce = Number.POSITIVE_INFINITY } = venue.capabilities.quotes ?? {};
  const turn = paced(clock, everyMs);
  const cache = quoteCache(options);
  const latest = recentlyWanted(clock);
  const underWay = new Set<Batch>();
  const silence: Silence = { accounts: new Map(), restsUntilMs: 0 };
  let waiting: Batch | null = null;

  const sendBatch = async (batch: Batch): Promise<ReadonlyMap<string, Quote>> => {
    await turn();
    waiting = null;
    underWay.add(batch);
    for (const [key, listing] of latest.newest(atOnce - batch.wanted.size)) batch.wanted.set(key, listing);
    const listings = [...batch.wanted.values()];
    const answers: Quote[] = [];
    for (let from = 0; from < listings.length; from += atOnce) {
      if (from > 0) await turn();
      const chunk = listings.slice(from, from + atOnce);
      const requestedMs = clock.nowMs();
      const quotes = await quotesOf(options, silence, chunk, turn);
      if (quotes) cache.keep(chunk, quotes, requestedMs);
      answers.push(...(quotes ?? []));
    }
    return new Map(answers.map((quote) => [listingKey(quote), quote]));
  };
  const answerTo = (missing: Listing[]): Promise<ReadonlyMap<string, Quote>> => {
    const shared = [...underWay].find(({ wanted }) => missing.every((one) => wanted.has(listingKey(one))));
    if (shared) return shared.answer;
    const batch: Batch = waiting ?? { wanted: new Map(), answer: Promise.resolve(new Map()) };
    for (const one of missing) batch.wanted.set(listingKey(one), one);
    if (waiting === null) {
      waiting = batch;
      batch.answer = sendBatch(batch).finally(() => underWay.delete(batch));
    }
    return batch.answer;
  };
  return async (listings) => {
    latest.want(listings);
    const { cached, missing } = cache.find(listings);
    const answer = missing.length > 0 ? await answerTo(missing) : new Map<string, Quote>();
    return [...cached, ...missing.flatMap((one) => answer.get(listingKey(one)) ?? [])];
  };
}

/** Who did not answer in time: accounts, until when they are asked last, and the venue as a whole. */
interface Silence {
  accounts: Map<number, number>;
  restsUntilMs: number;
}

function silentLast(accounts: AccountAtVenue[], silence: Silence, nowMs: number): AccountAtVenue[] {
  const isSilent = ({ accountId }: AccountAtVenue) => (silence.accounts.get(accountId) ?? 0) > nowMs;
  return [...accounts.filter((one) => !isSilent(one)), ...accounts.filter(isSilent)];
}

/** Through the first account that gets an answer; null: nobody did. The first request has its turn already. */
async function quotesOf(
  { venue: { name, accountApi }, accountsAt, emit, clock }: SharedQuotesOptions,
  silence: Silence,
  listings: Listing[],
  turn: () => Promise<void>,
): Promise<Quote[] | null> {
  if (!accountApi || silence.restsUntilMs > clock.nowMs()) return null;
  let requests = 0;
  let silent = 0;
  let hasTurn = true;
  for (const account of silentLast(await accountsAt(name), silence, clock.nowMs())) {
    if (requests === MAX_ACCOUNTS) break;
    if (!hasTurn) await turn();
    const answer = await inTime(accountApi.quotes(account, listings), ANSWER_WITHIN_MS, noAnswer);
    if (answer.kind === 'read') {
      silence.accounts.delete(account.accountId);
      return answer.value;
    }
    if (answer === noAnswer) {
      silent += 1;
      silence.accounts.set(account.accountId, clock.nowMs() + SILENT_ACCOUNT_MS);
    }
    emit({ type: 'venue_quotes_unavailable', venue: name, userId: account.userId, reason: answer.reason });
    // That an account has not logged in today is mostly known without asking the venue: the next may have its turn.
    hasTurn = answer.kind === 'no_session';
    if (!hasTurn) requests += 1;
  }
  if (silent > 0 && silent === requests) silence.restsUntilMs = clock.nowMs() + SILENT_VENUE_MS;
  return null;
}

const noAnswer = { kind: 'unreadable', reason: 'no_answer_in_time' } as const;

/** Resolves when the next request may leave; each takes its own turn. */
function paced(clock: SharedQuotesOptions['clock'], everyMs: number): () => Promise<void> {
  let freeFromMs = Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const nowMs = clock.nowMs();
    // A clock that was set back says nothing about the turns that were taken.
    if (nowMs < lastMs) freeFromMs = nowMs + everyMs;
    lastMs = nowMs;
    const atMs = Math.max(nowMs, freeFromMs);
    freeFromMs = atMs + everyMs;
    if (atMs > nowMs) await clock.sleep(atMs - nowMs);
  };
}

/**
 * Answers of the last moment. A kept price keeps the instant it stood at, for the core to judge; one that was fresh when it
 * was asked for is not kept beyond the age that makes it stale.
 */
function quoteCache({ clock, maxAgeMs }: Pick<SharedQuotesOptions, 'clock' | 'maxAgeMs'>) {
  const entries = new LRUCache<string, { quote: Quote | null; requestedMs: number; untilMs: number }>({
    max: MAX_LISTINGS,
  });
  return {
    keep(listings: Listing[], quotes: Quote[], requestedMs: number): void {
      const byKey = new Map(quotes.map((quote) => [listingKey(quote), quote]));
      for (const listing of listings) {
        const quote = byKey.get(listingKey(listing)) ?? null;
        const staleMs = quote === null ? requestedMs : quote.atMs + maxAgeMs;
        const untilMs = requestedMs + CACHE_TTL_MS;
        const key = listingKey(listing);
        entries.set(key, { quote, requestedMs, untilMs: staleMs > requestedMs ? Math.min(untilMs, staleMs) : untilMs });
      }
    },
    find(listings: Listing[]): { cached: Quote[]; missing: Listing[] } {
      const nowMs = clock.nowMs();
      const cached: Quote[] = [];
      const missing: Listing[] = [];
      for (const listing of listings) {
        const one = entries.get(listingKey(listing));
        if (!one || nowMs < one.requestedMs || nowMs >= one.untilMs) missing.push(listing);
        else if (one.quote) cached.push(one.quote);
      }
      return { cached, missing };
    },
  };
}

/** What was wanted lately, the last of it first. */
function recentlyWanted(clock: SharedQuotesOptions['clock']) {
  const wanted = new LRUCache<string, { listing: Listing; atMs: number }>({ max: MAX_LISTINGS });
  return {
    want(listings: Listing[]): void {
      const atMs = clock.nowMs();
      for (const listing of listings) wanted.set(listingKey(listing), { listing, atMs });
    },
    /** At most so many; where there is no limit, all. */
    newest(max: number): [string, Listing][] {
      const nowMs = clock.nowMs();
      // The cache gives what was put last first.
      const last = [...wanted].filter(([, { atMs }]) => Math.abs(nowMs - atMs) < RECENT_MS);
      return last.slice(0, Math.max(0, max)).map(([key, { listing }]) => [key, listing]);
    },
  };
}
