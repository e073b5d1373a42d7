// Bugs planted in how trouble from outside is met: the checks have to catch every one.

import { DatabaseError } from '../../../../src/ports/database.ts';
import type { Arguments, Store } from '../../../../src/ports/store/store.ts';
import { edit, type PlantedBug, withStore } from '../../common/planting.ts';

type Call = Store['call'];
type Settle = Arguments['settle_orders'];

/** Takes some errors of the database for refusals, which nobody makes again. */
const takenForRefusals = (which: (error: DatabaseError) => boolean): NonNullable<PlantedBug['change']> => {
  return (world) => {
    const call: Call = async (name, args, options) => {
      try {
        return await world.store.call(name, args, { ...options, repeat: 'never' });
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        if (!which(error)) return world.store.call(name, args, options);
        throw new DatabaseError(error.message, { kind: 'refused', code: error.code });
      }
    };
    return { ...world, store: { ...world.store, call } };
  };
};

const unreadable = /^one failure stays one: \w+ is (called|left) unreadable/;

/** Bugs in how trouble from outside is met: odd text, odd values, the database's moods, rows somebody holds. */
export const plantedOutside: readonly PlantedBug[] = [
  {
    name: 'gives a whole batch up for one row the database refuses',
    promise: unreadable,
    seed: 124,
    suits: ({ users }, { unwritable }) => unwritable !== null && users.length > 1,
    change: withStore((call) => {
      const answered = new Map<number, DatabaseError>();
      return {
        async settle_orders(args: Settle) {
          const before = args.outcomes.flatMap(({ orderId, venueStatus }) => {
            const error = venueStatus === 'unknown' ? undefined : answered.get(orderId);
            return error ? [error] : [];
          });
          if (before[0]) throw before[0];
          try {
            return await call('settle_orders', args);
          } catch (error) {
            const isRefused = error instanceof DatabaseError && error.kind === 'refused';
            if (isRefused) for (const { orderId } of args.outcomes) answered.set(orderId, error);
            throw error;
          }
        },
      };
    }),
  },
  {
    name: 'tries what the database refuses for ever',
    promise: /^at rest/,
    seed: 3,
    calmSteps: 700,
    change: (world) => {
      const call: Call = async (name, args, options) => {
        for (;;) {
          try {
            return await world.store.call(name, args, options);
          } catch (error) {
            if (name !== 'settle_orders' || !(error instanceof DatabaseError) || error.kind !== 'refused') throw error;
            await world.clock.sleep(1000);
          }
        }
      };
      return { ...world, store: { ...world.store, call } };
    },
  },
  {
    name: 'does not halve a page that takes too long',
    promise: /^(one failure stays one|at rest)/,
    seed: 4,
    change: withStore((call) => {
      const tooLong = new Map<string, DatabaseError>();
      return {
        async accept_page(args: Arguments['accept_page']) {
          const before = tooLong.get(args.decisions[0]?.userId ?? '');
          if (before) throw before;
          return call('accept_page', args, { repeat: 'lost' }).catch((error: unknown) => {
            const isBusy = error instanceof DatabaseError && error.kind === 'busy';
            if (isBusy) for (const { userId } of args.decisions) tooLong.set(userId, error);
            throw error;
          });
        },
      };
    }),
  },
  {
    name: 'asks for as many again where so many took too long',
    promise: /^one failure stays one: .* died/,
    seed: 4,
    change: withStore((call) => {
      let most = 0;
      return {
        async take_orders(args: Arguments['take_orders']) {
          most = Math.max(most, args.limit);
          return call('take_orders', { ...args, limit: most }).catch((error: unknown) => {
            throw error instanceof DatabaseError && error.kind === 'busy' ? new Error('not halved') : error;
          });
        },
      };
    }),
  },
  {
    name: 'counts a look only after it is made',
    promise: /^at rest/,
    seed: 4,
    calmSteps: 700,
    edits: [edit('public.claim_lookups', `then 0 else 1 end`, `then 0 else 0 end`)],
  },
  {
    name: 'takes the limit of a statement for a refusal',
    promise: /^one failure stays one/,
    seed: 3,
    change: takenForRefusals(({ code }) => code === '57014'),
  },
  {
    name: 'takes a code that is on no list for a refusal',
    promise: /^one failure stays one/,
    seed: 6,
    change: takenForRefusals(({ kind, answered }) => kind === 'lost' && answered),
  },
  {
    name: 'gives text from outside to the database as it comes',
    promise: unreadable,
    seed: 7,
    keepsText: true,
  },
  {
    name: 'books a fill that no number can hold',
    promise: /^(one failure|money|fills|nobody)/,
    seed: 8,
    sql: [
      'alter table public.fills drop constraint what_a_fill_is_worth_can_be_told_exactly',
      'alter table public.positions drop constraint a_position_can_be_told_exactly',
      'alter table public.accounts drop constraint an_accounts_money_can_be_told_exactly',
    ],
  },
];

/** Bugs that only show where a second session holds rows. */
export const plantedWithOutsider: readonly PlantedBug[] = [
  {
    name: 'waits for every account of a page',
    promise: /^(one failure stays one|nobody waits)/,
    seed: 11,
    suits: (_, { alone, locks }) => alone && locks.some(({ what }) => what === 'account'),
    change: withStore((call) => ({
      accept_page: (args: Arguments['accept_page']) => call('accept_page', { ...args, skipLocked: false }),
    })),
  },
  {
    name: 'opens a run only where nobody holds an account',
    promise: /^(one failure stays one|nobody waits)/,
    seed: 11,
    suits: (_, { alone, locks }) => alone && locks.some(({ what }) => what === 'account'),
    sql: ['alter table public.run_users add foreign key (account_id) references public.accounts'],
  },
  {
    name: 'takes orders only where nobody holds one',
    promise: /^(one failure stays one|nobody waits)/,
    seed: 112,
    suits: (_, { alone, locks }) => alone && locks.some(({ what }) => what === 'order'),
    edits: [edit('core.find_queued', 'for no key update of o skip locked', 'for no key update of o')],
  },
];
