// npm run account -- --export and --erase: everything kept of a person, or its removal.
import { createInterface } from 'node:readline/promises';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import { userIdOf } from '../../domain/ids.ts';
import type { Erasure, PossibleErasure } from '../../ports/store/access.ts';
import type { Store } from '../../ports/store/store.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';

export interface PersonFlags {
  user?: string;
  export?: boolean;
  erase?: boolean;
  yes?: boolean;
  by?: string;
  why?: string;
  json?: boolean;
}

/**
 * `npm run account -- --user X --export`: everything kept of a person, as JSON. `--erase`: takes the person out, after
 * saying what will happen and asking (`--yes`: without); records stay under a tombstone.
 */
export async function personCommand(config: Config, flags: PersonFlags): Promise<number | Refusal> {
  const { user: nameOrId } = flags;
  if (nameOrId === undefined) return refusal('bad_flag', 'Give --user: name or id.');
  if (flags.export && flags.erase)
    return refusal('bad_flag', 'Give --export or --erase: first the one, then the other.');
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const named = await userNamed(store, nameOrId);
    if ('kind' in named && named.code === 'several_users') return named;
    // Who is erased is still answered for by the name they had.
    const userId = 'kind' in named ? userIdOf(nameOrId) : named.id;
    return flags.export ? exported(store, userId, nameOrId) : erased(store, userId, { ...flags, nameOrId });
  });
}

async function exported(store: Store, userId: string, nameOrId: string): Promise<number | Refusal> {
  const all = await store.call('export_user', { userId });
  if (all === null) return noSuchUser(nameOrId);
  process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  return 0;
}

async function erased(
  store: Store,
  userId: string,
  flags: PersonFlags & { nameOrId: string },
): Promise<number | Refusal> {
  const by: Actor = actorOf(flags);
  const first = await store.call('erase_user', { userId, confirmed: false, by });
  if (first.kind !== 'would_erase') return ended(first, flags);
  if (!flags.yes && !(await agreed(first))) return refusal('not_erased', 'Nobody was erased.');
  return ended(await store.call('erase_user', { userId, confirmed: true, by }), flags);
}

function ended(answer: Erasure, { nameOrId, json }: { nameOrId: string; json?: boolean }): number | Refusal {
  switch (answer.kind) {
    case 'erased': {
      const text = `Erased. What must be kept stands under ${answer.tombstone} from now on.\nBackups and logs of before still have the person: SECURITY.md says what to do with them.`;
      process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${text}\n`);
      return 0;
    }
    case 'already_erased':
      process.stdout.write(json ? `${JSON.stringify(answer)}\n` : 'This person is erased already.\n');
      return 0;
    case 'tied':
      return refusal(
        'tied',
        `Not erased, for something is open:\n${answer.ties.map(({ kind, count }) => `  ${todo[kind](count)}`).join('\n')}`,
      );
    case 'would_erase':
      throw new Error('the database said what would happen where it was told to do it');
    case 'no_such_user':
      return noSuchUser(nameOrId);
  }
}

const todo = {
  open_order: (n: number) => `${n} open orders: wait until they have ended, or npm run resolve what stays unknown`,
  open_position: (n: number) => `${n} open positions: sell them (a signal or POST /api/trading/orders with side SELL)`,
  undecided_run: (n: number) => `${n} runs under way that they are in: wait until the runs are done`,
  unsettled_message: (n: number) => `${n} messages on their way: wait until they are sent or failed`,
} as const;

async function agreed({ name, counts }: PossibleErasure): Promise<boolean> {
  const { orders, decisions, messages, credentials, apiKeys } = counts;
  process.stderr.write(
    `This takes ${name} out for good: name, number, login, opt-in, the texts of ${messages} messages and ${credentials} stored credentials go, ${apiKeys} keys end.\n` +
      `${orders} orders and ${decisions} decisions stay, with fills, ledger and acts, under a tombstone that names nobody.\n`,
  );
  if (!process.stdin.isTTY) {
    process.stderr.write('Nobody is here to ask: say --yes.\n');
    return false;
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await ask.question('Erase this person? [y/N] ')).trim());
  } finally {
    ask.close();
  }
}

function noSuchUser(nameOrId: string): Refusal {
  return refusal('no_such_user', `There is no user "${nameOrId}" here: give the name or the id.`);
}
