import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { untrustedText } from '../../../src/domain/text/secrets.ts';

const hidden = '[hidden]';

describe("others' words", () => {
  test.each([
    ['an API key of ours', 'no ds_Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5', 'no [hidden]'],
    ['an access token', 'Invalid access_token 9aBcDeFgHiJk1234 given', 'Invalid access_token [hidden] given'],
    ['a key id', 'key PKABCDEFGHIJ12345678 is not valid', 'key [hidden] is not valid'],
    ['a bearer value', 'Authorization: Bearer s3cret.va/lue=', 'Authorization: Bearer [hidden]'],
    ['a password', 'login failed: password=hunter2', 'login failed: password=[hidden]'],
    ['a phone number', 'call +91 98123 45678', 'call [hidden]'],
    ['a phone number without its country', 'call 9812345678', 'call [hidden]'],
    ['a phone number in two groups', 'call 98123 45678', 'call [hidden]'],
    ['a number of an account', 'account 1208160012345678 is frozen', 'account [hidden] is frozen'],
    ['an Aadhaar number', 'KYC of 1234 5678 9012 is missing', 'KYC of [hidden] is missing'],
    ['a PAN', 'PAN ABCDE1234F is not linked', 'PAN [hidden] is not linked'],
    ['a mail address', 'written to asha.rao@example.co.in', 'written to [hidden]'],
  ])('hide %s', (_what, original, kept) => {
    expect(untrustedText(original)).toBe(kept);
  });

  test.each([
    'Insufficient funds. Required margin is 95417.84 but available margin is 74251.80.',
    'Needs 12,34,56,789.00, has 1234567890.55: RMS_RULE_12_MARGIN_SHORTFALL at 15:29:59',
    'Order price 3564.80 is outside the circuit 3208.35 – 3921.25 of NSE:BAJAJ-AUTO (INE917I01010)',
    'http_422: client_order_id must be unique',
    'unreadable_answer: no usable orderStatus, exchangeSegment among orderID, tag',
    'आपके खाते में पर्याप्त राशि नहीं है',
  ])('keep what nobody minds: %s', (original) => {
    expect(untrustedText(original)).toBe(original);
  });

  test('are one line without what would move a terminal, and end between letters', () => {
    expect(untrustedText('\u202e no\r\n\u001b[31m\0 way\t!')).toBe('no [31m way !');
    expect(untrustedText(`${'a'.repeat(199)}😀`)).toBe(`${'a'.repeat(199)}…`);
  });

  test('a secret that would be cut in half is hidden first', () => {
    const original = `${'x'.repeat(190)} token=abcdefghijklmnop`;
    expect(untrustedText(original)).not.toContain('abc');
  });

  test('are short and well-formed, whatever was said', () => {
    const pieces = fc.constantFrom(
      'token=',
      'Bearer ',
      '98123',
      '45678',
      'ab12',
      ' ',
      '.',
      '😀',
      '\ud800',
      '\0',
      '"',
      '\\',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(pieces).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const output = untrustedText(text);
        expect(output.length).toBeLessThanOrEqual(200);
        expect(output.isWellFormed()).toBe(true);
        expect(output).not.toContain('\0');
      }),
    );
  });

  test.each([
    ['letters', 'a'.repeat(2_000_000)],
    ['digits', '1'.repeat(2_000_000)],
    ['quotes', '"token":"'.repeat(200_000)],
    ['underscores', 'a1_'.repeat(700_000)],
    ['dots', 'a@b.'.repeat(500_000)],
    ['pluses', '+1 '.repeat(700_000)],
    ['backslashes', 'token=\\"\\"'.repeat(200_000)],
  ])('cost no more than what is read of them: two megabytes of %s', (_what, text) => {
    expect(untrustedText(text).length).toBeLessThanOrEqual(200);
  });

  test('say where something was taken out', () => {
    expect(untrustedText('token=abc')).toContain(hidden);
  });
});
