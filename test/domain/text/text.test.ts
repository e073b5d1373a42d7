import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, isStorable, storableText } from '../../../src/domain/text/text.ts';

/** Text of any UTF-16 units: lone surrogates and NUL among them. */
const anyUnits = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd800, 0xdc00, 0xd83d, 0xde00, 0x0301)))
  .map((units) => String.fromCharCode(...units));
const family = '👨‍👩‍👧‍👦';

describe('storable text', () => {
  test('any text becomes well-formed and free of U+0000, and what is so already stays as it is', () => {
    fc.assert(
      fc.property(anyUnits, (text) => {
        const stored = storableText(text);
        expect(isStorable(stored)).toBe(true);
        expect(stored).toHaveLength(text.length);
        if (isStorable(text)) expect(stored).toBe(text);
        expect(storableText(stored)).toBe(stored);
      }),
    );
  });

  test.each([
    ['half a pair', 'a\ud83db', 'a\ufffdb'],
    ['the other half', 'a\ude00b', 'a\ufffdb'],
    ['U+0000', 'a\0b', 'a\ufffdb'],
    ['a whole pair', 'a😀b', 'a😀b'],
  ])('%s', (_name, text, stored) => {
    expect(storableText(text)).toBe(stored);
  });
});

describe('cutting', () => {
  test('text is never cut inside a letter, is at most as long as asked for, and is well-formed', () => {
    fc.assert(
      fc.property(anyUnits, fc.integer({ min: 1, max: 40 }), (text, maxLength) => {
        const short = cut(text, maxLength);
        expect(short.length).toBeLessThanOrEqual(maxLength);
        expect(short.isWellFormed()).toBe(true);
        if (text.length <= maxLength) expect(short).toBe(text.toWellFormed());
      }),
    );
  });

  test.each([
    [`${'a'.repeat(199)}😀`, 200, `${'a'.repeat(199)}…`],
    [`${'a'.repeat(198)}😀`, 200, `${'a'.repeat(198)}😀`],
    [`ab${family}`, 10, 'ab…'],
    [`ab${family}`, 13, `ab${family}`],
    ['प्रीति शर्मा', 5, 'प्री…'],
    ['no room at all', 1, '…'],
  ])('%j at %i', (text, maxLength, short) => {
    expect(cut(text, maxLength)).toBe(short);
  });

  test('a letter with more marks than there is room for is cut between its marks', () => {
    expect(cut(`e${'\u0301'.repeat(500)}`, 10)).toBe(`e${'\u0301'.repeat(8)}…`);
  });

  test('another ending, and another measure, may be asked for', () => {
    expect(cut('abcdef', 4, '')).toBe('abcd');
    expect(cut('漢字漢字', 5, '…', (text) => [...text].reduce((sum, one) => sum + (one === '…' ? 1 : 2), 0))).toBe(
      '漢字…',
    );
  });

  test('what is beyond all it could show is not gone through', () => {
    let measured = 0;
    const text = 'x'.repeat(1_000_000);
    cut(text, 20, '…', (part) => {
      measured += part.length;
      return part.length;
    });
    expect(measured).toBeLessThan(1_000);
  });
});
