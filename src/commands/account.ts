import type { Config } from '../config.ts';
import { userIdOf } from '../domain/ids.ts';
import { formatRupees } from '../domain/rupees.ts';
import type { Answer } from '../ports/store.ts';
import { placeToAsk, sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

interface AccountFlags {
  user?: string;
  active?: string;
  trading?: string;
  strategies?: string;
  allow?: string;
  deny?: string;
  notify?: 'always' | 'orders' | 'off';
  language?: 'en' | 'hi';
  auth?: string;
  acknowledge?: string;
  json?: boolean;
}

/** `npm run account -- --user X [--active yes|no] …`: shows a user's settings and accounts, after changing what is given. */
export async function accountCommand(config: Config, flags: AccountFlags): Promise<number | Refusal> {
  const { user: asked } = flags;
  if (asked === undefined) return refusal('bad_flag', 'Give --user: name or id.');
  for (const flag of ['active', 'trading'] as const) {
    const value = flags[flag];
    if (value !== undefined && value !== 'yes' && value !== 'no')
      return refusal('bad_flag', `--${flag} is yes or no, not ${value}.`);
  }
  if (flags.auth !== undefined && !/^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|none)$/i.test(flags.auth))
    return refusal(
      'bad_flag',
      `--auth is the id of a login (a UUID, the "sub" of its token) or none, not ${flags.auth}.`,
    );
  const place = placeToAsk(config);
  sayPlace(place);
  return withStore(config, place, async (store) => {
    const found = await store.call('read_user', { userId: asked });
    const userId = found?.id ?? userIdOf(asked);
    const { changed } = await store.call('set_user', { userId, ...changesOf(flags) });
    if (flags.acknowledge !== undefined) {
      const account = { userId, venue: flags.acknowledge, mode: config.mode };
      const cleared = await store.call('acknowledge_account', account);
      if (!cleared.changed) return refusal('not_acknowledged', notAcknowledged(account));
    }
    const user = await store.call('read_user', { userId });
    if (!changed || !user) return refusal('no_such_user', `There is no user "${asked}" here: give the name or the id.`);
    process.stdout.write(flags.json ? `${JSON.stringify(user)}\n` : userText(user));
    return 0;
  });
}

function notAcknowledged({ venue, mode }: { venue: string; mode: string }): string {
  return `There is nothing to acknowledge in the ${mode} account at ${venue}: it does not exist, is not blocked, or has less cash than it holds for open orders.`;
}

function changesOf({ active, trading, strategies, allow, deny, auth, notify, language }: AccountFlags) {
  return {
    ...(active === undefined ? {} : { active: active === 'yes' }),
    ...(trading === undefined ? {} : { tradingEnabled: trading === 'yes' }),
    ...(strategies === undefined ? {} : { strategies: listOf(strategies) }),
    ...(allow === undefined ? {} : { allowSymbols: listOf(allow) }),
    ...(deny === undefined ? {} : { denySymbols: listOf(deny) }),
    ...(notify === undefined ? {} : { notify }),
    ...(language === undefined ? {} : { language }),
    ...(auth === undefined ? {} : { authUserId: auth === 'none' ? null : auth.toLowerCase() }),
  };
}

/** `A,B` as a list; `all` and `none` as no list. */
function listOf(text: string): string[] | null {
  return text === 'all' || text === 'none' ? null : text.split(',').map((part) => part.trim());
}

const summaryWords = {
  always: 'a summary after every session',
  orders: 'a summary when there were orders',
  off: 'no summaries',
} as const;

function userText(user: NonNullable<Answer<'read_user'>>): string {
  const list = (items: string[] | null, none: string) =>
    items === null || items.length === 0 ? none : items.join(', ');
  const lines = [
    `${user.name} (${user.id})`,
    `  active      ${user.active ? 'yes' : 'no: paused'}`,
    `  trading     ${user.tradingEnabled ? 'yes' : 'no'}`,
    `  strategies  ${list(user.strategies, 'all')}`,
    `  may buy     ${list(user.allowSymbols, 'every symbol')}; never ${list(user.denySymbols, 'none')}`,
    `  WhatsApp    ${user.hasWhatsapp ? summaryWords[user.notify] : 'no number, gets no message'}; in ${user.language === 'hi' ? 'Hindi' : 'English'}`,
    ...user.accounts.map(({ venue, mode, notReady, cashMinor, heldMinor }) => {
      const money = `cash ${formatRupees(cashMinor)}, held ${formatRupees(heldMinor)}`;
      return `  account     ${venue}, ${mode}: ${money}${notReady === null ? '' : `; not ready: ${notReady}`}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}
