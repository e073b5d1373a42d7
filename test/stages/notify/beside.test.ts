import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Venue } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { freshPostgres } from '../../support/postgres.ts';
import { setClock } from '../support/clocks.ts';
import { messageRows } from '../support/database-state.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

/** The first order it hears of stays there until this resolves. */
function holdingFirst(venue: Venue, until: Promise<unknown>): Venue {
  let first = true;
  return {
    ...venue,
    async submit(order) {
      if (first) {
        first = false;
        await until;
      }
      return venue.submit(order);
    },
  };
}

test('on a clock that runs, a user is notified while the order of another is still at its venue', async () => {
  const database = await freshPostgres();
  const sent: string[] = [];
  const firstSent = Promise.withResolvers<string>();
  const held = Promise.race([firstSent.promise, pause(20_000, 'nobody was notified', { ref: false })]);
  const change = (world: World): World => {
    const venues = [...world.venues].map(([name, venue]) => [name, holdingFirst(venue, held)] as const);
    return {
      ...world,
      clock: setClock(istMs(tradeDate, '09:20')),
      venues: new Map(venues),
      notifier: {
        name: 'a provider without a pace',
        async send({ userName }) {
          sent.push(userName);
          firstSent.resolve('somebody was notified');
          return { kind: 'sent', providerId: null };
        },
      },
    };
  };
  const startMs = performance.now();
  const report = await runDay(storeOf(database), {
    signals: [titan],
    users: [importedUser('Asha Rao'), importedUser('Rohan Mehta')],
    server: true,
    concurrency: 2,
    change,
  });
  expect(await held).toBe('somebody was notified');
  // Each once, and the run ends with the last of them: not when the summaries would have been due all the same.
  expect(sent.toSorted()).toEqual(['Asha Rao', 'Rohan Mehta']);
  expect(performance.now() - startMs).toBeLessThan(60_000);
  expect(report.totals).toMatchObject({ filled: 2, messages: { queued: 0, sent: 2 } });
  expect((await messageRows(database.session)).map(({ status }) => status)).toEqual(['sent', 'sent']);
  await database.close();
});
