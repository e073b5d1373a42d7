// The typed store: calls the database’s functions, checks their answers, and waits out short outages.
import pRetry from 'p-retry';
import { type Database, DatabaseError, type DatabaseErrorKind } from '../../ports/database.ts';
import type { Arguments } from '../../ports/store/store.ts';
import {
  type Answer,
  type CallOptions,
  encoded,
  limitMsOf,
  type Store,
  type StoreFunction,
  storeFunctions,
} from '../../ports/store/store.ts';
import { storable } from './storable.ts';

/** A database that is gone for ten seconds is waited for: pauses of 0.2 s, 0.4 s … 4 s, jittered, about 15 s in all. */
const RETRY_OPTIONS = { retries: 7, minTimeout: 200, factor: 2, maxTimeout: 4_000, randomize: true };
/** Once is enough for calls that wait together. */
const NOTICE_INTERVAL_MS = 10_000;

export interface StoreOptions {
  /** Called, with a sentence, when the database is waited for and why; not for each call and try. */
  onWaiting?: (text: string) => void;
  /** The session's clock is its own by intent (sample, --at, --date, demo): the database does not compare it with its own. */
  virtual?: boolean;
  /** False: the first error is the answer. For who asks whether the database answers. */
  patient?: boolean;
}

const repeatedKinds: Record<NonNullable<CallOptions['repeat']>, readonly DatabaseErrorKind[]> = {
  'lost or busy': ['lost', 'busy'],
  lost: ['lost'],
  never: [],
};

/**
 * The typed store over any transport: what comes back is parsed once, here, and trusted from then on. A lost call may
 * have run all the same; it is made again because every function may be repeated, from the first call on: a database
 * that is just starting, or full, is waited for like one that went away.
 */
export function makeStore(
  database: Database,
  { onWaiting, virtual = false, patient = true }: StoreOptions = {},
): Store {
  const report = everySoOften(onWaiting ?? (() => undefined));
  return {
    async call<F extends StoreFunction>(name: F, args: Arguments[F], options: CallOptions = {}): Promise<Answer<F>> {
      const kinds = patient ? repeatedKinds[options.repeat ?? 'lost or busy'] : [];
      const isWorthwhile = ({ error }: { error: Error }) =>
        error instanceof DatabaseError && kinds.includes(error.kind);
      // Text from outside, made such as a database takes, whatever the transport.
      const clean = storable(encoded(name, virtual ? { ...args, clock: 'virtual' } : args));
      const answer = await pRetry(() => database.call(name, clean, limitMsOf(name)), {
        ...RETRY_OPTIONS,
        shouldRetry: isWorthwhile,
        onFailedAttempt(context) {
          if (context.retriesLeft > 0 && isWorthwhile(context)) report(waitingText(context.error));
        },
      });
      return parsed(name, answer);
    },
    close: () => database.close(),
  };
}

function parsed<F extends StoreFunction>(name: F, answer: unknown): Answer<F> {
  const result = storeFunctions[name].answer.safeParse(answer);
  if (result.success) return result.data as Answer<F>;
  const message = `the database function ${name} answered in a shape this version does not know: run npm run migrate, or update daily-scan`;
  throw new Error(message, { cause: result.error });
}

function waitingText({ message }: Error): string {
  return `Waiting for the database, and trying again for about 15 s: ${message}`;
}

function everySoOften(report: (text: string) => void): (text: string) => void {
  let isQuiet = false;
  return (text) => {
    if (isQuiet) return;
    isQuiet = true;
    setTimeout(() => {
      isQuiet = false;
    }, NOTICE_INTERVAL_MS).unref();
    report(text);
  };
}
