// The sources of signals and their keys, part of npm run apikey.
import { realClock } from '../../adapters/clock.ts';
import { strategyPattern } from '../../domain/decision/signal-rules.ts';
import { newApiKey } from '../../http/callers/auth.ts';
import type { SignalSource } from '../../ports/store/access.ts';
import type { Store } from '../../ports/store/store.ts';
import { plain, table } from '../../terminal/table.ts';
import { fitted } from '../../terminal/width.ts';
import { actorOf } from '../actor.ts';
import type { ApikeyFlags } from '../operate/apikey-flags.ts';
import { endOf, until } from '../operate/expiry.ts';
import { type Refusal, refusal } from '../refusal.ts';

type Work = (store: Store) => Promise<number | Refusal>;

/** What a command line says of a source; what it leaves out stays as it is. */
interface Change {
  name: string;
  strategies?: string[] | null;
  perDay?: number;
  enabled?: boolean;
}

/**
 * `create --role signals --source NAME`: a key of a source, which is made or changed with it. A source may have several
 * keys at once: the new one is made, the sender is given it, then the old one is revoked.
 */
export function sourceKeyCreation(flags: ApikeyFlags): Work | Refusal {
  const { label = '', expires, json } = flags;
  if (flags.user !== undefined) return refusal('bad_flag', 'A key of role signals is for no user: leave --user out.');
  if (flags.scope !== undefined) {
    return refusal('bad_flag', 'A key of role signals neither reads nor trades: leave --scope out.');
  }
  const change = changeOf(flags);
  if ('kind' in change) return change;
  const nowMs = realClock().nowMs();
  const end = endOf({ label, expires }, nowMs);
  if ('kind' in end) return end;
  return async (store) => {
    const { expiresMs } = end;
    await store.call('set_signal_source', { ...change, by: actorOf(flags), nowMs });
    const { key, hash, hint } = newApiKey();
    const source = change.name;
    const about = { role: 'signals', userId: null, source, label } as const;
    await store.call('create_api_key', { hash, hint, ...about, expiresMs, nowMs, by: actorOf(flags) });
    const made = { key, hint, role: 'signals', source, label, expiresAtMs: expiresMs, signingSecret: hash };
    process.stdout.write(json ? `${JSON.stringify(made)}\n` : `${key}\n`);
    process.stderr.write(`This is the only time the key is shown. It is called ${hint} from now on.\n`);
    process.stderr.write(`It may send signals as ${source}, and nothing else, ${until(expiresMs)}.\n`);
    process.stderr.write(howToSend(source));
    return 0;
  };
}

function howToSend(source: string): string {
  return [
    'The sender shows it in one of these ways:',
    `  signed    X-Source: ${source}, X-Timestamp and X-Signature (the signing secret is the SHA-256 of the key, in hex)`,
    '  header    Authorization: Bearer KEY',
    '  body      "key": "KEY" (TradingView)',
    '  address   POST /api/signals/KEY, for who can choose nothing else; addresses end up in logs of others',
    '',
  ].join('\n');
}

/** `source --source NAME` with what is to change. */
export function sourceChange(flags: ApikeyFlags): Work | Refusal {
  const change = changeOf(flags);
  if ('kind' in change) return change;
  return async (store) => {
    const sources = await store.call('read_signal_sources', {});
    if (!sources.some(({ name }) => name === change.name)) {
      const names = sources.map(({ name }) => name).join(', ') || 'none';
      const how = `npm run apikey -- create --role signals --source ${change.name} makes it`;
      return refusal('no_such_source', `There is no source ${change.name} here (there are: ${names}): ${how}.`);
    }
    await store.call('set_signal_source', { ...change, by: actorOf(flags), nowMs: realClock().nowMs() });
    return listSources(store, flags);
  };
}

export async function listSources(store: Store, { json }: ApikeyFlags): Promise<number> {
  const sources = await store.call('read_signal_sources', {});
  process.stdout.write(json ? `${JSON.stringify(sources)}\n` : `${sourcesText(sources)}\n`);
  return 0;
}

function sourcesText(sources: SignalSource[]): string {
  if (sources.length === 0) return 'There are no sources yet: npm run apikey -- create --role signals --source NAME';
  const columns = ['SOURCE', 'STRATEGIES', 'PER DAY', 'TODAY', 'ENABLED', 'KEYS'].map((title) => ({ title }));
  const rows = sources.map(({ name, strategies, perDay, today, enabled, keys }) => {
    const may = strategies === null ? 'all' : strategies.join(',');
    const shown = keys.map((hint) => `${hint}…`).join(' ') || 'none';
    return [name, fitted(may, 60), String(perDay), String(today), enabled ? 'yes' : 'no', fitted(shown, 60)];
  });
  return table(columns, rows, 240, plain);
}

function changeOf({ source, strategies, perDay, enabled }: ApikeyFlags): Change | Refusal {
  if (source === undefined || !/^[a-z0-9][a-z0-9-]{0,39}$/.test(source)) {
    return refusal('bad_flag', 'Give --source: a name of 1 to 40 of a-z, 0-9 and -, such as tradingview-1.');
  }
  const list = strategies === undefined || strategies === 'all' ? null : strategies.split(',').map((one) => one.trim());
  if (list?.some((one) => !strategyPattern.test(one))) {
    return refusal(
      'bad_flag',
      '--strategies is a list such as A,B (1 to 60 characters each, without : and |), or all.',
    );
  }
  if (perDay !== undefined && !/^\d{1,6}$/.test(perDay)) {
    return refusal('bad_flag', '--per-day is a whole number of signals, up to 999999.');
  }
  if (enabled !== undefined && enabled !== 'yes' && enabled !== 'no') {
    return refusal('bad_flag', 'Give --enabled yes or --enabled no.');
  }
  return {
    name: source,
    ...(strategies === undefined ? {} : { strategies: list }),
    ...(perDay === undefined ? {} : { perDay: Number(perDay) }),
    ...(enabled === undefined ? {} : { enabled: enabled === 'yes' }),
  };
}
