// The settings of the database: its address, its password, or a Supabase project.
import { z } from 'zod';
import { isNear, webAddress } from '../ports/web-address.ts';
import { databasePassword } from './secrets.ts';

const EXAMPLE = 'postgres://USER:PASSWORD@HOST:5432/DATABASE';
/** What the driver encrypts the connection for. */
const ENCRYPTED = ['allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

const databaseUrl = z
  .string()
  .regex(/^(file:\/\/.+|memory:\/\/$|postgres(ql)?:\/\/.+)/s, {
    error: 'must be file://PATH, memory:// or postgres://…',
  })
  .superRefine((text, context) => {
    const message = /^postgres/.test(text) ? serverProblem(text) : null;
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

/** What is wrong with a server's address; it is not shown, since it holds a password. */
function serverProblem(text: string): string | null {
  const url = parsed(text);
  if (url === null) {
    return `is not an address such as ${EXAMPLE}: in user and password write what is no letter or digit as %XX (# is %23, / is %2F, @ is %40), or put the password into DATABASE_PASSWORD`;
  }
  const hosts = (url.searchParams.get('host') ?? url.hostname).split(',');
  const far = hosts.find((host) => !host.startsWith('/') && !host.startsWith('%2F') && !isNear(host));
  const mode = url.searchParams.get('sslmode');
  const ssl = url.searchParams.get('ssl');
  if (far === undefined || ssl !== null || mode === 'disable' || (mode !== null && ENCRYPTED.includes(mode)))
    return null;
  return `goes to ${far} without TLS, where password and rows can be read on their way: end it with ?sslmode=verify-full (no-verify where its certificate is its own; disable where the network is safe)`;
}

/** null: no driver could use it. */
function parsed(text: string): URL | null {
  if (/[\s\0]/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  try {
    for (const part of [url.username, url.password, url.hostname, url.pathname]) decodeURIComponent(part);
  } catch {
    return null;
  }
  return url.hash === '' ? url : null;
}

/** The secret key goes there. */
const supabaseUrl = webAddress('https://PROJECT.supabase.co', false);
const supabaseKey = z.string().regex(/^(?!sb_publishable_)[\x21-\x7e]+$/, {
  error: 'must be the secret key of the project (sb_secret_…), not the publishable one, without spaces',
});

export const databaseVariables = {
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_PASSWORD: databasePassword.optional(),
  SUPABASE_URL: supabaseUrl.optional(),
  SUPABASE_SECRET_KEY: supabaseKey.optional(),
};

/** What only makes sense together. */
export function databaseProblems(set: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = [];
  if ((set['SUPABASE_URL'] === undefined) !== (set['SUPABASE_SECRET_KEY'] === undefined)) {
    problems.push('SUPABASE_URL and SUPABASE_SECRET_KEY must be set together, or neither');
  }
  if (set['DATABASE_PASSWORD'] === undefined) return problems;
  const address = set['DATABASE_URL'] ?? '';
  const url = /^postgres/.test(address) ? parsed(address) : null;
  if (url === null) problems.push(`DATABASE_PASSWORD belongs to a DATABASE_URL such as postgres://USER@HOST/DATABASE`);
  else if (url.username === '') problems.push('DATABASE_URL names no user, whose DATABASE_PASSWORD it would be');
  else if (url.password !== '')
    problems.push('DATABASE_PASSWORD is set, and DATABASE_URL holds a password: leave one out');
  return problems;
}

/** The address with its password in it. */
export function withPassword(databaseUrl: string | undefined, password: string | undefined): string | null {
  if (databaseUrl === undefined || password === undefined) return databaseUrl ?? null;
  const url = new URL(databaseUrl);
  url.password = encodeURIComponent(password);
  return url.href;
}
