import fc from 'fast-check';

// What comes from outside when somebody means harm, or nobody means anything: generators of odd text, numbers and JSON.

const prototypeNames = [
  ...['constructor', '__proto__', 'prototype', 'valueOf', 'toString', 'hasOwnProperty', 'then', 'length', 'toJSON'],
];

/** Text no database, index, terminal or slice likes. */
const nasty: readonly string[] = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud83d',
    'x\ude00y',
    '\udc00\ud800',
    '\ufeff',
    '\ufffd',
    '\u202eevil',
    '\u200b\u200d',
    '\r\n\t',
  ],
  ...[`${'a'.repeat(199)}😀`, `${'क्षि'.repeat(60)}`, `e${'\u0301'.repeat(300)}`, '👨‍👩‍👧‍👦'.repeat(30), '\u001b[31m'],
  ...[
    'A'.repeat(3_000),
    '9'.repeat(400),
    '0x10',
    '1e3',
    '-0',
    '٣',
    '１２',
    'NaN',
    'Infinity',
    '9007199254740993',
    '1e400',
  ],
  ...["'; drop table orders; --", '{{1}}', '%00', '%ff', '../../etc', '\\u0000', '"', '\\', 'null', '[object Object]'],
  ...['2025-02-30', '0000-00-00 00:00:00', '9999-12-31T23:59:59Z', '275760-09-13 00:00:00', 'a,b\n"c'],
  ...prototypeNames,
];

export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 30 }),
  // Any UTF-16 units: halves of pairs among them.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
);

/** Numbers as JSON may write them, whatever becomes of them. */
const numbers: readonly string[] = [
  ...['0', '-0', '-1', '1.5', '0.001', '0.005', '1e-320', '1e-7', '2147483648', '9007199254740991', '9007199254740993'],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '1e15',
    '1e21',
    '1e308',
    '1e400',
    '-1e400',
    '99999999999999999999999',
  ],
  ...['0.1', '3564.800000000001', '99725.05000000002', '4503599627370497.5'],
];

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const deepObject = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** One value as JSON text: text, a number, a word, a list, a depth; or no JSON at all. */
const oddValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: oddText.map((text) => JSON.stringify(text)) },
  { weight: 5, arbitrary: fc.constantFrom(...numbers) },
  { weight: 3, arbitrary: fc.constantFrom('null', 'true', 'false', '[]', '{}', '[null]', '[[]]', '{"a":{"b":[]}}') },
  { weight: 1, arbitrary: fc.constantFrom(10, 70, 2_000).map(deep) },
  { weight: 1, arbitrary: fc.constantFrom(10, 70, 2_000).map(deepObject) },
  { weight: 1, arbitrary: fc.constantFrom('undefined', 'NaN', "'x'", '01', '"\\ud8', '"\\x00"', '{"a":1,}', '') },
);

const oddField = fc.record({
  /** Which field of the object it is about, in turn; more than there are: a new one. */
  at: fc.nat({ max: 40 }),
  how: fc.constantFrom('replaced', 'replaced', 'replaced', 'twice', 'left out', 'added'),
  name: fc.oneof(fc.constantFrom(...prototypeNames), oddText),
  value: oddValue,
});
type OddField = typeof oddField extends fc.Arbitrary<infer Field> ? Field : never;

/** A good value with one to three things wrong with it, as JSON text: keys may come twice, and it may be no JSON. */
export function mutated(good: unknown): fc.Arbitrary<string> {
  const paths = pathsOf(good);
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.array(oddField, { minLength: 1, maxLength: 3 }).map((odd) => written(good, paths, odd)),
    },
    { weight: 1, arbitrary: oddValue },
  );
}

/** Every place of a value where something may be odd, as `.a.0.b`; the value itself is ''. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, of]) => pathsOf(of, `${path}.${name}`))];
}

function written(good: unknown, paths: string[], odd: OddField[]): string {
  const chosen = new Map(odd.map((one) => [paths[1 + (one.at % Math.max(1, paths.length - 1))] ?? '', one]));
  const write = (value: unknown, path: string): string => {
    const one = chosen.get(path);
    if (one?.how === 'replaced') return one.value;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
    const parts = Object.entries(value).map(([name, of]) => ({
      name,
      text: write(of, `${path}.${name}`),
      path: `${path}.${name}`,
    }));
    if (Array.isArray(value)) return `[${parts.map(({ text }) => text).join(',')}]`;
    return `{${parts.flatMap((part) => fieldOf(part, chosen.get(part.path))).join(',')}}`;
  };
  return write(good, '');
}

function fieldOf({ name, text }: { name: string; text: string }, odd: OddField | undefined): string[] {
  const field = `${JSON.stringify(name)}:${text}`;
  if (odd?.how === 'left out') return [];
  if (odd?.how === 'twice') return [field, `${JSON.stringify(name)}:${odd.value}`];
  if (odd?.how === 'added') return [field, `${JSON.stringify(odd.name)}:${odd.value}`];
  return [field];
}

/** The bytes of a text, some of them no UTF-8. */
export function oddBytes(text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const wrong = fc.option(
    fc.record({
      at: fc.nat({ max: 2_000 }),
      bytes: fc.constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90]),
    }),
    { freq: 3 },
  );
  return fc.tuple(text, wrong).map(([good, odd]) => {
    const bytes = Buffer.from(good, 'utf8');
    if (odd === null) return bytes;
    const at = Math.min(odd.at, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(odd.bytes), bytes.subarray(at)]);
  });
}
