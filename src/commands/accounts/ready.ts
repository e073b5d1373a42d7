// npm run ready: whether each live account can trade today, and what to do where it can’t.
import { styleText } from 'node:util';
import { realClock } from '../../adapters/clock.ts';
import { storedQuotes } from '../../adapters/quotes/quotes.ts';
import { makeWorld, openStore } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { makeLog } from '../../log.ts';
import { type AccountReadiness, type ReadinessReport, ready } from '../../stages/accounts/readiness.ts';
import { remindersText } from '../../terminal/screens/messages.ts';
import { type Cell, type Paint, type Tone, table } from '../../terminal/table.ts';
import { fitted } from '../../terminal/width.ts';
import { showTarget, targetToRead } from '../database-target.ts';
import { namedMarket } from '../named-market.ts';
import type { Refusal } from '../refusal.ts';

/**
 * `npm run ready [-- --market M]`: whether each live account can trade today, what to do where it can't, and the reminders of users whose login
 * is missing. 1: one of them can't.
 */
export async function readyCommand(
  config: Config,
  { json, market: code }: { json?: boolean; market?: string },
): Promise<number | Refusal> {
  const market = namedMarket(code);
  if ('message' in market) return market;
  const target = targetToRead(config);
  showTarget(target);
  const onSlowStart = (text: string) => process.stderr.write(`${text}\n`);
  const store = await openStore({ config, target, readOnly: false, onSlowStart });
  try {
    const worldOptions = {
      config,
      target,
      store,
      clock: realClock(),
      quotes: storedQuotes(store, config.paperPrices),
      faults: null,
    };
    const world = await makeWorld({ ...worldOptions, emit: makeLog(config.logLevel) });
    const report = await ready(world, { mode: config.mode, market, concurrency: config.concurrency });
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else {
      const rows = await store.call('read_messages', { runId: null, tradeDate: report.tradeDate });
      const sections = [readinessText(report, process.stdout.columns || 120), remindersText(rows, onScreen)];
      process.stdout.write(`${sections.filter((part) => part !== '').join('\n\n')}\n`);
    }
    return report.accounts.every((one) => one.ready) ? 0 : 1;
  } finally {
    await store.close();
  }
}

/** A row per account, and below it what to do for each that is not ready. */
export function readinessText(report: ReadinessReport, columns: number, paint: Paint = onScreen): string {
  const { mode, tradeDate, tradingDay, accounts, adjusted, external } = report;
  if (mode === 'paper') return 'Paper accounts need no check: they are always ready.';
  if (accounts.length === 0)
    return 'There are no live accounts of active users in this market’s currency: npm run account -- connect …';
  const rows = accounts.map(({ userName, venue, ready: isReady, reason }): Cell[] => {
    const sign: Cell = isReady ? { text: '✓', tone: 'good' } : { text: '✗', tone: 'bad' };
    return [sign, fitted(userName, 30), venue, fitted(reason ?? 'ready', Math.max(columns - 50, 40))];
  });
  const heads = [{ title: '' }, { title: 'User' }, { title: 'Venue' }, { title: 'Found' }];
  const notReady = accounts.filter((one) => !one.ready);
  const lines = [
    table(heads, rows, columns, paint),
    '',
    `${accounts.length - notReady.length} of ${accounts.length} ready for ${tradeDate}${tradingDay ? '' : ', no trading day: books were left alone'}`,
    ...(adjusted + external > 0 ? [`Books brought to the venues’: cash of ${adjusted}, ${external} holdings`] : []),
    ...(notReady.length > 0 ? ['', 'To do:', ...notReady.map((one) => `✗ ${one.userName}: ${todoOf(one)}`)] : []),
  ];
  return lines.join('\n');
}

const onScreen: Paint = (tone: Tone, text: string) => {
  const formats = { good: 'green', bad: 'red', notice: 'yellow', quiet: 'dim', strong: 'bold' } as const;
  return styleText(formats[tone], text, { stream: process.stdout, validateStream: true });
};

function todoOf({ userId, venue, reason, acknowledge }: AccountReadiness): string {
  if (acknowledge) {
    return `look at it at ${venue}, then npm run account -- --user ${userId} --acknowledge ${venue}, and npm run ready`;
  }
  const connect = reason === 'no_login: not_connected' ? 'not_connected' : null;
  const code = connect ?? (reason ?? '').split(':')[0] ?? '';
  return (todos[code] ?? todos['other'] ?? '').replaceAll('USER', userId).replaceAll('VENUE', venue);
}

const todos: Readonly<Record<string, string>> = {
  not_connected: 'npm run account -- connect --user USER --venue VENUE, then npm run ready',
  no_login: 'npm run account -- check --user USER --venue VENUE shows how to log in; then npm run ready',
  other_currency:
    'VENUE’s money is of another currency: give the user an account in it (column currency of the users file)',
  login_ends_at: 'the login ends before the market closes: log in anew, then npm run ready',
  venue_not_set_up: 'VENUE has no address here: set VENUE’s …_BASE_URL, or move the user to another venue',
  address_not_confirmed:
    'orders must come from the address registered at VENUE: npm run account -- connect --user USER --venue VENUE with a proxyUrl, or addressConfirmed',
  calendar_differs:
    'see which is right (the exchange’s own notice), and set the day: npm run calendar -- --market M --date D; if VENUE is wrong, its account waits for the day to pass',
  no_price_of_holding: 'a holding without a price can not be booked: sell it, or wait until VENUE has a price',
  holding_beyond_exact_numbers: 'VENUE says of a holding more than can be computed with: ask VENUE whether it is right',
  funds_empty: 'our books have money and VENUE shows none: an odd answer, or it was all paid out; look at it there',
  other: 'ask VENUE, then npm run ready again',
};
