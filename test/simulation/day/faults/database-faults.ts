// The errors a database may answer with, and how a client repeats a call.
import { toDatabaseError } from '../../../../src/adapters/store/sql-call.ts';
import { DatabaseError, type DatabaseErrorKind } from '../../../../src/ports/database.ts';
import type { CallOptions } from '../../../../src/ports/store/store.ts';
import type { Chance } from '../../common/chance.ts';
import type { OutsidePlan } from './outside.ts';

const databaseFaults = {
  /** A full pooler, before anything ran. */
  unlisted_before: 3,
  /** A pooler that lost its server while it answered: it ran. */
  unlisted_after: 2,
  statement_limit: 3,
  deadlock: 2,
  /** Nothing is heard any more; it ran, or it did not. */
  silent_before: 1,
  silent_after: 1,
};
const codes = { unlisted_before: 'XX000', unlisted_after: 'FW123', statement_limit: '57014', deadlock: '40P01' };

export type DatabaseFault = keyof typeof databaseFaults;

/** What the client waits beyond a call's limit for a connection that says nothing. */
export const SILENCE_MS = 7_000;

export function drawnFault(chance: Chance): DatabaseFault {
  return chance.weighted(databaseFaults);
}

/** The error as the transport makes it of what the server, or the socket, said. */
export function errorOf(fault: DatabaseFault, name: string): DatabaseError {
  if (fault === 'silent_before' || fault === 'silent_after') {
    return toDatabaseError(name, Object.assign(new Error('nothing was heard'), { code: 'ETIMEDOUT' }));
  }
  return serverError(name, codes[fault]);
}

/** An error a server answers with, as the transport reads it. */
export function serverError(name: string, code: string): DatabaseError {
  return toDatabaseError(name, Object.assign(new Error(`simulated: ${code}`), { severity: 'ERROR', code }));
}

/** The error a call meets for what it is about, whatever the moment; null: it is run. */
export function errorOfRows({ mostRows }: OutsidePlan, name: string, args: object): DatabaseError | null {
  return mostRows !== null && rowsOf(name, args) > mostRows ? serverError(name, '57014') : null;
}

function rowsOf(name: string, args: object): number {
  if (name === 'accept_page' && 'decisions' in args && Array.isArray(args.decisions)) {
    return new Set(args.decisions.map(({ userId }) => userId)).size;
  }
  if (name === 'settle_orders' && 'outcomes' in args && Array.isArray(args.outcomes)) return args.outcomes.length;
  if (name === 'take_orders' && 'limit' in args) return Number(args.limit);
  return 0;
}

const MOST_TRIES = 8;
const repeated: Record<NonNullable<CallOptions['repeat']>, readonly DatabaseErrorKind[]> = {
  'lost or busy': ['lost', 'busy'],
  lost: ['lost'],
  never: [],
};

/** Asks again as the store does (`makeStore`), on the simulation's clock, where the database has answered. */
export async function patiently<Answer>(
  { repeat = 'lost or busy' }: CallOptions,
  sleep: (ms: number) => Promise<void>,
  once: () => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await once();
    } catch (error) {
      const again = error instanceof DatabaseError && error.answered && repeated[repeat].includes(error.kind);
      if (!again || tries === MOST_TRIES) throw error;
      await sleep(Math.min(200 * 2 ** tries, 4000));
    }
  }
}
