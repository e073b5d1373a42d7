// Plays simulated days with all their faults: no promise may break in any.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { freshPglite, freshPostgres } from '../../support/postgres.ts';
import { type Ground, groundOn } from '../common/ground.ts';
import { type Played, playSchedule } from './schedule.ts';

/** As many as fit into the time of a test run; `npm run simulate` plays thousands. */
const SCHEDULES = 30;
/** On a server, where a second session can hold rows. */
const WITH_OUTSIDER = 12;

describe('simulated days', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await groundOn(await freshPostgres());
  });
  afterAll(() => ground.close());
  const played = new Map<number, Played>();
  /** Plays a seed, or gives what it was played as before. */
  const playOnce = async (seed: number): Promise<Played> => {
    const known = played.get(seed) ?? (await playSchedule(ground, seed));
    played.set(seed, known);
    return known;
  };

  test(`keep every promise in ${SCHEDULES} schedules of crashes, lost answers, halts and overlapping workers`, async () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const { broken, counts: its } = await playOnce(seed);
      expect(broken, `npm run simulate -- --runs 1 --seed ${seed}`).toEqual([]);
      for (const [what, count] of its) counts.set(what, (counts.get(what) ?? 0) + count);
    }
    // Schedules in which nothing happens prove nothing.
    expect(counts.get('orders sent')).toBeGreaterThan(SCHEDULES);
    for (const fault of [
      'crash_before',
      'crash_after',
      'lost_reply',
      'repeated',
      'freeze',
      'halt',
      'silence_after',
      'spell down',
      'hung_account',
      'odd_text',
      'odd_value',
      'refused_row',
      'unlisted_before',
      'unlisted_after',
      'statement_limit',
      'statement_limit_by_size',
      'silent_after',
    ]) {
      expect(counts.get(`fault ${fault}`), fault).toBeGreaterThan(0);
    }
  }, 600_000);

  test('keep every promise while a outsider holds rows, and nobody waits for whom it is about', async () => {
    const database = await freshPostgres();
    const outsider = await openPostgresSession(database.url);
    const held = await groundOn({ ...database, outsider });
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= WITH_OUTSIDER; seed += 1) {
      const { broken, counts: its } = await playSchedule(held, seed);
      expect(broken, `npm run simulate -- --postgres --runs 1 --seed ${seed}`).toEqual([]);
      for (const [what, count] of its) counts.set(what, (counts.get(what) ?? 0) + count);
    }
    await outsider.close();
    await held.close();
    for (const what of ['account', 'user', 'order', 'run']) {
      expect(counts.get(`fault lock_${what}`), what).toBeGreaterThan(0);
    }
  }, 600_000);

  test('the same seed gives the same schedule, step for step, whatever ran before it, and on the embedded database', async () => {
    const first = await playOnce(7);
    const next = await playOnce(8);
    const again = await playSchedule(ground, 7);
    const other = await groundOn(await freshPglite());
    const elsewhere = await playSchedule(other, 7);
    await other.close();
    expect(again.log).toEqual(first.log);
    expect([again.hash, elsewhere.hash]).toEqual([first.hash, first.hash]);
    expect(next.hash).not.toBe(first.hash);
  });
});
