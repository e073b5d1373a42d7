import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { venueQuotes } from '../../src/adapters/quotes/venue-quotes.ts';
import { istDate, istMs, istTime } from '../../src/domain/market/india-time.ts';
import type { AccountAtVenue, VenueAccountApi } from '../../src/ports/venue.ts';
import type { Clock, Quotes } from '../../src/ports/world.ts';
import { type KiteExchange, openKiteExchange } from '../simulators/venues/kite-exchange.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { tradeDate } from '../support/builders.ts';

const startMs = istMs(tradeDate, '09:30');
let nowMs = startMs;
/** Stands still but for the pauses that are made on it. */
const clock: Clock = {
  virtual: true,
  nowMs: () => nowMs,
  sleep: async (ms) => {
    nowMs += ms;
  },
  every: () => () => undefined,
};
let kite: KiteExchange;
let quotes: Quotes;
let quoteRequests: { atMs: number; symbols: string[] }[];
let events: AnyEvent[];
let accounts: AccountAtVenue[];
/** When the venue's prices stand. */
let standsMs: () => number;

beforeEach(async () => {
  nowMs = startMs;
  quoteRequests = [];
  events = [];
  accounts = [{ accountId: 1, userId: 'asha' }];
  standsMs = () => nowMs;
  kite = await openKiteExchange(clock);
  kite.pages['GET /quote'] = (query: URLSearchParams) => {
    const symbols = query.getAll('i');
    quoteRequests.push({ atMs: nowMs, symbols });
    const timestamp = `${istDate(standsMs())} ${istTime(standsMs())}`;
    return Object.fromEntries(
      symbols.map((one) => [one, { timestamp, last_trade_time: timestamp, last_price: 100 + quoteRequests.length }]),
    );
  };
  const options = { clock, maxAgeMs: 60_000, emit: (event: AnyEvent) => void events.push(event) };
  quotes = venueQuotes({ venues: new Map([['kite', kite.venue]]), accountsAt: async () => accounts, ...options });
});
afterEach(() => kite.close());

async function priceOf(...symbols: string[]): Promise<string[]> {
  const held = symbols.map((symbol) => ({ exchange: 'NSE', symbol }));
  const found = await quotes.read({ tradeDate, nowMs, signals: [], held });
  return found.map(({ symbol, priceMinor }) => `${symbol} ${priceMinor}`);
}
const requestedSymbols = () =>
  quoteRequests.map(({ symbols }) => symbols.map((one) => one.replace('NSE:', '')).join(' '));

describe('prices of a real venue', () => {
  test('are asked for once for all who ask at the same time, each for what they want', async () => {
    const [one, both, other] = await Promise.all([priceOf('TITAN'), priceOf('TITAN', 'INFY'), priceOf('INFY')]);
    expect([one, both, other]).toEqual([['TITAN 10100'], ['TITAN 10100', 'INFY 10100'], ['INFY 10100']]);
    expect(requestedSymbols()).toEqual(['TITAN INFY']);
  });

  test('are shared by who comes while the answer is on its way', async () => {
    let first: Promise<string[]> = Promise.resolve([]);
    let second: Promise<string[]> = Promise.resolve([]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const answers = kite.pages['GET /quote'];
    kite.pages['GET /quote'] = (query: URLSearchParams) => {
      second = priceOf('TITAN');
      resolve();
      return typeof answers === 'function' ? answers(query) : answers;
    };
    first = priceOf('TITAN', 'INFY');
    await promise;
    expect(await Promise.all([first, second])).toEqual([['TITAN 10100', 'INFY 10100'], ['TITAN 10100']]);
    expect(quoteRequests).toHaveLength(1);
  });

  test('come through the next account where one does not answer, which is asked last from then on', async () => {
    accounts = [
      { accountId: 1, userId: 'hung' },
      { accountId: 2, userId: 'asha' },
    ];
    const questions: string[] = [];
    const { venue } = kite;
    if (!venue.accountApi) throw new Error('Kite has account reads');
    const { accountApi: api } = venue;
    const hanging: VenueAccountApi = {
      ...api,
      quotes(account, listings) {
        questions.push(account.userId);
        return account.userId === 'hung' ? new Promise(() => undefined) : api.quotes(account, listings);
      },
    };
    const options = { clock, maxAgeMs: 60_000, emit: (event: AnyEvent) => void events.push(event) };
    const venues = new Map([['kite', { ...venue, accountApi: hanging }]]);
    quotes = venueQuotes({ venues, accountsAt: async () => accounts, ...options });
    expect(await priceOf('TITAN')).toEqual(['TITAN 10100']);
    nowMs += 1000;
    expect(await priceOf('TITAN')).toEqual(['TITAN 10200']);
    expect(questions).toEqual(['hung', 'asha', 'asha']);
    expect(events).toMatchObject([{ type: 'venue_quotes_unavailable', userId: 'hung', reason: 'no_answer_in_time' }]);
  });

  test('serve for a second, with the instant they stood at, and are then asked for again', async () => {
    await priceOf('TITAN');
    nowMs += 999;
    expect(await priceOf('TITAN')).toEqual(['TITAN 10100']);
    expect(quoteRequests).toHaveLength(1);
    const held = [{ exchange: 'NSE', symbol: 'TITAN' }];
    expect(await quotes.read({ tradeDate, nowMs, signals: [], held })).toMatchObject([{ atMs: startMs }]);
    nowMs += 1;
    expect(await priceOf('TITAN')).toEqual(['TITAN 10200']);
  });

  test('serve no longer than they are fresh, unless they never were', async () => {
    standsMs = () => startMs - 59_000;
    nowMs = startMs + 400;
    await priceOf('TITAN');
    nowMs += 700;
    expect(await priceOf('TITAN')).toEqual(['TITAN 10200']);
    // Old when it came: asking again at once would bring the same.
    nowMs += 500;
    expect(await priceOf('TITAN')).toEqual(['TITAN 10200']);
  });

  test('serve nobody on a clock that was set back, and are not waited for longer for it', async () => {
    await priceOf('TITAN');
    nowMs -= 3_600_000;
    await priceOf('TITAN');
    expect(quoteRequests.map(({ atMs }) => atMs - startMs)).toEqual([0, -3_600_000 + 1_000]);
  });

  test('are asked for at the venue’s pace, what was wanted before along with what is new', async () => {
    await priceOf('TITAN');
    nowMs += 10;
    const [infy, sbin] = await Promise.all([priceOf('INFY'), priceOf('SBIN')]);
    expect([infy, sbin]).toEqual([['INFY 10200'], ['SBIN 10200']]);
    expect(await priceOf('TITAN')).toEqual(['TITAN 10200']);
    expect(requestedSymbols()).toEqual(['TITAN', 'INFY SBIN TITAN']);
    expect(quoteRequests.map(({ atMs }) => atMs - startMs)).toEqual([0, 1_000]);
  });

  test('of more shares than the venue takes at once are asked for in turns', async () => {
    const many = Array.from({ length: 501 }, (_, n) => `S${n}`);
    expect(await priceOf(...many)).toHaveLength(501);
    expect(quoteRequests.map(({ atMs, symbols }) => [atMs - startMs, symbols.length])).toEqual([
      [0, 500],
      [1_000, 1],
    ]);
  });

  test('that could not be read are none, and are asked for again', async () => {
    kite.answerNext(502, '<html>');
    expect(await priceOf('TITAN')).toEqual([]);
    expect(events).toMatchObject([{ type: 'venue_quotes_unavailable', userId: 'asha' }, { type: 'quotes_missing' }]);
    expect(await priceOf('TITAN')).toEqual(['TITAN 10100']);
  });

  test('wait for no turn where an account has no login, and for one where an answer was none', async () => {
    accounts = [9, 8, 1, 2].map((accountId) => ({ accountId, userId: `user${accountId}` }));
    const { credentials } = kite;
    kite.credentials = (account) => (account.accountId > 5 ? null : credentials(account));
    kite.answerNext(502, '<html>');
    expect(await priceOf('TITAN')).toEqual(['TITAN 10100']);
    expect(quoteRequests.map(({ atMs }) => atMs - startMs)).toEqual([1_000]);
  });
});
