// npm run account -- connect, check and rotate: the credentials of accounts at venues.
import { realClock } from '../../adapters/clock.ts';
import { rotate, storeVault } from '../../adapters/credentials/vault.ts';
import { moduleNamed, namesOf } from '../../adapters/venues/module.ts';
import { masterKeys } from '../../compose/venues.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import { type CurrencyCode, INR } from '../../domain/currency.ts';
import type { Mode } from '../../domain/types.ts';
import type { Store } from '../../ports/store/store.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { checkConnections } from './connections.ts';
import { readSecrets } from './read-secrets.ts';

export interface ConnectFlags {
  user?: string;
  venue?: string;
  mode?: string;
  by?: string;
  json?: boolean;
}

type Work = (config: Config, store: Store) => Promise<number | Refusal>;

/**
 * `npm run account -- connect --user X --venue kite` stores what opens a user's account at a venue, read from standard
 * input; `check [--user X] [--venue V]` asks each venue whether the session stands; `rotate` puts every record under the
 * current CREDENTIALS_KEY.
 */
export function connectionCommand(what: string) {
  return async (config: Config, flags: ConnectFlags): Promise<number | Refusal> => {
    const work = await workOf(what, flags, config);
    if (typeof work !== 'function') return work;
    const target = targetOf(config, 'main');
    showTarget(target);
    return withStore(config, target, (store) => work(config, store));
  };
}

async function workOf(what: string, flags: ConnectFlags, config: Config): Promise<Work | Refusal> {
  const { mode = 'live', venue } = flags;
  if (what !== 'connect' && what !== 'rotate' && what !== 'check')
    return refusal('bad_flag', `"${what}" is nothing to do with accounts: it is connect, check or rotate.`);
  if (mode !== 'live' && mode !== 'paper') return refusal('bad_flag', `--mode is live or paper, not ${mode}.`);
  const { modules } = config.venues;
  const module = venue === undefined ? undefined : moduleNamed(modules, venue);
  if (venue !== undefined && !module)
    return refusal('bad_flag', `--venue ${venue} is no venue that can be connected: it is ${namesOf(modules)}.`);
  if (!masterKeys(config)) {
    const message = 'CREDENTIALS_KEY is not set, and everything here is sealed with it: openssl rand -base64 32';
    return refusal('bad_environment', message);
  }
  if (what === 'rotate') return rotation(actorOf(flags));
  if (what === 'check') return (_, store) => checkConnections({ ...flags, config, store, mode });
  const { user } = flags;
  if (user === undefined || !module)
    return refusal('bad_flag', `Give --user (name or id) and --venue: ${namesOf(modules)}.`);
  // Read before the database is opened: a person may take their time.
  const read = await readSecrets(module);
  if (read.kind === 'refusal') return read;
  return connection({ user, venue: module.name, currency: module.currency, mode, by: actorOf(flags) }, read.secrets);
}

interface Connection {
  user: string;
  venue: string;
  currency: CurrencyCode;
  mode: Mode;
  by: Actor;
}

function connection({ user, venue, currency, mode, by }: Connection, secrets: object): Work {
  return async (config, store) => {
    const named = await userNamed(store, user);
    if ('kind' in named) return { ...named, message: `${named.message} New users: npm run import -- users F.csv` };
    const userId = named.id;
    const opened = await store.call('open_account', { userId, venue, mode, currency, by });
    if (opened.kind === 'no_such_user')
      return refusal(
        'no_such_user',
        `There is no user "${user}" here: import them first (npm run import -- users F.csv).`,
      );
    if (opened.kind === 'no_sizing')
      return refusal(
        'no_sizing',
        `${userId} has no account in ${currency} yet to take capital and allocation from: import them first.`,
      );
    const keys = masterKeys(config);
    if (!keys) throw new Error('the master key was there a moment ago');
    const { accountId, created, tradesAt } = opened;
    await storeVault({ store, clock: realClock(), keys, by }).write({ accountId, venue, mode }, secrets, null);
    say(`${created ? 'Opened' : 'Found'} the ${mode} account of ${userId} at ${venue}, and stored what opens it.`);
    if (tradesAt !== venue && currency === INR.code) {
      say(`Their orders go to ${tradesAt}: to trade at ${venue}, import them with venue ${venue} (column venue).`);
    }
    say(`Now: npm run account -- check --user ${userId} --venue ${venue}`);
    return 0;
  };
}

const rotation =
  (by: Actor): Work =>
  async (config, store) => {
    const keys = masterKeys(config);
    if (!keys) throw new Error('the master key was there a moment ago');
    const { rewrapped, current, failed } = await rotate({ store, clock: realClock(), keys, by });
    say(`${rewrapped} put under the current key, ${current} under it already, ${failed.length} failed.`);
    for (const { why } of failed) say(`  ${why}`);
    if (failed.length === 0 && rewrapped > 0)
      say('CREDENTIALS_KEYS_OLD may be emptied once every process has the new key.');
    return failed.length === 0 ? 0 : 1;
  };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
