// npm run why: explains why a user did or did not get an order.
import type { Config } from '../../config/config.ts';
import { parseTradeDate } from '../../domain/market/india-time.ts';
import { possibleSymbols, shareReader } from '../../domain/market/symbols.ts';
import type { Store } from '../../ports/store/store.ts';
import { makeScreen } from '../../terminal/screen.ts';
import { whyText } from '../../terminal/screens/why.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { shown, userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { noteRemoved } from './removed-note.ts';

interface WhyFlags {
  user: string;
  symbol?: string;
  date?: string;
  json?: boolean;
}

/**
 * `npm run why`: why a user did or did not get a symbol, from the decision to the last fill; without a symbol their whole
 * day (the last there is, unless a date is given). Exit 2 for a user or symbol nobody knows.
 */
export async function whyCommand(config: Config, flags: WhyFlags): Promise<number | Refusal> {
  const { date, json } = flags;
  if (date !== undefined && parseTradeDate(date) === null) {
    return refusal('bad_flag', `--date ${date} is not a date, such as 2025-08-28.`);
  }
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, (store) => explained(store, flags, json === true));
}

async function explained(store: Store, { user, symbol, date }: WhyFlags, json: boolean): Promise<number | Refusal> {
  const named = await userNamed(store, user);
  if ('kind' in named) return named;
  const share = symbol === undefined ? null : await symbolNamed(store, symbol);
  if (share !== null && typeof share === 'object') return share;
  const query = { user: named.id, symbol: share, date: date ?? (share === null ? await lastDay(store) : null) };
  await noteRemoved(store, query.date);
  const answer = await store.call('why', query);
  if (answer.decisions.length === 0 && (await isUnknown(store, share))) return unknownSymbol(share ?? '');
  const about = { user: shown(named), symbol: share ?? 'any symbol', date: query.date };
  return printed(json ? JSON.stringify(answer) : whyText(answer, about));
}

function printed(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

async function symbolNamed(store: Store, symbol: string): Promise<string | Refusal> {
  const listings = await store.call('read_listings', { symbols: possibleSymbols(symbol) });
  const read = shareReader(listings)(symbol);
  return 'value' in read ? read.value : unknownSymbol(symbol, ` (${read.reason})`);
}

/** A symbol that is no instrument may have been a signal's all the same: only where nothing is known of it it is unknown. */
async function isUnknown(store: Store, symbol: string | null): Promise<boolean> {
  if (symbol === null) return false;
  return (await store.call('read_listings', { symbols: possibleSymbols(symbol) })).length === 0;
}

function unknownSymbol(symbol: string, why = ''): Refusal {
  return refusal(
    'no_such_symbol',
    `No instrument ${symbol} is known here${why}: give the exchange's symbol, such as TITAN.`,
  );
}

async function lastDay(store: Store): Promise<string | null> {
  const [last] = await store.call('read_runs', { named: null, after: null, limit: 1 });
  return last?.tradeDate ?? null;
}

/** Standard output, as a terminal where it is one. */
export function screen() {
  const { stdout } = process;
  return makeScreen({ stream: stdout, isTerminal: stdout.isTTY ?? false, columns: stdout.columns });
}
