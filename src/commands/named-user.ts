// Finds the user a person means by a name or an id.
import type { Store } from '../ports/store/store.ts';
import { type Refusal, refusal } from './refusal.ts';

export interface NamedUser {
  id: string;
  name: string;
}

/**
 * Whom a person means by an id or a name (in any case), and says who that is on stderr where it is not the very name
 * given; exit 2 for nobody, with near names, and for a name that several have.
 */
export async function userNamed(store: Store, nameOrId: string): Promise<NamedUser | Refusal> {
  const { matches, near } = await store.call('find_users', { user: nameOrId });
  const [one, another] = matches;
  if (!one) {
    const nearest = near.length === 0 ? '' : ` Near it: ${near.map(shown).join(', ')}.`;
    return refusal('no_such_user', `There is no user "${nameOrId}" here: give the name or the id.${nearest}`);
  }
  if (another) {
    const all = matches.map(({ id }) => id).join(', ');
    return refusal('several_users', `Several users are called "${nameOrId}": give the id, one of ${all}.`);
  }
  if (nameOrId !== one.name) process.stderr.write(`User: ${shown(one)}\n`);
  return one;
}

/** `Asha Rao (asha-rao)`. */
export function shown({ id, name }: NamedUser): string {
  return id === name ? id : `${name} (${id})`;
}

/** The id of whom a flag names; null where it is not given. */
export async function optionalUserId(store: Store, nameOrId: string | undefined): Promise<string | null | Refusal> {
  if (nameOrId === undefined) return null;
  const named = await userNamed(store, nameOrId);
  return 'kind' in named ? named : named.id;
}
