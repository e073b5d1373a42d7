import type { Config } from '../config.ts';
import { parseTradeDate } from '../domain/ist.ts';
import { possibleSymbols, shareReader } from '../domain/symbols.ts';
import type { Store } from '../ports/store.ts';
import { makeScreen } from '../terminal/screen.ts';
import { whyText } from '../terminal/why.ts';
import { shown, userNamed } from './named.ts';
import { placeToAsk, sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

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
export async function whyCommand(config: Config, { user, symbol, date, json }: WhyFlags): Promise<number | Refusal> {
  if (date !== undefined && parseTradeDate(date) === null) {
    return refusal('bad_flag', `--date ${date} is not a date, such as 2025-08-28.`);
  }
  const place = placeToAsk(config);
  sayPlace(place);
  return withStore(config, place, async (store) => {
    const named = await userNamed(store, user);
    if ('kind' in named) return named;
    const share = symbol === undefined ? null : await symbolNamed(store, symbol);
    if (share !== null && typeof share === 'object') return share;
    const asked = { user: named.id, symbol: share, date: date ?? (share === null ? await lastDay(store) : null) };
    const answer = await store.call('why', asked);
    const text = whyText(answer, { user: shown(named), symbol: share ?? 'any symbol', date: asked.date });
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${text}\n`);
    return 0;
  });
}

async function symbolNamed(store: Store, symbol: string): Promise<string | Refusal> {
  const listings = await store.call('read_listings', { symbols: possibleSymbols(symbol) });
  const found = shareReader(listings)(symbol);
  if ('value' in found && listings.length > 0) return found.value;
  const why = 'reason' in found ? ` (${found.reason})` : '';
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
