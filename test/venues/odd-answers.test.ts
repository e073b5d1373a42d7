import { afterEach, describe, expect, test } from 'vitest';
import {
  openScriptedVenue,
  type ScriptedAnswer,
  type ScriptedVenue,
  venueFormats,
} from '../simulators/venues/scripted-venues.ts';
import { setClock } from '../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../support/builders.ts';

// The smallest answers of a venue that once did harm, each kind at every venue that can say it.

const order = orderToStart();

let scripted: ScriptedVenue | null = null;
afterEach(() => scripted?.close());

/** A venue that answers so to what has this in its address, and well to everything else. */
async function saying(venue: string, at: string, body: string | ((good: string) => string), status = 200) {
  const format = venueFormats[venue];
  if (!format) throw new Error(`there is no venue ${venue}`);
  scripted = await openScriptedVenue(format, setClock(nowMs));
  const good = (path: string) => JSON.stringify(format.good(path, order));
  const say = (path: string): ScriptedAnswer | null => {
    return path.includes(at) ? { status, body: typeof body === 'string' ? body : body(good(path)) } : null;
  };
  scripted.script = { accountId: account.accountId, order, say };
  return scripted.venue;
}

describe('an order in the book', () => {
  test.each(['constructor', '__proto__', 'toString', 'valueOf'])(
    'of the state %s is one of no known end',
    async (state) => {
      const kite = await saying('kite', '/orders', (good) => good.replace('"COMPLETE"', `"${state}"`));
      expect(await kite.lookup(order)).toMatchObject({ kind: 'found', report: { status: 'partially_filled' } });
      await scripted?.close();
      const alpaca = await saying('alpaca', ':by_client_order_id', (good) => good.replace('"filled"', `"${state}"`));
      expect(await alpaca.lookup(order)).toMatchObject({ kind: 'found', report: { status: 'partially_filled' } });
    },
  );

  test.each([
    ['kite', '/trades', '"average_price":100', '"average_price":0.001'],
    ['lemonn', '/tradebook', '"price":"100.00"', '"price":"0.001"'],
    ['alpaca', '/activities', '"price":"100.00"', '"price":"0.001"'],
  ])('at %s traded at no price is unreadable', async (venue, at, is, odd) => {
    const venueApi = await saying(venue, at, (good) => good.replace(is, odd).replace('"lastTradedPrice"', '"price"'));
    const found = await venueApi.lookup(order);
    expect(found.kind).toBe('unreadable');
  });

  test.each([
    ['kite', '/trades', '"trade_id":"T1"'],
    ['lemonn', '/tradebook', '"tradeId":"T1"'],
    ['alpaca', '/activities', '"id":"F1"'],
  ])('at %s with an id no index takes is unreadable', async (venue, at, is) => {
    const venueApi = await saying(venue, at, (good) =>
      good.replace(is, is.replace(/"[TF]1"/, `"${'9'.repeat(3_000)}"`)),
    );
    expect((await venueApi.lookup(order)).kind).toBe('unreadable');
  });
});

describe('a refusal', () => {
  const refusal = (message: string) => JSON.stringify({ status: 'error', error_type: 'OrderException', message });

  test('that speaks of doubt behind its first 200 characters leaves the order unknown', async () => {
    const text = `${'The order could not be handled. '.repeat(10)}It timed out: check the order book.`;
    const venue = await saying('kite', '/orders/regular', refusal(text), 400);
    expect(await venue.submit(order)).toMatchObject({ kind: 'unknown' });
  });

  test('that repeats what let the request in, or whose account it is, is kept without it', async () => {
    const text =
      'Denied to kitetestkey, access-7 of AB1234 (9812345678, 1208160012345678, asha@example.com): RMS rule 16';
    const venue = await saying('kite', '/orders/regular', refusal(text), 400);
    expect(await venue.submit(order)).toEqual({
      kind: 'rejected',
      message: 'Denied to [hidden], [hidden] of AB1234 ([hidden], [hidden], [hidden]): RMS rule 16',
    });
  });

  test('with an emoji at the end of what is kept stays whole', async () => {
    const venue = await saying('kite', '/orders/regular', refusal(`${'a'.repeat(199)}😀`), 400);
    expect(await venue.submit(order)).toEqual({ kind: 'rejected', message: `${'a'.repeat(199)}…` });
  });
});

describe('an answer', () => {
  test.each([
    ['kite', '/orders/regular'],
    ['lemonn', '/orders'],
    ['alpaca', '/v2/orders'],
  ])('of %s larger than any is not read to its end, and leaves the order unknown', async (venue, at) => {
    const venueApi = await saying(venue, at, (good) => `${' '.repeat(17 * 1024 * 1024)}${good}`);
    expect(await venueApi.submit(order)).toEqual({ kind: 'unknown', reason: 'answer_too_large' });
  });

  test.each(['kite', 'lemonn', 'alpaca'])('of %s nested without end leaves the order unknown', async (venue) => {
    const venueApi = await saying(
      venue,
      '/orders',
      `{"status":"success","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    );
    expect(await venueApi.submit(order)).toMatchObject({ kind: 'unknown', reason: 'unreadable_answer' });
  });
});

describe('a price', () => {
  const listings = ['TITAN', 'INFY'].map((symbol) => ({ exchange: 'NSE', symbol }));
  const quoted = (body: string, infy: string) => `${body.slice(0, body.lastIndexOf('}'))},${infy}}`;

  test.each([
    ['beyond exact cents', '{"latestTrade":{"t":"2025-08-28T03:49:58Z","p":999999999999999}}'],
    ['of text', '{"latestTrade":{"t":"2025-08-28T03:49:58Z","p":"\\u0000"}}'],
    ['that is none', '{"latestTrade":[]}'],
  ])('at Alpaca %s is none, and the others stand', async (_what, infy) => {
    const alpaca = await saying('alpaca', '/snapshots', (good) => quoted(good, `"INFY":${infy}`));
    const read = await alpaca.accountApi?.quotes(account, listings);
    expect(read).toMatchObject({ kind: 'read', value: [{ symbol: 'TITAN', priceMinor: 100_05 }] });
  });

  test.each([
    ['below a paisa', '{"timestamp":"2025-08-28 09:19:58","last_trade_time":"2025-08-28 09:19:58","last_price":0.001}'],
    ['of text', '{"timestamp":"2025-08-28 09:19:58","last_trade_time":"2025-08-28 09:19:58","last_price":"1"}'],
    ['that is none', 'null'],
  ])('at Kite %s is none, and the others stand', async (_what, infy) => {
    const kite = await saying('kite', '/quote', (good) => `${quoted(good.slice(0, -1), `"NSE:INFY":${infy}`)}}`);
    const read = await kite.accountApi?.quotes(account, listings);
    expect(read).toMatchObject({ kind: 'read', value: [{ symbol: 'TITAN', priceMinor: 100_05 }] });
  });
});
