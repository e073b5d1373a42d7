// Makes the database logins the service and its HTTP part connect with.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { SqlSession } from '../../ports/database.ts';

/** The sets of functions a login may call; `service` calls all, `http` what a process needs that only serves HTTP. */
export const loginGroups = ['service', 'http'] as const;
export type LoginGroup = (typeof loginGroups)[number];

/** The login `npm run migrate -- --login` makes for a group. */
export const loginNames: Readonly<Record<LoginGroup, string>> = {
  service: 'daily_scan_service_login',
  http: 'daily_scan_http_login',
};

const ITERATIONS = 4096;

/**
 * What Postgres keeps of a password (SCRAM-SHA-256, RFC 5802 and 7677), made here so that the password itself is in no
 * statement and no server log. The password must be ASCII, where SASLprep changes nothing.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}

/**
 * Makes a login that may call the group's functions and nothing else, or gives the one there is this password. Whatever
 * else it was allowed as a role is taken back.
 * @param name letters, digits and underscores
 * @throws the server's error where this session may not create roles
 */
export async function makeLogin(
  session: SqlSession,
  { name, group, password }: { name: string; group: LoginGroup; password: string },
): Promise<'created' | 'changed'> {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`"${name}" can't be the name of a login`);
  const [{ there } = {}] = await session.query('select to_regrole($1) is not null as there', [name]);
  const rights = 'login inherit nocreatedb nocreaterole noreplication';
  const verifier = scramVerifier(password);
  await session.exec(`${there === true ? 'alter' : 'create'} role ${name} ${rights} password '${verifier}'`);
  for (const other of loginGroups) {
    if (other === group) await session.exec(`grant daily_scan_${other} to ${name}`);
    else await session.exec(`revoke daily_scan_${other} from ${name}`);
  }
  return there === true ? 'changed' : 'created';
}
