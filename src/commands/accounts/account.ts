// npm run account: shows a user’s settings and accounts, and changes them.
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import { currencies, isCurrency, unknownCurrency } from '../../domain/currency.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { possibleSymbols, shareReader } from '../../domain/market/symbols.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { Mode } from '../../domain/types.ts';
import type { Blocks } from '../../ports/store/accounts.ts';
import type { ChangedUser, StoredUser, UserAccount } from '../../ports/store/imports.ts';
import type { Store } from '../../ports/store/store.ts';
import { plural } from '../../terminal/format.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { acknowledge, blockText } from './acknowledge.ts';

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
  seen?: string;
  venue?: string;
  currency?: string;
  reference?: string;
  by?: string;
  why?: string;
  json?: boolean;
}

/** `npm run account -- --user X [--active yes|no] …`: shows a user's settings and accounts, after changing what is given. */
export async function accountCommand(config: Config, flags: AccountFlags): Promise<number | Refusal> {
  const { user: nameOrId } = flags;
  if (nameOrId === undefined) return refusal('bad_flag', 'Give --user: name or id.');
  const wrong = wrongFlags(flags);
  if (wrong) return wrong;
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const by = actorOf(flags);
    const named = await userNamed(store, nameOrId);
    if ('kind' in named) return named;
    const userId = named.id;
    const lists = await listsOf(store, flags);
    if ('kind' in lists) return lists;
    const { changed, ...orders } = await store.call('set_user', { userId, ...changesOf(flags), ...lists, by });
    const refused = await acknowledged(store, flags, { userId, mode: config.mode, by });
    if (refused) return refused;
    const user = await store.call('read_user', { userId });
    if (!changed || !user)
      return refusal('no_such_user', `There is no user "${nameOrId}" here: give the name or the id.`);
    const blocks = await store.call('read_blocks', { userId });
    const text = () => `${ordersText(orders)}${userText(user, blocks)}`;
    process.stdout.write(flags.json ? `${JSON.stringify({ ...user, blocks, orders })}\n` : text());
    return 0;
  });
}

function wrongFlags(flags: AccountFlags): Refusal | null {
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
  if (flags.seen !== undefined && flags.acknowledge === undefined)
    return refusal('bad_flag', '--seen says what --acknowledge VENUE is about: give both.');
  const { currency } = flags;
  if (currency !== undefined && !isCurrency(currency))
    return refusal('bad_flag', `--currency ${currency} ${unknownCurrency}.`);
  if (currency !== undefined && flags.acknowledge === undefined)
    return refusal('bad_flag', '--currency goes with --deposit, --withdraw or --acknowledge.');
  for (const flag of ['venue', 'reference'] as const) {
    if (flags[flag] !== undefined) return refusal('bad_flag', `--${flag} goes with --deposit or --withdraw.`);
  }
  return null;
}

function changesOf({ active, trading, strategies, auth, notify, language }: AccountFlags) {
  return {
    ...(active === undefined ? {} : { active: active === 'yes' }),
    ...(trading === undefined ? {} : { tradingEnabled: trading === 'yes' }),
    ...(strategies === undefined ? {} : { strategies: listOf(strategies) }),
    ...(notify === undefined ? {} : { notify }),
    ...(language === undefined ? {} : { language }),
    ...(auth === undefined ? {} : { authUserId: auth === 'none' ? null : auth.toLowerCase() }),
  };
}

async function acknowledged(
  store: Store,
  { acknowledge: venue, seen: acknowledgedIds, currency, json }: AccountFlags,
  of: { userId: string; mode: Mode; by: Actor },
): Promise<Refusal | null> {
  if (venue === undefined) return null;
  const done = await acknowledge(store, {
    ...{ ...of, venue, nowMs: realClock().nowMs(), acknowledgedIds },
    currency: currency !== undefined && isCurrency(currency) ? currency : null,
  });
  if (!Array.isArray(done)) return done;
  if (!json) process.stdout.write(done.map((sentence) => `${sentence}\n`).join(''));
  return null;
}

/** The lists of symbols that are given, each as the share it names; or which of them names none. */
async function listsOf(store: Store, { allow, deny }: AccountFlags) {
  const texts = { ...(allow === undefined ? {} : { allow }), ...(deny === undefined ? {} : { deny }) };
  const lists: { allowSymbols?: string[] | null; denySymbols?: string[] | null } = {};
  for (const [flag, text] of Object.entries(texts)) {
    const list = listOf(text);
    const listings = await store.call('read_listings', { symbols: (list ?? []).flatMap(possibleSymbols) });
    const read = shareReader(listings);
    const symbols = list?.map((one) => read(one)) ?? null;
    const at = symbols?.findIndex((symbol) => 'reason' in symbol) ?? -1;
    const wrong = symbols?.[at];
    if (wrong && 'reason' in wrong) return refusal('bad_flag', `--${flag}: "${list?.[at]}" ${wrong.reason}.`);
    const values = symbols?.flatMap((symbol) => ('value' in symbol ? [symbol.value] : [])) ?? null;
    lists[flag === 'allow' ? 'allowSymbols' : 'denySymbols'] = values;
  }
  return lists;
}

/** `A,B` as a list; `all` and `none` as no list. */
function listOf(text: string): string[] | null {
  return text === 'all' || text === 'none' ? null : text.split(',').map((part) => part.trim());
}

/** What the change did to orders that were accepted before it. */
function ordersText({ stopped, underWay }: Pick<ChangedUser, 'stopped' | 'underWay'>): string {
  const ended = stopped === 0 ? '' : `${plural(stopped, 'order')} not sent yet: canceled.\n`;
  const sent = `${plural(underWay, 'order')} sent already: with the venue, not called back.\n`;
  return `${ended}${underWay === 0 ? '' : sent}`;
}

const summaryTexts = {
  always: 'a summary after every session',
  orders: 'a summary when there were orders',
  off: 'no summaries',
} as const;

function userText(user: StoredUser, blocks: Blocks[]): string {
  const list = (items: string[] | null, none: string) =>
    items === null || items.length === 0 ? none : items.join(', ');
  const lines = [
    `${user.name} (${user.id})`,
    `  active      ${user.active ? 'yes' : 'no: paused'}`,
    `  trading     ${user.tradingEnabled ? 'yes' : 'no'}`,
    `  strategies  ${list(user.strategies, 'all')}`,
    `  may buy     ${list(user.allowSymbols, 'every symbol')}; never ${list(user.denySymbols, 'none')}`,
    `  WhatsApp    ${user.hasWhatsapp ? summaryTexts[user.notify] : 'no number, gets no message'}; in ${user.language === 'hi' ? 'Hindi' : 'English'}`,
    ...user.accounts.map((account) => {
      const { venue, mode, notReady, cashMinor, heldMinor } = account;
      const currency = currencies[account.currency];
      const money = `cash ${formatMoney(cashMinor, currency)}, held ${formatMoney(heldMinor, currency)}`;
      const block = blocks.find((one) => one.venue === venue && one.mode === mode && one.currency === account.currency);
      const why = notReady === null ? '' : `; not ready: ${notReady}`;
      const shown = block ? `\n${blockText(user.id, block)}` : '';
      return `  account     ${venue}, ${mode}: ${money}${limitText(account)}${why}${movedText(account)}${shown}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** A line per deposit and withdrawal, as far as they are shown. */
function movedText({ moved, currency }: UserAccount): string {
  return moved
    .map(({ kind, amountMinor, atMs, reference, source }) => {
      const when = istIso(atMs).slice(0, 16).replace('T', ' ');
      // One that was made for a single command says nothing to anybody.
      const name = reference === null || reference.startsWith('cli:') ? source : reference;
      return `\n    ${when}  ${kind} ${formatMoney(amountMinor, currencies[currency])}${name === null ? '' : ` (${name})`}`;
    })
    .join('');
}

function limitText({ maxOrdersPerDay, maxOrderValueMinor, currency }: UserAccount): string {
  const most = maxOrderValueMinor === null ? null : formatMoney(maxOrderValueMinor, currencies[currency]);
  const orders = maxOrdersPerDay === null ? '' : `; at most ${maxOrdersPerDay} orders to buy a day`;
  const value = most === null ? '' : `; an order at most ${most}`;
  return `${orders}${value}`;
}
