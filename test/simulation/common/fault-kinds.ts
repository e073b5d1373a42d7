// The faults a simulation injected, sorted into kinds and counted, for `npm run simulate`.
/** What a schedule may meet, by what it is about; the first kind whose pattern fits is a fault's. */
const kinds: readonly [kind: string, of: RegExp][] = [
  ['rows held by a stranger', /^lock_/],
  ['moods of the database', /^(unlisted|statement_limit|deadlock|silent_(before|after)$)/],
  ['rows the database refuses', /^refused_row/],
  ['odd words and values', /^odd_/],
  ['processes killed or standing still', /^(crash|freeze|killed|wrong_clock|(submit|lookup|send) crash)/],
  [
    'calls and answers lost, late or twice',
    /^((submit|lookup|send) )?(lost|delayed|repeated|runs_after|settled_twice)/,
  ],
  ['people', /^(halt$|setting |absurd_)/],
  ['facts told late, wrong or again', /^(late_fill|fill_nobody|wrong_fill|told_in|closed_)/],
  ['accounts changed beside us', /^outside_/],
  ['venues', /./],
];

export interface FaultKind {
  kind: string;
  count: number;
  /** `odd_text 12`, in alphabetical order. */
  faults: string[];
}

/** The faults among the counts of schedules (`fault NAME`), by kind; kinds nothing was injected of are there with 0. */
export function kindsOfFaults(totals: ReadonlyMap<string, number>): FaultKind[] {
  const injected = [...totals].flatMap(([what, count]) => {
    return what.startsWith('fault ') ? [{ name: what.slice('fault '.length), count }] : [];
  });
  const kindOf = (name: string) => kinds.find(([, of]) => of.test(name))?.[0];
  return kinds.map(([kind]) => {
    const ofKind = injected.filter(({ name }) => kindOf(name) === kind);
    return {
      kind,
      count: ofKind.reduce((sum, { count }) => sum + count, 0),
      faults: ofKind.map(({ name, count }) => `${name} ${count}`).sort(),
    };
  });
}
