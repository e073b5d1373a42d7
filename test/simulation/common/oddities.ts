// Odd texts and numbers a venue may answer with.
import type { VenueFill, VenueReport } from '../../../src/ports/venue.ts';
import type { Chance } from './chance.ts';

/** Characters that end up in brokers' answers: what Postgres refuses, what our own cutting may split, what hides. */
const oddPieces = [
  '\0',
  '\ud83d',
  '\ude00',
  `${'x'.repeat(199)}😀`,
  '😀'.repeat(150),
  '\u202edrawkcab',
  '__proto__',
  `'); drop table orders; --`,
  '\\u0000',
  'x'.repeat(70_000),
];
/** As above, where a text is an id and has a length an id may have. */
const oddIdPieces = ['\0', '\ud83d', '\ude00', '\u202e', '\\u0000', `'`, '__proto__'];

/** Quantities, prices and times that no order has. */
const oddFills: readonly Partial<VenueFill>[] = [
  { quantity: -1 },
  { quantity: 0 },
  { quantity: 2 ** 53 + 2 },
  { quantity: 0.5 },
  { priceMinor: -100 },
  { priceMinor: 2 ** 53 + 2 },
  { priceMinor: 2 ** 63 },
  { atMs: 8.64e18 },
];

export interface Oddities {
  /** The words, now and then with something odd in them. */
  words(text: string): string;
  /** The same for an id: what is odd in it stays, as the rest of it does. */
  id(text: string): string;
  /** Whether an order's values are to be odd: in the answer to its request only, or whenever it is told of. */
  values(): 'once' | 'always' | null;
  /** The report, with a fill that nobody can book. */
  spoiled(report: VenueReport): VenueReport;
}

export interface OddShares {
  oddTextShare: number;
  oddValueShare: number;
}

export function odditiesOf({ oddTextShare, oddValueShare }: OddShares, chance: Chance, injected: (f: string) => void) {
  const odd = (text: string, pieces: readonly string[]): string => {
    if (!chance.happens(oddTextShare)) return text;
    injected('odd_text');
    return `${text}${chance.pick(pieces)}`;
  };
  return {
    words: (text) => odd(text, oddPieces),
    id: (text) => odd(text, oddIdPieces),
    values() {
      if (!chance.happens(oddValueShare)) return null;
      injected('odd_value');
      return chance.pick(['once', 'always'] as const);
    },
    spoiled(report) {
      const fill = { venueFillId: `odd-${report.venueOrderId}`, quantity: 1, priceMinor: 100_00, atMs: 0 };
      return { ...report, fills: [...report.fills, { ...fill, ...chance.pick(oddFills) }] };
    },
  } satisfies Oddities;
}
