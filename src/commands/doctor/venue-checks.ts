// What the doctor checks of live trading: credentials, venues, logins and accounts.
import { inspect } from '../../adapters/credentials/vault.ts';
import { masterKeys, type RealVenues, realVenues } from '../../compose/venues.ts';
import type { Config } from '../../config/config.ts';
import type { Mic } from '../../domain/market/market.ts';
import { dateIn, tradingDay } from '../../domain/market/session.ts';
import type { Store } from '../../ports/store/store.ts';
import type { LiveAccounts } from '../../ports/store/watch.ts';
import type { Clock } from '../../ports/world.ts';
import { type Check, errorText, firstFew, nameIn, ok, warning, wrong } from './checks.ts';

export interface VenueFacts {
  config: Config;
  store: Store;
  clock: Clock;
}

/**
 * What live trading needs beside the database: that the stored credentials open, that venues are set up and can send a
 * browser back to us, and who could trade today. No venue is asked, nothing is written, and no secret is shown.
 */
export async function checkVenues(facts: VenueFacts): Promise<Check[]> {
  const { mode, venues } = facts.config;
  const stored = await facts.store.call('read_all_credentials', {});
  if (mode !== 'live' && stored.length === 0 && venues.setUp.size === 0) return [];
  const credentials = await credentialsCheck(facts, stored.length);
  if (mode !== 'live') return [credentials];
  return [credentials, ...(await setUpChecks(facts)), ...(await accountsChecks(facts))];
}

async function credentialsCheck({ config, store }: VenueFacts, count: number): Promise<Check> {
  const name = 'credentials';
  const keys = masterKeys(config);
  if (count === 0) return ok(name, 'none are stored: no account is connected');
  if (!keys) {
    const todo =
      'Set CREDENTIALS_KEY to the key they were sealed with; without it each account is to be connected again.';
    return wrong(name, `${count} are stored, and CREDENTIALS_KEY is not set: none opens`, todo);
  }
  const { current, old, failed } = await inspect({ store, keys });
  if (failed.length > 0) {
    const says = `${failed.length} of ${count} do not open: ${firstFew(failed.map(({ userId, venue }) => `${userId} at ${venue}`))}`;
    return wrong(name, says, `${failed[0]?.why}.`);
  }
  if (old === 0) return ok(name, `all ${current} open with CREDENTIALS_KEY`);
  const says = `all open, ${old} of ${count} with an old key only`;
  return warning(name, says, 'npm run account -- rotate, then empty CREDENTIALS_KEYS_OLD');
}

async function setUpChecks({ config, store, clock }: VenueFacts): Promise<Check[]> {
  let real: RealVenues;
  try {
    real = await realVenues({ config, store, clock, mode: 'live' });
  } catch (error) {
    return [wrong('live venues', errorText(error), 'Correct it in the environment; .env.example lists every setting.')];
  }
  const checks = [ok('live venues', `${[...real.venues.keys()].join(', ')} set up`)];
  const scanned = config.markets.flatMap(({ exchanges }) => exchanges);
  for (const [name, setUp] of config.venues.setUp) {
    checks.push(...setUp.warnings(scanned).map(({ says, todo }) => warning(name, says, todo)));
  }
  const browsers = [...real.logins].flatMap(([name, { loginUrl }]) => (loginUrl ? [name] : []));
  return browsers.length === 0 ? checks : [...checks, loginsCheck(config, browsers)];
}

function loginsCheck({ http: { publicUrl, cronSecret } }: Config, browsers: string[]): Check {
  const at = browsers.join(', ');
  if (publicUrl === null) {
    const todo = 'Set PUBLIC_URL to where browsers reach this service, and give the venue the address for logins.';
    return wrong('logins', `nobody can log in at ${at}: PUBLIC_URL is not set`, todo);
  }
  if (!/^https:/.test(publicUrl)) {
    return warning('logins', 'PUBLIC_URL is not https: logins travel in the open', 'Set PUBLIC_URL=https://…');
  }
  if (cronSecret === null) {
    const todo = 'CRON_SECRET=$(openssl rand -hex 32)';
    return warning(
      'logins',
      `no HTTP is served here without CRON_SECRET: logins at ${at} must come back elsewhere`,
      todo,
    );
  }
  return ok('logins', `at ${at} come back to ${publicUrl}/api/venues/…/login`);
}

/** The live accounts of each scanned market, by its own day. */
async function accountsChecks({ config, store, clock }: VenueFacts): Promise<Check[]> {
  const checks: Check[] = [];
  for (const market of config.markets) {
    const today = dateIn(market, clock.nowMs());
    const { venues, notReady } = await store.call('read_live_accounts', {
      tradeDate: today,
      currency: market.currency,
    });
    const overrides = await store.call('read_calendar_days', { exchange: market.calendar.name });
    const trades = tradingDay(market, today, overrides).kind === 'open';
    checks.push(...accountsOf(market.mic, { venues, notReady }, trades));
  }
  return checks;
}

function accountsOf(mic: Mic, { venues, notReady }: LiveAccounts, trades: boolean): Check[] {
  const total = (of: 'accounts' | 'connected' | 'ready') => venues.reduce((sum, one) => sum + one[of], 0);
  if (venues.length === 0) {
    const todo = 'npm run import -- users FILE.csv (column venue), then npm run account -- connect';
    return [warning(nameIn('live accounts', mic), 'no active user has one', todo)];
  }
  return [
    connectedCheck(nameIn('connected', mic), venues, total('accounts'), total('connected')),
    readyCheck(nameIn('ready today', mic), trades, total, notReady),
  ];
}

function connectedCheck(name: string, venues: LiveAccounts['venues'], accounts: number, connected: number): Check {
  const each = venues.map((one) => `${one.connected} of ${one.accounts} at ${one.venue}`).join(', ');
  if (connected === accounts) return ok(name, `every live account: ${each}`);
  return warning(name, each, 'npm run account -- connect --user … --venue …');
}

function readyCheck(
  name: string,
  trades: boolean,
  total: (of: 'accounts' | 'ready') => number,
  notReady: LiveAccounts['notReady'],
): Check {
  if (!trades) return ok(name, 'no trading day: nobody has to be');
  const says = `${total('ready')} of ${total('accounts')} live accounts`;
  if (notReady.length === 0) return ok(name, says);
  const whys = notReady.map(({ venue, why, count }) => `${count} at ${venue}: ${why}`);
  return warning(name, `${says}; ${firstFew(whys)}`, 'npm run ready asks the venues, and says what to do for each');
}
