import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { signedState } from '../../src/http/callers/login-state.ts';
import type { Route, Who } from '../http/routes.ts';
import { signalsSecret } from '../http/support/service.ts';
import { accountSid, authToken, publicUrl } from '../notifiers/fixtures.ts';
import { tradeDate } from '../support/builders.ts';
import { mutated, oddBytes, oddText } from './odd-values.ts';

export const titan = { strategy: 'breakout-20d', symbol: 'TITAN', side: 'BUY', referencePrice: '3560.00' };
const full = { ...titan, tradeDate, rank: 3, exchange: 'NSE', stopLoss: 3500, target: '3700.5' };

/** A good body of a route, to be made odd; one that is not here is the route's own. */
const goodBodies: Readonly<Record<string, readonly unknown[]>> = {
  'POST /api/signals': [
    { signals: [full, titan] },
    { ticker: 'NSE:TITAN', action: 'buy', price: 3560, strategy: 'tv', time: 'now' },
  ],
  'POST /api/signals/:key': [
    { signals: [full, titan] },
    { ticker: 'NSE:TITAN', action: 'buy', price: 3560, strategy: 'tv', time: 'now' },
  ],
  'POST /api/trading/orders': [
    {
      symbol: 'TITAN',
      side: 'BUY',
      exchange: 'NSE',
      quantity: 3,
      orderType: 'LIMIT',
      limitPrice: '3560.00',
      userId: 'asha-rao',
    },
  ],
  'POST /api/webhooks/kite': [
    {
      order_id: '251128000012345',
      tag: '0123456789abcdefghij',
      order_timestamp: '2025-08-28 09:20:00',
      checksum: 'a'.repeat(64),
      status: 'COMPLETE',
    },
  ],
};

const callback = {
  MessageSid: `SM${'a'.repeat(32)}`,
  AccountSid: accountSid,
  MessageStatus: 'delivered',
  ErrorCode: '63024',
};
const inbound = {
  MessageSid: `SM${'b'.repeat(32)}`,
  AccountSid: accountSid,
  From: 'whatsapp:+919000000001',
  Body: 'STOP',
};

/** One request, as it is fed. */
export interface Fed {
  route: Route;
  who: Who;
  segment: string | null;
  query: [string, string][];
  headers: [string, string][];
  body: Uint8Array | null;
  form: { fields: [string, string][]; isCallback: boolean; query: [string, string][] };
}

const queryNames = [
  'limit',
  'cursor',
  'status',
  'symbol',
  'runId',
  'userId',
  'after',
  'state',
  'request_token',
  'client_id',
  'n',
  'a',
];
const headerNames = [
  'Idempotency-Key',
  'Last-Event-ID',
  'X-Signature',
  'Content-Type',
  'X-Forwarded-For',
  'Upgrade',
  'Cookie',
  'Accept',
];

/** What a header may hold: anything a client can put on the wire, bytes above ASCII included. */
const headerText = oddText.map((text) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\0\r\n]/g, '?'),
);
const pairs = (names: readonly string[], value: fc.Arbitrary<string>) =>
  fc.array(
    fc.tuple(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: oddText }), value),
    { maxLength: 3 },
  );

export function fedTo(route: Route): fc.Arbitrary<Fed> {
  const goods = goodBodies[route.route] ?? [route.body ?? {}];
  const texts = fc.oneof(...goods.map(mutated));
  const whos: Who[] = ['nobody', 'a wrong key', 'a wrong login', 'a user', 'an operator', 'the scheduler'];
  const letIn = whos.filter((who) => route.open.includes(who));
  const open = letIn.length === 0 ? whos : letIn;
  return fc.record({
    route: fc.constant(route),
    who: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...open) },
      { weight: 1, arbitrary: fc.constantFrom(...whos) },
    ),
    segment: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: oddText }),
    query: pairs(queryNames, oddText),
    headers: pairs(headerNames, headerText).map((all) => all.filter(([name]) => headerNames.includes(name))),
    body: route.route.startsWith('GET') ? fc.constant(null) : oddBytes(texts),
    form: fc.record({
      isCallback: fc.boolean(),
      query: pairs(['n', 'a'], fc.oneof(oddText, fc.constantFrom('1', '99999999999', '2147483648', '-1'))),
      fields: pairs([...Object.keys(callback), ...Object.keys(inbound), 'EventType', 'SmsSid'], oddText),
    }),
  });
}

/** What opens the addresses that no bearer token opens. */
export interface Secrets {
  loginKey: Buffer;
  sourceKey: string;
}

/** The request it makes. */
export function requestOf(
  one: Fed,
  token: string | undefined,
  { loginKey, sourceKey }: Secrets,
  nowMs: number,
): { url: string; init: RequestInit } {
  const [method = 'GET', pattern = '/'] = one.route.route.split(' ');
  const usual = one.route.byAddress ? pattern.replace(/:\w+/g, sourceKey) : (one.route.path ?? pattern);
  const filledPath = one.segment === null ? usual : pattern.replace(/:\w+/g, encoded(one.segment));
  const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${token}` });
  if (one.route.body !== undefined) headers.set('Idempotency-Key', `key-${one.headers.length}-${one.query.length}`);
  for (const [name, value] of one.headers) headers.set(name, value);
  const query = one.query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  if (pattern.endsWith('/login') && one.form.isCallback) {
    query.unshift(`state=${encoded(signedState(loginKey, { venue: 'kite', accountId: 1, untilMs: nowMs + 60_000 }))}`);
  }
  const path = pattern.endsWith('/login') && one.form.isCallback ? '/api/venues/kite/login' : filledPath;
  const url = `${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  if (pattern === '/api/webhooks/twilio') return twilioCall(one);
  const { body } = one;
  if (pattern === '/api/signals' && one.form.isCallback && body !== null) {
    headers.delete('Authorization');
    headers.set('X-Signature', `sha256=${createHmac('sha256', signalsSecret).update(body).digest('hex')}`);
  }
  const bytes = body === null ? {} : { body: Buffer.from(body) };
  return { url, init: { method, headers, ...bytes } };
}

/** Signed as Twilio signs, so that what is odd in it is read. */
function twilioCall({ form }: Fed): { url: string; init: RequestInit } {
  const fields = [
    ...Object.entries(form.isCallback ? callback : inbound),
    ...form.fields.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()] as const),
  ];
  const byName = Map.groupBy(fields, ([name]) => name);
  const query = form.isCallback
    ? `?${[...form.query, ['n', '1'], ['a', '1']].map(([name = '', value = '']) => `${encoded(name)}=${encoded(value)}`).join('&')}`
    : '';
  const url = `/api/webhooks/twilio${query}`;
  const data = [...byName.keys()].toSorted().reduce((text, name) => {
    const values = [...new Set(byName.get(name)?.map(([, value]) => value))].toSorted();
    return text + values.map((value) => name + value).join('');
  }, `${publicUrl}${url}`);
  const signature = createHmac('sha1', authToken).update(data, 'utf8').digest('base64');
  const headers = { 'X-Twilio-Signature': signature, 'Content-Type': 'application/x-www-form-urlencoded' };
  return {
    url,
    init: {
      method: 'POST',
      headers,
      body: new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString(),
    },
  };
}

/** As it may stand in an address, halves of pairs and all: those as the bytes that are no UTF-8. */
function encoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : `%ed%a0%80${encodeURIComponent(text.toWellFormed())}`;
}
