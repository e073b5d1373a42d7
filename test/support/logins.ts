// Database logins of the product's groups, for tests of what each may do.
import { randomUUID } from 'node:crypto';
import { type LoginGroup, makeLogin } from '../../src/adapters/store/logins.ts';
import type { TestPostgres } from './postgres.ts';

export interface TestLogin {
  name: string;
  /** The database, as this login. */
  url: string;
  /** Drops the login: to be called before its database is closed. */
  drop(): Promise<void>;
}

/** A login of its own on a test's Postgres, made the way the product makes one. */
export async function loginFor({ session, url }: TestPostgres, group: LoginGroup): Promise<TestLogin> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const password = randomUUID();
  await makeLogin(session, { name, group, password });
  return {
    name,
    url: url.replace(/\/\/[^@]+@/, `//${name}:${password}@`),
    drop: () => session.exec(`drop role ${name}`),
  };
}
