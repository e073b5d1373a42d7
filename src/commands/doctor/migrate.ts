// npm run migrate: brings the schema up to date, and makes the service’s logins.
import { type LoginGroup, loginGroups, loginNames, makeLogin } from '../../adapters/store/logins.ts';
import { migrate, readMigrations } from '../../adapters/store/migrate.ts';
import { openPostgresSession } from '../../adapters/store/postgres.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { secretFile } from '../../config/files.ts';
import { secret } from '../../config/secrets.ts';
import type { SqlSession } from '../../ports/database.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface MigrateFlags {
  login?: string[];
  by?: string;
  why?: string;
  json?: boolean;
}

interface LoginToMake {
  group: LoginGroup;
  password: string;
}

/**
 * `npm run migrate`: brings the schema of the database up to date; an embedded one does it whenever it opens. With
 * `--login service=FILE` it also makes the login the service runs as, with the password of the file, and sets every
 * right anew.
 */
export async function migrateCommand(config: Config, flags: MigrateFlags): Promise<number | Refusal> {
  const logins = loginsOf(flags.login ?? []);
  if (!Array.isArray(logins)) return logins;
  const target = targetOf(config, 'main');
  showTarget(target);
  if (target.kind === 'embedded') {
    if (logins.length > 0) return refusal('bad_flag', 'An embedded database has no logins: it is in this process.');
    await withStore(config, target, async () => undefined);
    process.stdout.write('The schema is up to date.\n');
    return 0;
  }
  if (target.kind === 'supabase') {
    return refusal(
      'bad_environment',
      'npm run migrate needs SQL, which SUPABASE_URL does not give: run `supabase db push` for the project, or set ' +
        'DATABASE_URL to its postgres:// address for this one command.',
    );
  }
  const session = await openPostgresSession(target.url);
  try {
    const { applied, current } = await migrate(session, readMigrations(), actorOf(flags));
    for (const name of applied) process.stdout.write(`applied ${name}\n`);
    process.stdout.write(`The schema is up to date (${applied.length} applied, ${current.length} in all).\n`);
    return (await makeLogins(session, logins)) ?? 0;
  } finally {
    await session.close();
  }
}

/** `service=FILE` as a group and the password of the file, judged like every secret. */
function loginsOf(flags: string[]): LoginToMake[] | Refusal {
  const logins: LoginToMake[] = [];
  for (const flag of flags) {
    const [, name, path] = /^(\w+)=(.+)$/.exec(flag) ?? [];
    const group = loginGroups.find((one) => one === name);
    if (group === undefined || path === undefined) {
      return refusal('bad_flag', `--login is service=FILE or http=FILE, where FILE holds the password; not ${flag}.`);
    }
    const file = secretFile(path);
    if (file.kind === 'unreadable') return refusal('bad_flag', `--login ${group} names ${path}, ${file.why}.`);
    const wrong = secret.safeParse(file.text).error?.issues.map(({ message }) => message) ?? [];
    if (wrong.length > 0) return refusal('bad_flag', `The password in ${path} ${wrong.join('; it ')}.`);
    logins.push({ group, password: file.text });
  }
  return logins;
}

async function makeLogins(session: SqlSession, logins: LoginToMake[]): Promise<Refusal | null> {
  if (logins.length === 0) return null;
  for (const { group, password } of logins) {
    const name = loginNames[group];
    try {
      const done = await makeLogin(session, { name, group, password });
      process.stdout.write(
        `${done === 'created' ? 'Made' : 'Changed'} the login ${name} (role daily_scan_${group}).\n`,
      );
    } catch (error) {
      if (!isRejected(error)) throw error;
      const todo = `make "${name}" where your provider makes logins, as an administrator: grant daily_scan_${group} to ${name}`;
      return refusal('bad_environment', `The server refused to make the login ${name} (${error.message}): ${todo}.`);
    }
  }
  await session.query('select core.lock_down()');
  return null;
}

/** No right to create roles (42501), or no such group to be a member of (42704). */
function isRejected(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && (error.code === '42501' || error.code === '42704');
}
