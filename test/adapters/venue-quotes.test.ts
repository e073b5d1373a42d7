import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/adapters/clock.ts';
import { venueQuotes } from '../../src/adapters/quotes/venue-quotes.ts';
import type { Quote } from '../../src/domain/types.ts';
import type { AccountAtVenue, Venue, VenueRead } from '../../src/ports/venue.ts';
import { infy, titan } from '../stages/support/run-day.ts';
import type { AnyEvent } from '../support/any-event.ts';

const quote = (symbol: string, priceMinor: number, exchange = 'NSE'): Quote => {
  const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
  return { exchange, symbol, priceMinor, ...unknown, atMs: 1 };
};
const read = (...value: Quote[]): VenueRead<Quote[]> => ({ kind: 'read', value });
const silent: VenueRead<Quote[]> = { kind: 'unreadable', reason: 'timeout' };
const closed: VenueRead<Quote[]> = { kind: 'no_session', reason: 'login_missing' };

/** Venues where the accounts 1, 2, 3 … get these answers in turn; and whom each was asked for. */
async function readQuotes(answers: Record<string, VenueRead<Quote[]>[]>, signals = [titan, infy]) {
  const calls: string[] = [];
  const events: AnyEvent[] = [];
  const never = () => Promise.reject(new Error('not asked for'));
  const venues = Object.entries(answers).map(([name, reads]): [string, Venue] => {
    const api = {
      ...{ ordersToday: never, cancel: never, margins: never, funds: never, positions: never, sessionStatus: never },
      quotes: async ({ accountId }: AccountAtVenue, listings: { symbol: string }[]) => {
        calls.push(`${name}${accountId}: ${listings.map(({ symbol }) => symbol).join(',')}`);
        return reads[accountId - 1] ?? silent;
      },
    };
    const capabilities = { refusesDuplicates: false, missIsProof: false };
    return [name, { name, capabilities, submit: never, lookup: never, accountApi: api }];
  });
  const accountsAt = async (name: string) =>
    (answers[name] ?? []).map((_, index) => ({ accountId: index + 1, userId: `user${index + 1}` }));
  const options = { clock: virtualClock(1), maxAgeMs: 60_000, emit: (event: AnyEvent) => events.push(event) };
  const quotes = venueQuotes({ venues: new Map(venues), accountsAt, ...options });
  const prices = await quotes.read({ tradeDate: '2025-08-28', nowMs: 1, signals, held: [] });
  return { prices: prices.map(({ symbol, priceMinor }) => `${symbol} ${priceMinor}`), calls, events };
}

describe('prices of venues', () => {
  test('come through the first account that gets an answer, and nobody else is asked', async () => {
    const all = read(quote('TITAN', 100), quote('INFY', 200));
    const { prices, calls } = await readQuotes({ kite: [closed, closed, closed, closed, silent, all, all] });
    expect(prices).toEqual(['TITAN 100', 'INFY 200']);
    expect(calls.map((call) => call.slice(0, 5))).toEqual(['kite1', 'kite2', 'kite3', 'kite4', 'kite5', 'kite6']);
  });

  test('a venue that does not answer three accounts is left', async () => {
    const { prices, calls, events } = await readQuotes({ kite: [silent, silent, silent, read(quote('TITAN', 1))] });
    expect([prices, calls.length]).toEqual([[], 3]);
    expect(events.at(-1)).toMatchObject({ type: 'quotes_missing', count: 2, symbols: ['NSE:TITAN', 'NSE:INFY'] });
  });

  test('the next venue is asked only for what the one before has no price for', async () => {
    const answers = { kite: [read(quote('TITAN', 100))], lemonn: [read(quote('TITAN', 999), quote('INFY', 200))] };
    const { prices, calls } = await readQuotes(answers);
    expect(prices).toEqual(['TITAN 100', 'INFY 200']);
    expect(calls).toEqual(['kite1: TITAN,INFY', 'lemonn1: INFY']);
  });

  test('a namesake at another exchange is no price, nor is what nobody asked for', async () => {
    const { prices } = await readQuotes({ alpaca: [read(quote('TITAN', 7, 'US'), quote('ITC', 8))] }, [titan]);
    expect(prices).toEqual([]);
  });
});
