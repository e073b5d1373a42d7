/** What goes wrong in an operator's life. */
const kinds = [
  'own_condition',
  'products',
  'open_over_night',
  'abandoned_plans',
  'absurd_numbers',
  'leaving',
  'oversold',
  'wrong_fills',
  'caps',
  'clocks',
  'pauses',
  'moved',
  'deposits',
  'model',
] as const;

export type Kind = (typeof kinds)[number];

/** Kinds the weeks leave out, because the product does not meet them yet. */
const leftOut: ReadonlySet<Kind> = new Set<Kind>(
  kinds.filter(
    (kind) =>
      ![
        'products',
        'model',
        'pauses',
        'moved',
        'deposits',
        'abandoned_plans',
        'own_condition',
        'leaving',
        'caps',
      ].includes(kind),
  ),
);

export function isOn(kind: Kind): boolean {
  return !leftOut.has(kind);
}
