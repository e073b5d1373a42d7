// Imports a storm's users, signals and credentials.
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import { masterKeys } from '../../src/compose/venues.ts';
import type { Config } from '../../src/config/config.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { Clock } from '../../src/ports/world.ts';
import { apiKey as kiteKey, apiSecret as kiteSecret } from '../../test/simulators/venues/kite-exchange.ts';
import { apiKey as lemonnKey, privateKey as lemonnPrivateKey } from '../../test/simulators/venues/lemonn-exchange.ts';
import { buy, importedUser, instrument } from '../../test/support/builders.ts';
import { tester } from '../../test/support/tester.ts';
import { LEVERAGE, nseShares, usShares } from './simulated-venues.ts';

const venues = ['kite', 'lemonn', 'alpaca'] as const;
type VenueName = (typeof venues)[number];

/** The strategy of the US shares: who is at Alpaca follows it alone, everybody else follows the other alone. */
const strategies = { kite: ['breakout-20d'], lemonn: ['breakout-20d'], alpaca: ['us-momentum'] };

/** The day's signals, one for each share. */
const signals = [
  ...Object.entries(nseShares).map(([symbol, price], n) => buy(symbol, n + 1, Math.round(price * 100))),
  ...Object.entries(usShares).map(([symbol, price], n) => {
    return buy(symbol, n + 5, Math.round(price * 100), { exchange: 'US', strategy: 'us-momentum' });
  }),
];

/** Each in turn at another venue; every other one buys with the broker's leverage, where there is one. */
function userAt(index: number) {
  const venue = venues[index % venues.length] ?? 'kite';
  const leverageCenti = venue !== 'alpaca' && index % 2 === 0 ? LEVERAGE * 100 : 100;
  const currency = venue === 'alpaca' ? 'USD' : 'INR';
  return importedUser(`User ${index + 1}`, {
    venue,
    currency,
    leverageCenti,
    whatsapp: `+9190${String(10_000_000 + index)}`,
  });
}

/** What is stored of an account: what must never be seen, and the rest. */
function credentialsOf(venue: VenueName, accountId: number): { secret: Record<string, string>; rest: object } {
  const rest = { addressConfirmed: true };
  switch (venue) {
    case 'kite': {
      const secret = { apiKey: kiteKey, apiSecret: kiteSecret, accessToken: `token${accountId}` };
      return { secret, rest: { ...rest, clientId: 'AB1234' } };
    }
    case 'lemonn': {
      const clientId = `C${accountId}`;
      const secret = { apiKey: lemonnKey, privateKey: lemonnPrivateKey, accessToken: `token-${clientId}` };
      return { secret, rest: { ...rest, clientId, flow: 'session' } };
    }
    case 'alpaca':
      return { secret: { keyId: `PKTEST${accountId}`, secretKey: `secret${accountId}` }, rest };
  }
}

/**
 * Puts instruments, signals and users into the database and each user's credentials into the vault. Gives what must never
 * be read anywhere: the secrets, and the numbers of the users.
 */
export async function importUsers(
  { store, session, config, clock }: { store: Store; session: SqlSession; config: Config; clock: Clock },
  count: number,
): Promise<{ secrets: string[]; numbers: string[] }> {
  const keys = masterKeys(config);
  if (!keys) throw new Error('there is a master key');
  const users = Array.from({ length: count }, (_, index) => userAt(index));
  const instruments = signals.map(({ exchange, symbol }) => instrument(symbol, { exchange, tickMinor: 5 }));
  await store.call('import_instruments', { by: tester, instruments });
  await store.call('import_signals', { by: tester, signals, source: 'venue-storm' });
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'venue-storm', nowMs: clock.nowMs() });
  const vault = storeVault({ store, clock, keys, by: null });
  const rows = await session.query('select id::int, user_id, venue from public.accounts order by id');
  const secrets = new Set<string>();
  for (const { id, user_id, venue: at } of rows) {
    const venue = venues.find((one) => one === at);
    if (!venue) throw new Error(`nobody is to have an account at ${at}`);
    await store.call('set_user', { by: tester, userId: String(user_id), strategies: strategies[venue] });
    const { secret, rest } = credentialsOf(venue, Number(id));
    await vault.write({ accountId: Number(id), venue, mode: 'live' }, { ...secret, ...rest }, null);
    for (const value of Object.values(secret)) secrets.add(value);
  }
  return { secrets: [...secrets], numbers: users.flatMap(({ whatsapp }) => whatsapp ?? []) };
}
