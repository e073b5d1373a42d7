// No two functions of the database wait for one another for ever, and a function that locks in another order is caught.
import { describe, expect, test } from 'vitest';
import { openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import { editFunction } from '../simulation/common/hunt.ts';
import { edit } from '../simulation/common/planting.ts';
import type { Edit } from '../simulation/day/scene.ts';
import { violations } from '../support/invariants.ts';
import { freshPostgres } from '../support/postgres.ts';
import { type ActName, acts, crossed, sceneOf, type Watched } from './two-at-once.ts';

const names = Object.keys(acts) as ActName[];
const deadlock = /deadlock detected/;

/** On a database of its own, so that several are crossed at once; afterwards its books have to be right. */
async function onDatabase(body: (database: Watched) => Promise<void>): Promise<void> {
  const fresh = await freshPostgres();
  try {
    // Postgres looks for a deadlock only after this wait, a second by default.
    await fresh.session.exec(`do $$ begin
      execute format('alter database %I set deadlock_timeout = %L', current_database(), '50ms'); end $$`);
    const watcher = await openPostgresSession(fresh.url);
    try {
      await body({ ...fresh, watcher });
    } finally {
      await watcher.close();
    }
    expect(await violations(fresh.session)).toEqual([]);
  } finally {
    await fresh.close();
  }
}

describe('runs, users, accounts by id, orders by id are locked in this order: nobody waits for ever for', () => {
  test.concurrent.each(names)(
    '%s, whatever other function comes before or after it',
    (name) =>
      onDatabase(async (database) => {
        for (const other of names) expect(await crossed(database, name, other)).toEqual([]);
      }),
    240_000,
  );
});

test('each function has work to do where it meets the others', () =>
  onDatabase(async (database) => {
    const store = makeStore(database, { patient: false });
    const scene = await sceneOf(database, store, 'alone');
    expect(await acts.accept(scene)).toMatchObject({ accepted: 3 });
    expect(await acts.place(scene)).toMatchObject(scene.userIds.map(() => ({ kind: 'decided', outcome: 'accepted' })));
    const { orders } = await acts.take(scene);
    expect(orders.map(({ orderId }) => orderId)).toEqual(expect.arrayContaining(scene.queued));
    expect(await acts.settle(scene)).toMatchObject({ settled: 3, fills: 3 });
    expect(await acts.correct(scene)).toMatchObject({ kind: 'corrected' });
    expect(await acts.settings(scene)).toMatchObject({ changed: true });
    expect(await acts.readiness(scene)).toHaveLength(3);
    await acts.import(scene, 1);
    const resized = await database.session.query('select from public.accounts where capital_minor = 20000001');
    expect(resized).toHaveLength(3);
  }));

interface PlantedOrder {
  name: string;
  edits: Edit[];
  /** Which two, in the order they came, caught it when it was last looked for: tried first. */
  pair: [ActName, ActName];
}

const [accounts, orders] = [
  '  perform from public.accounts where id = any(of_accounts) order by id for no key update;\n',
  '  perform from public.orders where id = any(order_ids) order by id for no key update;\n',
];

const plantedOrders: PlantedOrder[] = [
  {
    name: 'an accept locks the accounts of its page from the last to the first',
    edits: [edit('core.lock_accounts', 'order by id for no key update;', 'order by id desc for no key update;')],
    pair: ['accept', 'settle'],
  },
  {
    name: 'a settlement locks orders before their accounts',
    edits: [edit('core.lock_orders', `${accounts}${orders}`, `${orders}${accounts}`)],
    pair: ['resolve', 'settle'],
  },
  {
    name: 'an import locks accounts from the last to the first',
    edits: [
      edit(
        'public.import_users',
        'core.resized_accounts(args))\n  order by id for no key update;',
        'core.resized_accounts(args))\n  order by id desc for no key update;',
      ),
    ],
    pair: ['import', 'accept'],
  },
  {
    name: 'whoever changes a setting locks accounts before their user',
    edits: [
      edit(
        'public.set_user',
        'begin',
        `begin perform from public.accounts where user_id = args ->> 'userId' order by id for no key update;`,
      ),
    ],
    pair: ['import', 'settings'],
  },
  {
    name: 'a correction locks its order before the account',
    edits: [
      edit(
        'public.correct_fill',
        '\nbegin',
        `
begin perform from public.orders where client_order_id = args ->> 'order' for no key update;`,
      ),
    ],
    pair: ['resolve', 'correct'],
  },
];

describe('a deadlock is caught where', () => {
  test.concurrent.each(plantedOrders.map((one) => [one.name, one] as const))(
    '%s',
    (_name, { edits, pair }) =>
      onDatabase(async (database) => {
        for (const one of edits) await editFunction(database, one);
        const pairs = [pair, ...names.flatMap((first) => names.map((second) => [first, second] as const))];
        for (const [first, second] of pairs) {
          const wrong = await crossed(database, first, second);
          if (wrong.some((what) => deadlock.test(what))) return;
        }
        expect.unreachable('no two functions met in a deadlock');
      }),
    240_000,
  );
});
