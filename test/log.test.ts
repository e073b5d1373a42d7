import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scrubbed } from '../src/domain/text/secrets.ts';
import { makeLog } from '../src/log.ts';
import { type AnyEvent, anEvent } from './support/any-event.ts';

let folder = '';
let emit: (event: AnyEvent) => void = () => undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  const log = makeLog('trace', openSync(join(folder, 'log'), 'w'));
  emit = (event) => log(anEvent(event));
});
afterEach(() => rmSync(folder, { recursive: true }));
const logged = () => readFileSync(join(folder, 'log'), 'utf8');

/** What must never come out, each in the shape it has when it leaks. */
const secrets: Record<string, { shown: string; inside: string }> = {
  'an API key': {
    shown: 'key ds_Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5 is unknown',
    inside: 'Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5',
  },
  'a Supabase key': { shown: 'sent apikey sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz', inside: 'N7UND0UgjKTVK' },
  'a JWT': { shown: 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhc2hhIn0.c2lnbmF0dXJl', inside: 'eyJzdWIiOiJhc2hhIn0' },
  'a bearer header': { shown: 'Authorization: Bearer cron-5ecret+of/the=day', inside: 'cron-5ecret' },
  'a basic header': { shown: 'authorization: basic QUMxMjM6dG9rZW4=', inside: 'QUMxMjM6dG9rZW4' },
  'a Kite header': { shown: 'Authorization: token abcd1234:acce55toktok', inside: 'acce55toktok' },
  'a phone number': { shown: 'To whatsapp:+919812345678 failed', inside: '9812345678' },
  'a phone number in groups': { shown: 'call +91 98123 45678 now', inside: '98123 45678' },
  'a phone number in an address': { shown: 'GET /m?To=whatsapp%3A%2B919812345678', inside: '9812345678' },
  'a database password': {
    shown: 'connect postgres://scan:p4ss/w0rd@x@db.example.com:5432/scan refused',
    inside: 'w0rd',
  },
  'a password in a setting': { shown: 'host=db password=hunter2hunter2 user=scan', inside: 'hunter2hunter2' },
  'a token in quoted JSON': { shown: '{"access_token":"t0ps3cr3tt0k3n","x":1}', inside: 't0ps3cr3tt0k3n' },
  'a token in an address': { shown: 'https://x.test/cb?request_token=abcdefgh12345&ok=1', inside: 'abcdefgh12345' },
};

class Odd extends Error {
  readonly code = 'ODD';
  readonly config: object;
  constructor(message: string, headers: object) {
    super(message);
    this.config = { headers };
  }
}

const ways: Record<string, (shown: string) => void> = {
  'a fact': (shown) => emit({ type: 'x', answer: shown }),
  'a nested fact': (shown) => emit({ type: 'x', a: { b: [{ c: { d: shown } }] } }),
  'the name of a field': (shown) => emit({ type: 'x', a: { [shown]: 1 } }),
  'the event itself': (shown) => emit({ type: shown, alert: true }),
  'the message of an error': (shown) => emit({ type: 'x', error: new Error(shown) }),
  'the cause of a cause': (shown) => {
    const cause = new TypeError('lost', { cause: new Error(shown) });
    emit({ type: 'x', alert: true, error: new Error('failed', { cause }) });
  },
  'one of many errors': (shown) => emit({ type: 'x', error: new AggregateError([new Error(shown)], 'all failed') }),
  'a member of an error': (shown) => emit({ type: 'x', error: new Odd('failed', { Authorization: shown }) }),
  'a thrown string': (shown) => emit({ type: 'x', error: shown }),
  'a fact that is text in text': (shown) => emit({ type: 'x', body: JSON.stringify({ body: JSON.stringify(shown) }) }),
};

describe.each(Object.entries(ways))('%s does not show', (_way, log) => {
  test.each(Object.entries(secrets))('%s', (_name, { shown, inside }) => {
    expect(shown).toContain(inside);
    log(shown);
    expect(logged()).not.toContain(inside);
    expect(
      logged()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toHaveLength(1);
  });
});

test.each(['whatsapp', 'text', 'token', 'authorization', 'password', 'secret'])(
  'a field named %s is hidden at any depth, whatever is in it',
  (key) => {
    const value = 'so "quoted" \\ and , on';
    emit({ type: 'x', [key]: value, a: { [key]: value, b: { c: { d: { [key]: value } } } }, list: [{ [key]: value }] });
    expect(logged()).not.toContain('quoted');
    emit({ type: 'x', [key]: { deep: 'quoted' } });
    expect(logged()).not.toContain('quoted');
  },
);

test('ids, times, figures and the message of an error are shown', () => {
  const facts = {
    runId: 'XNSE:2025-08-28:open:paper',
    clientOrderId: 'p0kq3v1zt7m2n5x8c4b6',
    orderId: 4_213_455_667,
    at: '2025-08-28T09:20:00.123+05:30',
    planHash: 'a'.repeat(64),
    ms: 12.5,
    claimId: '3f0e0c5e-5b52-4b3e-9a57-0d9a5b6f9b1c',
    outcome: 'not_sent',
    principal: 'key:ds_4fK2a',
    large: 1e21,
  };
  emit({
    type: 'order_settled',
    ...facts,
    error: new Error('the venue is closed', { cause: new Error('ECONNRESET') }),
  });
  const line = JSON.parse(logged());
  expect(line).toMatchObject({ msg: 'order_settled', ...facts });
  expect(line.error).toMatchObject({ message: 'the venue is closed', cause: { message: 'ECONNRESET' } });
  expect(line.error.stack).toContain('log.test.ts');
});

test('an alert is a warning, any other event is information', () => {
  emit({ type: 'late_fill', alert: true });
  emit({ type: 'scanned' });
  expect(
    logged()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).level),
  ).toEqual([40, 30]);
});

test('a line that is made to be slow is not: every pattern looks at each character a bounded number of times', () => {
  for (const piece of [
    'a://',
    'Bearer ',
    'token ',
    '+1 ',
    'eyJaaaaa',
    '"token":"\\',
    'password="\'\\',
    'secret_',
    '%2B1-',
  ]) {
    const text = piece.repeat(200_000 / piece.length);
    expect(scrubbed(text).length).toBeLessThan(2 * text.length + 100);
  }
});
