// npm run apikey: makes, lists and revokes API keys.
import { realClock } from '../../adapters/clock.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { newApiKey } from '../../http/callers/auth.ts';
import { hintOfKey } from '../../http/callers/key-lookup.ts';
import type { ApiKey } from '../../ports/store/access.ts';
import type { Store } from '../../ports/store/store.ts';
import { plain, table } from '../../terminal/table.ts';
import { fitted } from '../../terminal/width.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { listSources, sourceChange, sourceKeyCreation } from '../import/signal-sources.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { ApikeyFlags } from './apikey-flags.ts';
import { endOf, until } from './expiry.ts';

/**
 * `npm run apikey -- create --role operator|user [--user X] [--scope read|trade] [--expires D] [--label T]`,
 * `create --role signals --source NAME [--strategies A,B|all] [--per-day N]`, `source --source NAME` with what is to
 * change, `sources`, `list`, `revoke --key ds_…`. A new key is on stdout once and kept nowhere; a revoked one places no order from then on, and
 * stops reading within ten seconds.
 */
export function apikeyCommand(what: string) {
  return async (config: Config, flags: ApikeyFlags): Promise<number | Refusal> => {
    const work = workOf(what, flags);
    if (typeof work !== 'function') return work;
    const target = targetOf(config, 'main');
    showTarget(target);
    return withStore(config, target, work);
  };
}

type Work = (store: Store) => Promise<number | Refusal>;

function workOf(what: string, flags: ApikeyFlags): Work | Refusal {
  if (what === 'list') return (store) => list(store, flags);
  if (what === 'revoke') {
    const { key } = flags;
    if (key !== undefined && /^ds_[\w-]{6,}$/.test(key))
      return (store) => revoke(store, hintOfKey(key), actorOf(flags));
    return refusal('bad_flag', 'Give --key: the key, or its first nine characters as `apikey list` shows them.');
  }
  if (what === 'create') return flags.role === 'signals' ? sourceKeyCreation(flags) : creation(flags);
  if (what === 'source') return sourceChange(flags);
  if (what === 'sources') return (store) => listSources(store, flags);
  const actions = 'create, list, revoke, source or sources';
  return refusal('bad_flag', `"${what}" is nothing to do with keys: it is ${actions}.`);
}

function creation(flags: ApikeyFlags): Work | Refusal {
  const { role, user, label = '', scope = 'trade', expires, json } = flags;
  if (role !== 'operator' && role !== 'user') {
    return refusal('bad_flag', 'Give --role operator or --role user, or --role signals.');
  }
  if (flags.source !== undefined) return refusal('bad_flag', '--source is for keys of --role signals: leave it out.');
  if (role === 'user' && user === undefined) return refusal('bad_flag', 'A key of role user needs --user: name or id.');
  if (role === 'operator' && user !== undefined) {
    return refusal('bad_flag', 'An operator’s key is for everybody: leave --user out, or give --role user.');
  }
  if (scope !== 'read' && scope !== 'trade') return refusal('bad_flag', 'Give --scope read or --scope trade.');
  const nowMs = realClock().nowMs();
  const end = endOf({ label, expires }, nowMs);
  if ('kind' in end) return end;
  const { expiresMs } = end;
  return async (store) => {
    const named = user === undefined ? null : await userNamed(store, user);
    if (named && 'kind' in named) return { ...named, message: `${named.message} No key was made.` };
    const userId = named?.id ?? null;
    const { key, hash, hint } = newApiKey();
    const by = actorOf(flags);
    const newKey = { hash, hint, role, scope, userId, label, expiresMs, nowMs, by } as const;
    const { kind } = await store.call('create_api_key', newKey);
    if (kind === 'no_such_user') {
      return refusal('no_such_user', `There is no user "${user}" here, so no key was made: give the name or the id.`);
    }
    process.stdout.write(
      json ? `${JSON.stringify({ key, hint, role, scope, userId, label, expiresAtMs: expiresMs })}\n` : `${key}\n`,
    );
    process.stderr.write(`This is the only time the key is shown. It is called ${hint} from now on.\n`);
    process.stderr.write(`It may ${scope === 'read' ? 'read' : 'read and trade'} ${until(expiresMs)}.\n`);
    return 0;
  };
}

async function list(store: Store, { json }: ApikeyFlags): Promise<number> {
  const keys = await store.call('read_api_keys', {});
  process.stdout.write(json ? `${JSON.stringify(keys)}\n` : `${listText(keys)}\n`);
  return 0;
}

function listText(keys: ApiKey[]): string {
  if (keys.length === 0) return 'There are no keys yet: npm run apikey -- create --role operator';
  const titles = ['KEY', 'ROLE', 'SCOPE', 'OF', 'LABEL', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED'];
  const rows = keys.map(({ hint, role, scope, userId, source, label, ...times }) => {
    const { createdAtMs, lastUsedAtMs, expiresAtMs, revokedAtMs } = times;
    const shown = [createdAtMs, lastUsedAtMs, expiresAtMs, revokedAtMs].map(minuteOf);
    return [`${hint}…`, role, scope ?? '', fitted(userId ?? source ?? '', 30), fitted(label, 40), ...shown];
  });
  const columns = titles.map((title) => ({ title }));
  return table(columns, rows, 240, plain);
}

function minuteOf(ms: number | null): string {
  return ms === null ? '' : istIso(ms).slice(0, 16);
}

async function revoke(store: Store, hint: string, by: Actor): Promise<number | Refusal> {
  const { kind } = await store.call('revoke_api_key', { hint, nowMs: realClock().nowMs(), by });
  if (kind === 'no_such_key') return refusal('no_such_key', `There is no key that begins with ${hint} here.`);
  process.stdout.write(`Key ${hint} is ${kind === 'revoked' ? 'now' : 'already'} revoked.\n`);
  return 0;
}
