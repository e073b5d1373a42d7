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
  {
    weight: 3,
    arbitrary: fc.constantFrom('\0', 'a\0b', '\ud83d', 'x\ude00y', `${'a'.repeat(199)}😀`, 'A'.repeat(3_000)),
  },
  { weight: 3, arbitrary: fc.constantFrom(...prototypeNames) },
  { weight: 4, arbitrary: fc.constantFrom(...nasty) },
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
  { weight: 1, arbitrary: fc.constantFrom(10, 70, 2_000, 20_000).map(deep) },
  { weight: 1, arbitrary: fc.constantFrom(10, 70, 2_000).map(deepObject) },
  { weight: 1, arbitrary: fc.constantFrom('undefined', 'NaN', "'x'", '01', '"\\ud8', '"\\x00"', '{"a":1,}', '') },
);

type How = 'replaced' | 'twice' | 'left out' | 'added';
const how: fc.Arbitrary<How> = fc.oneof(
  { weight: 7, arbitrary: fc.constant('replaced' as const) },
  { weight: 2, arbitrary: fc.constantFrom('twice' as const, 'added' as const) },
  { weight: 1, arbitrary: fc.constant('left out' as const) },
);

/** One thing that is wrong with a good value: where, how, and what stands there then. */
interface Odd {
  path: string;
  how: How;
  name: string;
  value: string;
}

function oddAt(path: string, value: unknown): fc.Arbitrary<Odd> {
  const name = fc.oneof(fc.constantFrom(...prototypeNames), oddText);
  return fc.record({ path: fc.constant(path), how, name, value: oddInPlaceOf(value) });
}

/** Mostly of the same kind: another kind is refused by any reader, and goes no further. */
function oddInPlaceOf(value: unknown): fc.Arbitrary<string> {
  const text = oddText.map((odd) => JSON.stringify(odd));
  const number = fc.constantFrom(...numbers);
  const same =
    typeof value === 'number' ? number : /^[\d.]+$/.test(String(value)) ? number.map((odd) => `"${odd}"`) : text;
  return fc.oneof({ weight: 6, arbitrary: same }, { weight: 1, arbitrary: text }, { weight: 1, arbitrary: oddValue });
}

/** A good value with one or two things wrong with it, as JSON text: keys may come twice, and it may be no JSON. */
export function mutated(good: unknown): fc.Arbitrary<string> {
  const places = placesOf(good);
  const leaves = places.filter(({ value }) => typeof value !== 'object' || value === null);
  const of = (some: typeof places) => fc.oneof(...some.map(({ path, value }) => oddAt(path, value)));
  const one =
    leaves.length === 0
      ? of(places)
      : fc.oneof({ weight: 9, arbitrary: of(leaves) }, { weight: 1, arbitrary: of(places) });
  const some = fc.oneof(
    { weight: 3, arbitrary: one.map((odd) => [odd]) },
    { weight: 1, arbitrary: fc.tuple(one, one) },
  );
  return fc.oneof({ weight: 15, arbitrary: some.map((odd) => written(good, odd)) }, { weight: 1, arbitrary: oddValue });
}

/** Every place of a value, as `.a.0.b`; the value itself is ''. */
function placesOf(value: unknown, path = ''): { path: string; value: unknown }[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  return [{ path, value }, ...Object.entries(value).flatMap(([name, of]) => placesOf(of, `${path}.${name}`))];
}

function written(good: unknown, odd: Odd[]): string {
  const chosen = new Map(odd.map((one) => [one.path, one]));
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

function fieldOf({ name, text }: { name: string; text: string }, odd: Odd | undefined): string[] {
  const field = `${JSON.stringify(name)}:${text}`;
  if (odd?.how === 'left out') return [];
  if (odd?.how === 'twice') return [field, `${JSON.stringify(name)}:${odd.value}`];
  if (odd?.how === 'added') return [field, `${JSON.stringify(odd.name)}:${odd.value}`];
  return [field];
}

/** The bytes of a text, some of them no UTF-8. */
export function oddBytes(text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const bytes = fc.constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90]);
  const wrong = fc.oneof(
    { weight: 12, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat({ max: 300 }), bytes }) },
  );
  return fc.tuple(text, wrong).map(([good, odd]) => {
    const bytes = Buffer.from(good, 'utf8');
    if (odd === null) return bytes;
    const at = Math.min(odd.at, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(odd.bytes), bytes.subarray(at)]);
  });
}
