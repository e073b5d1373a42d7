// Plays the operator of a torture: halts, resolves unknown orders, acknowledges accounts.
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { Clock } from '../../src/ports/world.ts';
import { tester } from '../../test/support/tester.ts';
import type { WholeBook } from './book.ts';

/** Plays the operator: reads the venue's book and says what became of each order that stayed unknown. */
export async function resolveUnknown(
  store: Store,
  session: SqlSession,
  book: WholeBook,
  clock: Clock,
): Promise<number> {
  const rows = await session.query(
    `select client_order_id as id, filled_quantity from public.orders where status = 'unknown' and next_lookup_at is null`,
  );
  for (const row of rows) {
    const id = String(row['id']);
    const placed = book.orders.find(({ clientOrderId }) => clientOrderId === id)?.placed[0];
    const fills = placed?.fills ?? [];
    const quantity = fills.reduce((sum, fill) => sum + fill.quantity, 0) - Number(row['filled_quantity']);
    const as = asWhat(placed?.status);
    const answer = await store.call('resolve_order', {
      order: id,
      as,
      quantity: as === 'partly' ? quantity : null,
      priceMinor: fills[0]?.priceMinor ?? null,
      by: { who: 'torture', how: 'cli' },
      nowMs: clock.nowMs(),
    });
    if (answer.kind !== 'resolved') throw new Error(`${id} could not be resolved as ${as}: ${JSON.stringify(answer)}`);
  }
  await acknowledge(store, session, clock);
  return rows.length;

  function asWhat(status: string | undefined): 'filled' | 'partly' | 'rejected' | 'not-placed' {
    if (status === 'filled') return 'filled';
    if (status === 'rejected') return 'rejected';
    return status === 'canceled' ? 'partly' : 'not-placed';
  }
}

/** Late fills block an account until an operator acknowledges them. */
async function acknowledge(store: Store, session: SqlSession, clock: Clock): Promise<void> {
  const blocked = await session.query('select user_id from public.accounts where not_ready is not null');
  for (const { user_id } of blocked) {
    const userId = String(user_id);
    const [block] = await store.call('read_blocks', { userId });
    if (!block) continue;
    const { snapshotEntryId, drifts } = block;
    const acknowledged = { snapshotEntryId, driftIds: drifts.map(({ driftId }) => driftId), nowMs: clock.nowMs() };
    await store.call('acknowledge_account', { by: tester, userId, venue: 'paper', mode: 'paper', ...acknowledged });
  }
}

/** A statement that was under way when the halt was written may still end. */
const UNDER_WAY_MS = 500;

/** Pulls the switch for a second or two at some moment of the unrest; gives how many orders were marked meanwhile. */
export async function haltForAWhile(store: Store, session: SqlSession, clock: Clock): Promise<number> {
  await pause(randomInt(1_500, 8_000));
  const everything = { scope: 'all', target: '', why: 'torture', by: { who: 'torture', how: 'cli' } } as const;
  await store.call('halt', { ...everything, nowMs: clock.nowMs() });
  await pause(UNDER_WAY_MS);
  const before = await marks(session);
  await pause(randomInt(500, 2_000));
  const after = await marks(session);
  await store.call('resume', { ...everything, nowMs: clock.nowMs() });
  return after - before;
}

async function marks(session: SqlSession): Promise<number> {
  const [row] = await session.query(
    `select count(*)::int as n from public.order_events where to_status = 'submitting'`,
  );
  return Number(row?.['n']);
}
