// npm run halt and resume: stops everything, a venue or a user, and lifts the stop.
import { realClock } from '../../adapters/clock.ts';
import { accountVenues } from '../../adapters/venues/module.ts';
import type { Config } from '../../config/config.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type NamedUser, shown, userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface HaltFlags {
  why: string;
  venue?: string;
  user?: string;
  by?: string;
  json?: boolean;
}

/** Stops what is not sent yet, of everybody or of one venue or user; honoured before the next venue call. */
export function halt(config: Config, flags: HaltFlags): Promise<number | Refusal> {
  return change(config, flags, 'halt');
}

/** Lifts a halt. Orders whose time has passed meanwhile stay unsent. */
export function resume(config: Config, flags: HaltFlags): Promise<number | Refusal> {
  return change(config, flags, 'resume');
}

async function change(
  config: Config,
  { why, venue, user, by }: HaltFlags,
  what: 'halt' | 'resume',
): Promise<number | Refusal> {
  if (venue !== undefined && user !== undefined) return refusal('bad_flag', 'Give --venue or --user, not both.');
  const venues = accountVenues(config.venues.modules);
  if (venue !== undefined && !venues.includes(venue)) {
    return refusal('no_such_venue', `There is no venue ${venue}: it is one of ${venues.join(', ')}.`);
  }
  const scope = venue !== undefined ? 'venue' : user !== undefined ? 'user' : 'all';
  const database = targetToRead(config);
  showTarget(database);
  return withStore(config, database, async (store) => {
    // A typo in the emergency stop must not look like a stop.
    const named = user === undefined ? null : await userNamed(store, user);
    if (named && 'kind' in named) return { ...named, message: `${named.message} Nobody was changed.` };
    const target = venue ?? named?.id ?? '';
    const { changed } = await store.call(what, {
      scope,
      target,
      why,
      by: actorOf({ by }),
      nowMs: realClock().nowMs(),
    });
    const state = what === 'halt' ? 'halted' : 'running';
    process.stdout.write(`${subjectOf(venue, named)} is ${changed ? 'now' : 'already'} ${state}.\n`);
    return 0;
  });
}

function subjectOf(venue: string | undefined, user: NamedUser | null): string {
  if (user) return `User ${shown(user)}`;
  return venue === undefined ? 'Everything' : `Venue ${venue}`;
}
