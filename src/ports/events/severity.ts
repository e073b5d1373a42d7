// How loud an event is: part of its type, so that who shows it can't forget.

/** A person has to see it, always: it is logged at every level and has its sentence. */
export type Alert<Facts> = { alert: true } & Facts;

/** A person has to see it in some cases: those say `alert`. */
export type MaybeAlert<Facts> = { alert?: true } & Facts;

/** What was thrown; the log writes it with its causes. */
export type Failure = { error: unknown };
