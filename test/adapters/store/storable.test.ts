import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storable } from '../../../src/adapters/store/storable.ts';

/** Whether Postgres would refuse the text of it: an escape of U+0000 or of half a surrogate pair. */
const isRefused = (json: string) => /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(json);

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\0', '\ud83d', 'a\ude00', '\\u0000', '😀'));
const anyArguments = fc.object({ key: fc.oneof(anyText, fc.constant('__proto__')), values: [anyText, fc.integer()] });

test('whatever the arguments are, a database takes them, and all that was clean is there', () => {
  fc.assert(
    fc.property(anyArguments, (args) => {
      const json = JSON.stringify(storable(args));
      expect(isRefused(json)).toBe(false);
      if (!isRefused(JSON.stringify(args))) expect(json).toBe(JSON.stringify(args));
    }),
  );
});

test('what is clean is not copied', () => {
  fc.assert(
    fc.property(
      fc.object({ key: fc.string({ unit: 'grapheme' }), values: [fc.string({ unit: 'grapheme' })] }),
      (args) => {
        if (!isRefused(JSON.stringify(args))) expect(storable(args)).toBe(args);
      },
    ),
  );
});

test('a field named __proto__ stays a field', () => {
  const clean = storable(JSON.parse('{"__proto__":{"a":"\\u0000"},"b":[{"c":"\\ud800"}]}'));
  expect(JSON.stringify(clean)).toBe('{"__proto__":{"a":"\ufffd"},"b":[{"c":"\ufffd"}]}');
});
