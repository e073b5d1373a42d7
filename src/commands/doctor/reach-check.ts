// What the database login of this host could do beyond calling functions.
import type { Store } from '../../ports/store/store.ts';
import { type Check, firstFew, ok, warning } from './checks.ts';

/** What somebody who takes this host could do in the database beside calling functions; read from the server itself. */
export async function reachCheck(store: Store): Promise<Check> {
  const { role, superuser, owner, tables, missingRoles } = await store.call('read_privileges', {});
  if (missingRoles.length > 0) {
    const todo = `As an administrator: create role ${missingRoles[0]} nologin; then npm run migrate -- --login service=FILE`;
    return warning('database role', `the server lacks ${missingRoles.join(' and ')}`, todo);
  }
  const reach = superuser
    ? `${role} is a superuser: whoever takes this host reads and changes everything on the server`
    : owner
      ? `${role} owns the schema: whoever takes this host reads and changes everything in it`
      : tables.length > 0
        ? `${role} may read or write ${firstFew(tables)}`
        : null;
  if (reach === null) return ok('database role', `${role} may only call functions`);
  const todo =
    'npm run migrate -- --login service=FILE makes a login that may only call functions: run the service as that one.';
  return warning('database role', reach, todo);
}
