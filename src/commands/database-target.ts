import { isThere, openStore, type Place, targetName, targetOf } from '../compose/world.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../ports/store/store.ts';

/** Where a command looks that is not a scan: DATABASE_URL, else `.data/main`, else (only that is there) the sample. */
export function targetToRead(config: Config): Place {
  const main = targetOf(config, 'main');
  const sample = targetOf(config, 'sample');
  return isThere(main) || !isThere(sample) ? main : sample;
}

/** Opens the database a command works on, and closes it whatever happens. */
export async function withStore<Result>(
  config: Config,
  place: Place,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const store = await openStore({ config, place, readOnly: false, onSlowStart: say });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function showTarget(place: Place): void {
  process.stderr.write(`Database: ${place.kind === 'server' ? 'DATABASE_URL' : targetName(place)}\n`);
}
