import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs } from '../../support/builders.ts';

let alpaca: AlpacaExchange;
beforeEach(async () => {
  alpaca = await openAlpacaExchange(jumpingClock(nowMs));
});
afterEach(() => alpaca.close());

/** As Alpaca's documentation shows one. */
const asset = (symbol: unknown, change: object = {}) => ({
  ...{ id: 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415', class: 'us_equity', exchange: 'NASDAQ', symbol },
  ...{ name: 'Apple Inc. Common Stock', status: 'active', tradable: true, marginable: true },
  ...{ shortable: true, easy_to_borrow: true, fractionable: true, maintenance_margin_requirement: 30 },
  ...{ attributes: ['has_options'], ...change },
});
const listOf = (...assets: unknown[]) => {
  alpaca.pages['GET /v2/assets'] = assets;
  return alpaca.venue.accountApi?.instruments?.(account);
};
const share = (symbol: string, restricted: string | null = null) => {
  return { exchange: 'US', symbol, name: 'Apple Inc. Common Stock', tickMinor: 1, lotSize: 1, restricted };
};

test('active US shares are instruments, and one that is not traded says so', async () => {
  const read = await listOf(
    asset('AAPL'),
    asset('BRK.B', { name: '' }),
    asset('CGRNQ', { exchange: 'OTC', tradable: false }),
    asset('OLD', { status: 'inactive' }),
    asset('BTC/USD', { class: 'crypto' }),
  );
  const rows = [share('AAPL'), { ...share('BRK.B'), name: 'BRK.B' }, share('CGRNQ', 'Alpaca does not trade it')];
  expect(read).toEqual({ kind: 'read', value: { rows, odd: [] } });
  expect(alpaca.requests.at(-1)?.path).toBe('/v2/assets?status=active&asset_class=us_equity');
});

test('of two with one symbol it is the traded one, whichever comes first', async () => {
  const [traded, not] = [asset('AAPL'), asset('AAPL', { tradable: false })];
  for (const both of [
    [traded, not],
    [not, traded],
  ]) {
    expect(await listOf(...both)).toMatchObject({ value: { rows: [{ symbol: 'AAPL', restricted: null }] } });
  }
});

test('a row nobody can read hides no other, and is named', async () => {
  const read = await listOf(
    asset('AAPL'),
    asset('lower case'),
    asset('X'.repeat(200)),
    asset('NOFLAG', { tradable: 'yes' }),
    7,
  );
  expect(read).toMatchObject({ kind: 'read', value: { rows: [{ symbol: 'AAPL' }] } });
  const odd = read?.kind === 'read' ? read.value.odd : [];
  expect(odd.map(({ listing, why }) => [listing?.symbol.slice(0, 10) ?? null, why])).toEqual([
    ['XXXXXXXXXX', 'symbol: too_big'],
    ['NOFLAG', 'tradable: invalid_type'],
    [null, 'row: invalid_type'],
    ['lower case', 'symbol: not one of ours'],
  ]);
});

test('an empty list is no list: it would restrict everything', async () => {
  expect(await listOf()).toEqual({ kind: 'unreadable', reason: 'no_assets' });
  expect(await listOf(asset('BTC/USD', { class: 'crypto' }))).toEqual({ kind: 'unreadable', reason: 'no_assets' });
  alpaca.answerNext(200, '{}');
  expect(await alpaca.venue.accountApi?.instruments?.(account)).toMatchObject({ kind: 'unreadable' });
});
