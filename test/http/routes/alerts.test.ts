import { describe, expect, test } from 'vitest';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { buy } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { idOf, signalsService } from '../support/signals-service.ts';

const { open, service, answerTo, stored, received } = signalsService();

const flat = { ticker: 'TITAN', exchange: 'NSE', action: 'buy', price: '3564.80', strategy: 'breakout-20d' };
/** As the usual template has it, with the placeholders filled in. */
const nested = {
  passphrase: 'x',
  time: '2025-08-28T03:40:00Z',
  exchange: 'NSE',
  ticker: 'M_M',
  bar: { time: '2025-08-28T03:30:00Z', open: 3180, high: 3210, low: 3170, close: 3200, volume: 1000 },
  strategy: {
    position_size: 1,
    order_action: 'buy',
    order_contracts: 1,
    order_price: 3201.5,
    order_id: 'Long',
    market_position: 'long',
    prev_market_position: 'flat',
  },
};

describe('a TradingView alert', () => {
  test.each([
    ['stop_loss', 'take_profit'],
    ['sl', 'tp'],
    ['stopLoss', 'target'],
  ])('keeps its %s, its %s and its rank, in quotes or not', async (stop, target) => {
    const alert = { ...flat, [stop]: '3400', [target]: 3900.5, rank: '7' };
    expect(await answerTo(alert)).toMatchObject({ status: 202, accepted: [{ id: idOf('TITAN') }] });
    const kept = { rank: 7, referencePriceMinor: 3564_80, stopLossMinor: 3400_00, targetMinor: 3900_50 };
    expect(await stored()).toEqual([{ ...buy('TITAN', 7, 3564_80, kept), id: idOf('TITAN') }]);
  });

  test('of the usual nested template is read, its stop and target as well', async () => {
    const alert = { ...nested, strategy: { ...nested.strategy, stop_loss: 3100, name: 'pullback' }, tp: 3400 };
    const id = idOf('M&M', undefined, 'pullback');
    expect(await answerTo(alert)).toMatchObject({ status: 202, accepted: [{ id }] });
    expect(await stored()).toMatchObject([
      { symbol: 'M&M', referencePriceMinor: 3201_50, stopLossMinor: 3100_00, targetMinor: 3400_00 },
    ]);
  });

  test.each<[string, object, string, unknown]>([
    ['no symbol', { ticker: undefined }, 'ticker', expect.stringContaining('{{ticker}}')],
    ['no price', { price: '' }, 'price', expect.stringContaining('{{close}}')],
    ['a price that is none', { price: 'NaN' }, 'price', expect.stringContaining('above 0')],
    ['a side nobody knows', { action: 'exit' }, 'action', 'must be BUY or SELL'],
    ['another exchange', { exchange: 'LSE' }, 'exchange', expect.stringContaining('only shares at the NSE')],
    ['a crypto exchange', { exchange: 'binance' }, 'exchange', expect.stringContaining('only shares at the NSE')],
    ['the other Indian exchange', { exchange: 'BSE' }, 'exchange', expect.stringContaining('give NSE')],
    ['delayed prices', { exchange: 'NSE_DLY' }, 'exchange', expect.stringContaining('15 minutes ago')],
    ['another exchange in the symbol', { ticker: 'MCX:GOLD' }, 'ticker', expect.stringContaining('MCX is not traded')],
    ['a stop above the price', { sl: 3600 }, 'sl', 'must be below the reference price for a BUY'],
    ['two stops', { sl: 3400, stop_loss: 3300 }, 'sl', 'differs from stop_loss: give one of them'],
    ['a stop under another name', { trailing_stop: 3 }, 'trailing_stop', expect.stringContaining('stop_loss')],
    ['a second target', { tp2: 4000 }, 'tp2', expect.stringContaining('target')],
    ['a rank that is none', { rank: 'high' }, 'rank', 'must be a whole number'],
  ])('with %s is refused, and the field is named', async (_what, change, field, reason) => {
    expect(await answerTo({ ...flat, ...change })).toMatchObject({
      status: 422,
      rejected: [{ index: 0, field, reason }],
    });
    expect(await stored()).toEqual([]);
    expect(await received()).toHaveLength(1);
  });

  test('that lacks something in its strategy names what to write', async () => {
    const { order_action: _, ...strategy } = nested.strategy;
    expect(await answerTo({ ...nested, strategy })).toMatchObject({
      status: 422,
      rejected: [{ field: 'action', reason: expect.stringContaining('{{strategy.order.action}}') }],
    });
  });

  test('that buys back what was sold short opens nothing', async () => {
    const strategy = { ...nested.strategy, market_position: 'flat' };
    expect(await answerTo({ ...nested, strategy })).toMatchObject({
      status: 422,
      rejected: [{ field: 'strategy.market_position', reason: expect.stringContaining('short'), value: 'flat' }],
    });
  });

  test('that is plain text is refused with how to write it', async () => {
    expect(await answerTo('TITAN Crossing 3564.80')).toMatchObject({
      status: 422,
      code: 'no_signals',
      detail: expect.stringContaining('"ticker": "{{ticker}}"'),
    });
  });
});

describe('a ChartInk alert', () => {
  const alert = {
    stocks: 'TITAN,M&M,BAJAJ-AUTO',
    trigger_prices: '3564.8,3200,8700.05',
    triggered_at: '9:18 am',
    scan_name: 'Short term breakouts',
    scan_url: 'short-term-breakouts',
    alert_name: 'Alert for Short term breakouts',
  };
  const scan = (symbol: string) => idOf(symbol, undefined, alert.scan_name);

  async function keyOf(change: object = {}): Promise<string> {
    const by = tester;
    await open().store.call('set_signal_source', { name: 'chartink', strategies: null, ...change, by, nowMs: 0 });
    const { key, hash, hint } = newApiKey();
    const made = { role: 'signals', userId: null, source: 'chartink', label: '', by, nowMs: 0 } as const;
    await open().store.call('create_api_key', { hash, hint, ...made });
    return key;
  }

  async function send(address: string, body: unknown, at = open()) {
    const answer = await at.ask(null, 'POST', `/api/signals/${address}`, body);
    return { ...((await answer.json()) as Record<string, unknown>), status: answer.status };
  }

  test('comes to the secret address of its source: a signal for each share, of the scan', async () => {
    const key = await keyOf();
    expect(await send(key, { ...alert, webhook_url: `https://here/api/signals/${key}` })).toMatchObject({
      status: 202,
      accepted: ['TITAN', 'M&M', 'BAJAJ-AUTO'].map((symbol, index) => ({ index, id: scan(symbol) })),
    });
    expect((await stored()).map(({ symbol, referencePriceMinor }) => [symbol, referencePriceMinor])).toEqual([
      ['BAJAJ-AUTO', 8700_05],
      ['M&M', 3200_00],
      ['TITAN', 3564_80],
    ]);
    const [first] = await received();
    expect(first).toMatchObject({ source: 'http:source:chartink', payload: expect.stringContaining('9:18 am') });
    expect(JSON.stringify(await received())).not.toContain(key);
    expect(await send(key, alert)).toMatchObject({ status: 202, accepted: [], duplicates: [{}, {}, {}] });
  });

  test('may come as a form, and is turned away without the secret', async () => {
    const key = await keyOf();
    const body = new URLSearchParams(alert);
    const post = (secret: string) => {
      const address = `http://here/api/signals/${secret}`;
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      return open().app.fetch(new Request(address, { method: 'POST', headers, body: body.toString() }));
    };
    expect((await post(key)).status).toBe(202);
    expect((await post(`${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`)).status).toBe(401);
    expect((await open().ask(null, 'POST', '/api/signals', alert)).status).toBe(401);
  });

  test('is held to the strategies and the number of its source; one strategy is whose it is', async () => {
    const two = await keyOf({ strategies: ['Short term breakouts', 'other'], perDay: 2 });
    expect(await send(two, alert)).toMatchObject({
      accepted: [{}, {}],
      rejected: [{ index: 2, reason: 'daily_limit' }],
    });
    const one = await keyOf({ strategies: ['breakout-20d'], perDay: 100 });
    expect(await send(one, alert)).toMatchObject({ accepted: [{ id: idOf('TITAN') }, {}, {}] });
    expect(await send(`${one}?strategy=mean`, alert)).toMatchObject({
      status: 422,
      rejected: [{ reason: 'strategy_not_allowed' }, {}, {}],
    });
  });

  test('sells where the address says so', async () => {
    expect(
      await send(`${await keyOf()}?side=sell`, { ...alert, stocks: 'TITAN', trigger_prices: '3500' }),
    ).toMatchObject({
      accepted: [{ id: scan('TITAN').replace('BUY', 'SELL') }],
    });
  });

  test.each<[object, string, unknown]>([
    [{ stocks: '' }, 'stocks', expect.stringContaining('names no share')],
    [{ trigger_prices: '1,2' }, 'trigger_prices', 'has 2 prices for 3 shares: one each is needed'],
    [{ triggered_at: 'soon' }, 'triggered_at', expect.stringContaining('2:34 pm')],
    [{ triggered_at: '13:10 pm' }, 'triggered_at', expect.stringContaining('2:34 pm')],
    [{ triggered_at: '2:34 pm' }, 'triggered_at', expect.stringContaining('another day')],
    [{ trigger_prices: '0,1,1' }, 'trigger_prices', expect.stringContaining('above 0')],
    [{ scan_name: 'a:b' }, 'scan_name', expect.stringContaining('without : and |')],
    [{ stocks: 'A_B,C,D' }, 'stocks', expect.stringContaining('A&B or A-B')],
  ])('with %j is refused for its %s', async (change, field, reason) => {
    const answer: Record<string, unknown> = await send(await keyOf(), { ...alert, ...change });
    expect(answer['rejected']).toContainEqual(expect.objectContaining({ field, reason }));
  });

  test('of an hour past the cut-off is for the next trading day', async () => {
    const key = await keyOf();
    const at = await service({ time: '15:00' });
    expect(await send(key, { ...alert, triggered_at: '2:59 PM' }, at)).toMatchObject({
      accepted: [{ id: idOf('TITAN', '2025-08-29', alert.scan_name) }, {}, {}],
    });
  });
});
