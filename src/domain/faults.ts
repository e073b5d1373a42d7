// The failures a paper venue can be told to play, for rehearsals and tests.
/** What a paper venue can be told to do wrong: the ways real venues fail. */
export const faultKinds = ['reject', 'delay', 'partial', 'timeout_before', 'timeout_after', 'garbage'] as const;

/** One failure to play. Without `user` it hits every user, without `symbol` every symbol. */
export interface Fault {
  /** The user's name or id. */
  user?: string;
  symbol?: string;
  fault: (typeof faultKinds)[number];
  /** What the venue says with a `reject`. */
  message?: string;
  /** How long a `delay` takes. */
  delayMs?: number;
  /** How much a `partial` fills. */
  quantity?: number;
}
