// Plays simulated weeks: no promise may break in any, however facts are told.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshPglite, freshPostgres } from '../../support/postgres.ts';
import { type Ground, groundOn } from '../common/ground.ts';
import { ABSURD_ID } from './absurd.ts';
import { booksOf, withoutUser } from './checks/books.ts';
import { type PlayedWeek, playWeek } from './play.ts';

/** As many as fit into the time of a test run; `npm run simulate -- --weeks` plays thousands. */
const WEEKS = 10;

describe('simulated weeks', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await groundOn(await freshPostgres());
  });
  afterAll(() => ground.close());
  const played = new Map<number, PlayedWeek>();
  /** Plays a seed, or gives what it was played as before. */
  const playOnce = async (seed: number): Promise<PlayedWeek> => {
    const known = played.get(seed) ?? (await playWeek(ground, seed, { logs: true }));
    played.set(seed, known);
    return known;
  };

  test(`keep every promise over the days and nights of ${WEEKS} weeks`, async () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= WEEKS; seed += 1) {
      const { broken, counts: its } = await playOnce(seed);
      expect(broken, `npm run simulate -- --weeks --runs 1 --seed ${seed}`).toEqual([]);
      for (const [what, count] of its) counts.set(what, (counts.get(what) ?? 0) + count);
    }
    // Weeks in which nothing happens prove nothing.
    expect(counts.get('orders sent')).toBeGreaterThan(5 * WEEKS);
    for (const what of [
      'fault killed',
      'fault open_all_day',
      'fault fill_nobody_tells',
      'fault late_fill_evening',
      'fault late_fill_morning',
      'fault late_fill_last',
      'books closed',
      'fault closed_late_fill',
      'fault closed_by_two_at_once',
      'fault closed_killed_in_the_middle',
      'fault closed_facts_between',
      'fault closed_month_correction',
      'fault outside_shares_come',
      'fault outside_shares_go',
      'fault outside_split',
      'fault outside_cash_goes',
      'fault setting leverage',
      'fault absurd_numbers',
      'fault told_in_another_grouping',
      'everybody wants one share',
      'evenings of New York',
      'single orders in dollars',
      'orders sent in dollars',
      'fault wrong_clock',
      'fault wrong_fill_true',
      'fault wrong_fill_told_wrong',
      'corrected by a person',
      'acknowledged by a person',
    ]) {
      expect(counts.get(what), what).toBeGreaterThan(0);
    }
  }, 600_000);

  test.each([
    [1, ['one by one', 'backwards', 'twice']],
    [5, ['backwards', 'twice']],
  ] as const)(
    'the facts of week %i give the same books in any grouping and order, and told twice',
    async (seed, groupings) => {
      const first = await playWeek(ground, seed, { calm: true });
      expect(first.counts.get('orders sent')).toBeGreaterThan(3);
      for (const grouping of groupings) {
        const other = await playWeek(ground, seed, { calm: true, grouping });
        expect(other.broken, grouping).toEqual([]);
        expect(booksOf(other.rows), grouping).toEqual(booksOf(first.rows));
        expect(other.decisions, grouping).toEqual(first.decisions);
      }
    },
    120_000,
  );

  test.each([9, 12, 14, 16, 18])(
    'week %i comes out the same where the records of closed days are removed',
    async (seed) => {
      const whole = await playWeek(ground, seed, { calm: true });
      const removing = await playWeek(ground, seed, { calm: true, removes: true });
      expect(removing.broken).toEqual([]);
      if (!removing.settled || !whole.settled) throw new Error('a week without a broken promise is settled');
      expect(booksOf(removing.settled)).toEqual(booksOf(whole.settled));
      expect(removing.decisions).toEqual([...new Set(whole.decisions)].toSorted());
    },
    120_000,
  );

  // Two of settings, two of a holding; each in live and paper mode. None with dollars: in the evening the fills of the
  // simulated venue depend on how long the others took.
  test.each([28, 27, 36, 50])(
    'the absurd numbers of one person in week %i change nothing for the others',
    async (seed) => {
      const idle = await playWeek(ground, seed, { calm: true, idleAbsurd: true });
      const among = await playWeek(ground, seed, { calm: true });
      expect(among.broken).toEqual([]);
      expect(idle.broken).toEqual([]);
      const ofAbsurd = among.decisions.filter((what) => String(what).startsWith(ABSURD_ID));
      expect(ofAbsurd.length).toBeGreaterThan(0);
      const others = (decisions: unknown[]) => decisions.filter((what) => !String(what).startsWith(ABSURD_ID));
      expect(others(among.decisions)).toEqual(others(idle.decisions));
      expect(booksOf(withoutUser(among.rows, ABSURD_ID))).toEqual(booksOf(withoutUser(idle.rows, ABSURD_ID)));
    },
    120_000,
  );

  test('the same seed gives the same week, call for call, whatever ran before it, and on the embedded database', async () => {
    const first = await playOnce(3);
    const next = await playOnce(4);
    const again = await playWeek(ground, 3, { logs: true });
    const other = await groundOn(await freshPglite());
    const elsewhere = await playWeek(other, 3, { logs: true });
    await other.close();
    expect(again.log).toEqual(first.log);
    expect([again.hash, elsewhere.hash]).toEqual([first.hash, first.hash]);
    expect(first.log.length).toBeGreaterThan(100);
    expect(next.hash).not.toBe(first.hash);
  }, 120_000);
});
