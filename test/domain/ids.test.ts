import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientOrderIdOf, planHashOf, planLine, queueHash, signalIdOf, userIdOf } from '../../src/domain/ids.ts';

describe('a user id', () => {
  test('is the name in lower case with dashes, however it was spaced or cased', () => {
    expect(userIdOf('Asha Rao')).toBe('asha-rao');
    expect(userIdOf('  ASHA \t rao\n')).toBe('asha-rao');
    expect(userIdOf('Ａｓｈａ Ｒａｏ')).toBe('asha-rao');
  });

  test('keeps letters, vowel signs and digits of any script', () => {
    expect(userIdOf('आशा राव')).toBe('आशा-राव');
    expect(userIdOf('José 2')).toBe(userIdOf('Jose\u0301 2'));
    expect(userIdOf('José 2')).toBe('josé-2');
  });

  test('of names that differ only in other characters differs by their hash', () => {
    const names = ['A Rao', 'A. Rao', 'A-Rao', 'A_Rao', 'A Rao.', '🙂', '🙃', '...', 'ज\u094d\u200dय', 'ज\u094dय'];
    const ids = names.map(userIdOf);
    expect(new Set(ids).size).toBe(names.length);
    expect(ids[1]).toMatch(/^a-rao-[0-9a-f]{6}$/);
    expect(ids[5]).toMatch(/^user-[0-9a-f]{6}$/);
  });

  test('is made of letters, digits and single dashes, and does not change with spacing or composition', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const id = userIdOf(name);
        expect(id).toMatch(/^[\p{L}\p{M}\p{N}]+(?:-[\p{L}\p{M}\p{N}]+)*$/u);
        expect(userIdOf(` ${name}  `)).toBe(id);
        expect(userIdOf(name.normalize('NFKC'))).toBe(id);
      }),
    );
  });
});

test('a signal id names exchange, date, strategy, symbol and side', () => {
  const titan = { exchange: 'NSE', tradeDate: '2025-08-28', strategy: 'breakout-20d', symbol: 'TITAN' };
  expect(signalIdOf({ ...titan, side: 'BUY' })).toBe('NSE:2025-08-28:breakout-20d:TITAN:BUY');
});

test('a client order id is the same 20 characters for the same parts and others for others', () => {
  // Fixed on purpose: an id that changed between versions would send an order twice.
  expect(clientOrderIdOf('paper', 'NSE:2025-08-28:breakout-20d:TITAN:BUY', 'asha-rao')).toBe('pmtrmgkv2sc2vgm73tic');
  const anyParts = fc.array(fc.string({ unit: 'grapheme-ascii' }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyParts, anyParts, (parts, others) => {
      expect(clientOrderIdOf(...parts)).toMatch(/^[0-9a-v]{20}$/);
      if (parts.join('|') !== others.join('|')) expect(clientOrderIdOf(...parts)).not.toBe(clientOrderIdOf(...others));
    }),
  );
});

test('a queue place is the hash of run and user that the database computes', () => {
  const expected = createHash('sha256').update('XNSE:2025-08-28:open:paper|आशा', 'utf8').digest('hex');
  expect(queueHash('XNSE:2025-08-28:open:paper', 'आशा')).toBe(expected);
});

describe('a plan hash', () => {
  test('has a line per decision with nothing where there is no reason or price', () => {
    const who = { signalId: 'NSE:2025-08-28:s:TITAN:BUY', userId: 'asha-rao' };
    expect(
      planLine({ ...who, outcome: 'accepted', reason: null, quantity: 28, priceMinor: 356480, holdMinor: 2010000 }),
    ).toBe('NSE:2025-08-28:s:TITAN:BUY|asha-rao|accepted||28|356480|2010000');
    expect(
      planLine({ ...who, outcome: 'denied', reason: 'price_unavailable', quantity: 0, priceMinor: null, holdMinor: 0 }),
    ).toBe('NSE:2025-08-28:s:TITAN:BUY|asha-rao|denied|price_unavailable|0||0');
  });

  test('is SHA-256 over the lines in byte order, whatever order they came in', () => {
    const lines = ['b', 'a', 'B', 'é', '', '\u{1f642}', '\uffee'];
    const inBytes = ['', 'B', 'a', 'b', 'é', '\uffee', '\u{1f642}'].join('\n');
    expect(planHashOf(lines)).toBe(createHash('sha256').update(inBytes).digest('hex'));
    expect(planHashOf([])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  test('sorts any lines as their UTF-8 bytes sort', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
        const sorted = lines.map((line) => Buffer.from(line)).sort(Buffer.compare);
        const expected = createHash('sha256').update(sorted.map(String).join('\n')).digest('hex');
        expect(planHashOf(lines)).toBe(expected);
      }),
    );
  });
});
