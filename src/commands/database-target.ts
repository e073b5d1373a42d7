// Which database a command works on, opened and closed for it.
import { type DatabaseTarget, openStore, targetExists, targetName, targetOf } from '../compose/world.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../ports/store/store.ts';

/** The database of a command that is not a scan: DATABASE_URL, else `.data/main`, else (only that is there) a sample. */
export function targetToRead(config: Config): DatabaseTarget {
  const targets = (['main', 'sample', 'sample-xnys'] as const).map((name) => targetOf(config, name));
  return targets.find(targetExists) ?? targetOf(config, 'main');
}

/** Opens the database a command works on, and closes it whatever happens. */
export async function withStore<Result>(
  config: Config,
  target: DatabaseTarget,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const store = await openStore({ config, target, readOnly: false, onSlowStart: say });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function showTarget(target: DatabaseTarget): void {
  process.stderr.write(`Database: ${target.kind === 'server' ? 'DATABASE_URL' : targetName(target)}\n`);
}
