// Accepts a run's pages as they are decided, and closes the plan after the last one.
import { taskPool } from '../../concurrency/task-pool.ts';
import { DatabaseError } from '../../ports/database.ts';
import type { Deps } from '../../ports/deps.ts';
import type { DecisionToAccept } from '../../ports/store/runs.ts';
import type { DecidedPage, DecidedUser } from '../decide/decide.ts';
import { PAGE_USERS } from '../decide/planned.ts';
import type { RunToDecide } from '../scan/request.ts';
import type { AcceptDeps } from './deps.ts';

/** How often those whose account is held are tried again, about 2 s each. */
const MAX_TRIES = 3;
const PAUSE_MS = 500;
/** A lock was not to be had in time. */
const LOCKED = '55P03';
/** Pages that may be under way to the database while the next one is read and decided. */
const PAGES_BESIDE_NEXT = 2;

/**
 * Takes pages as `decide` makes them and accepts each: decisions, orders and holds in one transaction. Ends with the run
 * decided, or, once stopped, with the run still planning (false): the next call goes on with who is undecided.
 */
export async function accept(
  deps: AcceptDeps,
  { runId, frame }: RunToDecide,
  pages: AsyncIterable<DecidedPage>,
  stop?: AbortSignal,
): Promise<boolean> {
  const { store, clock, emit } = deps;
  const { page: write, finish } = acceptance(deps, runId);
  const accepting = taskPool(async (page: DecidedPage) => {
    await write(page);
    return true;
  });
  // A cap is used up along the queue, so there one page waits for the one before it.
  const besideNext = frame.limits.symbolCapMinor === null ? PAGES_BESIDE_NEXT : 0;
  let isStopped = false;
  try {
    for await (const page of pages) {
      isStopped = stop?.aborted === true;
      if (isStopped) break;
      accepting.start(page);
      await accepting.atMost(besideNext);
    }
  } catch (error) {
    // Where a page could not be accepted either, that came first and is what is told.
    await accepting.atMost(0);
    throw error;
  }
  await accepting.atMost(0);
  if (isStopped) return false;
  await finish();
  const decided = await store.call('decide_run', { runId, nowMs: clock.nowMs() });
  emit({ type: 'run_decided', runId, planHash: decided.planHash });
  return true;
}

/** One user's decisions, as they are written. */
interface UserDecisions {
  userId: string;
  accountId: number | null;
  decisions: DecisionToAccept[];
}

/** Who could not be accepted yet. `error`: what their call alone met; null: another session holds their account. */
interface NotYet {
  user: UserDecisions;
  error: DatabaseError | null;
}

interface Acceptance {
  /** Accepts a page; who can't be accepted now is kept for `finish`. */
  page(users: DecidedPage): Promise<void>;
  /**
   * Tries those again for a few seconds. Who still can't be is told so in decisions of their own: nobody waits for them.
   * @throws DatabaseError `busy` where another session holds what the whole run needs: nobody is denied for that, and
   * whoever comes next goes on
   */
  finish(): Promise<void>;
}

/**
 * Accepts a run's pages. Nobody waits for somebody else's account: who has an accept on one that another session holds is
 * left to the end. A page that takes too long, or is refused, is halved down to one user; later ones are smaller, too,
 * and grow again while they go well.
 */
function acceptance(deps: AcceptDeps, runId: string): Acceptance {
  let size = PAGE_USERS;
  let left: NotYet[] = [];
  const write = async (users: UserDecisions[]): Promise<UserDecisions[]> => {
    const decisions = users.flatMap((user) => user.decisions);
    const args = { runId, nowMs: deps.clock.nowMs(), decisions, skipLocked: true };
    const { accepted, locked = [] } = await deps.store.call('accept_page', args, { repeat: 'lost' });
    const written = users.length - locked.length;
    deps.emit({ type: 'page_accepted', runId, users: written, decisions: decisions.length, accepted });
    return users.filter(({ userId }) => locked.includes(userId));
  };
  const page = async (users: UserDecisions[]): Promise<NotYet[]> => {
    const notNow: NotYet[] = [];
    for (let rest = users; rest.length > 0; ) {
      const part = rest.slice(0, size);
      const answer = await write(part).catch(answeredError);
      const isWritten = !(answer instanceof DatabaseError);
      size = isWritten ? Math.min(size * 2, PAGE_USERS) : Math.ceil(part.length / 2);
      if (!isWritten) emitHalved(deps, runId, part, answer);
      if (!isWritten && part.length > 1) continue;
      const [whose, error] = isWritten ? [answer, null] : [part, answer];
      notNow.push(...whose.map((user) => ({ user, error })));
      rest = rest.slice(part.length);
    }
    return notNow;
  };
  return {
    async page(users) {
      left.push(...(await page(users.map(decisionsOf))));
    },
    async finish() {
      for (let tries = 0; tries < MAX_TRIES && left.length > 0; tries += 1) {
        await waitForFirst(deps, runId, left[0]);
        await deps.clock.sleep(PAUSE_MS);
        left = await page(left.map(({ user }) => user));
      }
      if (left.length > 0) await giveUp(deps, runId, left, page);
    },
  };
}

function decisionsOf(user: DecidedUser): UserDecisions {
  const { accountId, settings } = user.account;
  return { userId: settings.id, accountId, decisions: user.toAccept() };
}

/** @throws the error, where nobody can know whom it is about: an unclear answer to a single user */
function emitHalved({ emit }: Deps<'emit'>, runId: string, part: UserDecisions[], error: DatabaseError): void {
  if (part.length === 1 && error.kind === 'lost') throw error;
  emit({ type: 'page_halved', runId, users: part.length, code: error.code, reason: error.message });
}

/** Their call waits for the lock as long as the database lets it (1.5 s): a pause that ends when the lock does. */
async function waitForFirst({ store, clock }: AcceptDeps, runId: string, first: NotYet | undefined): Promise<void> {
  const args = { runId, nowMs: clock.nowMs(), decisions: first?.user.decisions ?? [] };
  await store.call('accept_page', args, { repeat: 'never' }).catch(answeredError);
}

/** The error of a call that the database answered: it may be of this page. @throws any other */
function answeredError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError && error.answered) return error;
  throw error;
}

async function giveUp(
  deps: AcceptDeps,
  runId: string,
  left: NotYet[],
  page: (users: UserDecisions[]) => Promise<NotYet[]>,
): Promise<void> {
  let still = left;
  if (left.some(({ error }) => error?.code === LOCKED)) {
    await mustBeFree(deps, runId);
    still = await page(left.map(({ user }) => user));
  }
  for (const { userId, accountId } of still.map(({ user }) => user)) {
    const holders = accountId === null ? [] : await deps.store.call('read_lock_holders', { accountId });
    deps.emit({ type: 'account_locked', alert: true, userId, accountId, holders });
  }
  const [first] = await page(still.map(({ user }) => withoutAccepts(user)));
  if (first) throw new Error(`the decisions of user ${first.user.userId} can not be written`, { cause: first.error });
}

/**
 * A call that waited although it skips held accounts waited for a row of its user's, or for the run's, which everybody
 * needs. A page of nobody tells which.
 * @throws DatabaseError `busy` where it is the run's
 */
async function mustBeFree({ store, clock }: AcceptDeps, runId: string): Promise<void> {
  const nobody = { runId, nowMs: clock.nowMs(), decisions: [], skipLocked: true };
  try {
    await store.call('accept_page', nobody, { repeat: 'never' });
  } catch (cause) {
    if (!(cause instanceof DatabaseError) || cause.code !== LOCKED) throw cause;
    const message = `Another session of the database holds the run ${runId}: end it (pg_stat_activity), and scan again. Nobody was denied for it.`;
    throw new DatabaseError(message, { kind: 'busy', code: LOCKED, cause });
  }
}

/** What would have been accepted is skipped: nothing can be held on an account that can't be changed. */
function withoutAccepts({ decisions, ...user }: UserDecisions): UserDecisions {
  const skipped = {
    outcome: 'skipped',
    reason: 'account_not_ready',
    limit: null,
    actual: 'locked: another session of the database holds the account',
    quantity: 0,
    limitPriceMinor: null,
    marginMinor: 0,
    chargesMinor: 0,
    holdMinor: 0,
    rateId: null,
    clientOrderId: null,
  } as const;
  return { ...user, decisions: decisions.map((one) => (one.outcome === 'accepted' ? { ...one, ...skipped } : one)) };
}
