import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import { importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { messageRows } from '../support/database-state.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

describe('a process that stands still between the mark of a message and its sending', () => {
  let database: TestDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await freshPglite();
    store = storeOf(database);
  });
  afterAll(() => database.close());
  beforeEach(() => emptyDatabase(database.session));

  /** Once: three minutes pass after the mark, and somebody sweeps meanwhile. */
  const standsStill =
    (sent: string[]) =>
    (world: World): World => {
      let stood = false;
      return {
        ...world,
        store: {
          ...world.store,
          async call(name, args) {
            const answer = await world.store.call(name, args);
            if (name !== 'mark_sending' || stood) return answer;
            stood = true;
            await world.clock.sleep(180_000);
            await database.session.exec(`update public.messages set sending_at = sending_at - interval '3 minutes'`);
            const nowMs = world.clock.nowMs();
            await world.store.call('sweep_messages', { nowMs, onlyProcess: false, nextLookupMs: null });
            return answer;
          },
        },
        notifier: {
          name: 'counting',
          async send({ text }) {
            const rows = await messageRows(database.session);
            sent.push(rows.map(({ status }) => status).join());
            return { kind: 'sent', providerId: text.slice(0, 3) };
          },
        },
      };
    };

  test('does not send what others already count as lost; it goes once, marked anew', async () => {
    const sent: string[] = [];
    await runDay(store, { signals: [titan], users: [importedUser('Hit')], change: standsStill(sent) });
    expect(sent).toEqual(['sending']);
    expect(await messageRows(database.session)).toMatchObject([{ status: 'sent' }]);
  });
});
