// Asks the venues whether the sessions of connected accounts stand.
import { realClock } from '../../adapters/clock.ts';
import { moduleNamed, type VenueModules } from '../../adapters/venues/module.ts';
import { loginLinks, type RealVenues, realVenues } from '../../compose/venues.ts';
import type { Config } from '../../config/config.ts';
import { istIso } from '../../domain/market/india-time.ts';
import type { Mode } from '../../domain/types.ts';
import type { Store } from '../../ports/store/store.ts';
import { VaultError } from '../../ports/vault.ts';
import type { SessionStatus } from '../../ports/venue.ts';
import { userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';

/** A link to log in by is good for so long: a day's login is done in the morning. */
const LINK_MS = 24 * 60 * 60_000;

interface ConnectionCheck {
  config: Config;
  store: Store;
  mode: Mode;
  user?: string;
  venue?: string;
  json?: boolean;
}

interface Connection {
  accountId: number;
  userId: string;
  venue: string;
  mode: Mode;
  session: 'open' | 'closed' | 'unreadable' | 'not_set_up';
  untilMs: number | null;
  reason: string | null;
  /** Where the user logs in, where they have to. It is for them alone. */
  login: string | null;
}

/** Opens each connected account's record and asks its venue whether the session stands. Exit 1 unless all do. */
export async function checkConnections(options: ConnectionCheck): Promise<number | Refusal> {
  const { config, store, mode, user, venue, json } = options;
  const named = user === undefined ? null : await userNamed(store, user);
  if (named && 'kind' in named) return named;
  const userId = named?.id ?? null;
  const connected = (await store.call('read_all_credentials', {})).filter(
    (one) => one.mode === mode && (userId ?? one.userId) === one.userId && (venue ?? one.venue) === one.venue,
  );
  if (connected.length === 0) {
    const who = user === undefined ? 'No account' : `No account of ${user}`;
    return refusal('not_connected', `${who} is connected here (${mode}${venue ? `, ${venue}` : ''}).`);
  }
  const real = await realVenues({ config, store, clock: realClock(), mode });
  const linkFor = loginLinks(config, real.logins);
  const checked: Connection[] = [];
  for (const { accountId, userId: whose, venue: at } of connected) {
    const account = { accountId, userId: whose, venue: at, mode };
    const connection = await check(real, config.venues.modules, account);
    const untilMs = realClock().nowMs() + LINK_MS;
    const login = connection.session === 'closed' ? await linkFor({ venue: at, accountId, untilMs }) : null;
    checked.push({ ...connection, login });
  }
  process.stdout.write(json ? `${JSON.stringify(checked)}\n` : `${checked.map(line).join('\n')}\n`);
  return checked.every(({ session }) => session === 'open') ? 0 : 1;
}

type Account = Pick<Connection, 'accountId' | 'userId' | 'venue' | 'mode'>;
type Checked = Omit<Connection, 'login'>;

async function check({ venues, logins, vault }: RealVenues, modules: VenueModules, account: Account): Promise<Checked> {
  const { venue } = account;
  const accountApi = venues.get(venue)?.accountApi;
  const none = { ...account, untilMs: null };
  if (!accountApi) return { ...none, session: 'not_set_up', reason: addressMissing(modules, venue) };
  try {
    await vault.read(account);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return { ...none, session: 'unreadable', reason: error.message };
  }
  const first = await accountApi.sessionStatus(account);
  const logIn = logins.get(venue)?.logIn;
  if (first.kind !== 'closed' || !logIn) return { ...account, ...sessionFields(first) };
  const login = await logIn(account.accountId);
  if (login.kind === 'open') return { ...account, ...sessionFields(await accountApi.sessionStatus(account)) };
  return { ...none, session: 'closed', reason: 'reason' in login ? login.reason : login.kind };
}

function sessionFields(status: SessionStatus): Pick<Connection, 'session' | 'untilMs' | 'reason'> {
  if (status.kind === 'open') return { session: 'open', untilMs: status.untilMs, reason: null };
  return { session: status.kind, untilMs: null, reason: status.reason };
}

function addressMissing(modules: VenueModules, venue: string): string {
  const module = moduleNamed(modules, venue);
  return module ? `${module.addressSetting} is not set` : 'no venue that is known here';
}

function line({ userId, venue, mode, session, untilMs, reason, login }: Connection): string {
  const until = untilMs === null ? '' : ` until ${istIso(untilMs).slice(0, 16)}`;
  const why = reason === null ? '' : `: ${reason}`;
  return `${userId} at ${venue} (${mode}): session ${session.replaceAll('_', ' ')}${until}${why}${login === null ? '' : `\n  log in: ${login}`}`;
}
