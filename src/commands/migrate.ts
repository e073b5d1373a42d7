import { migrate } from '../adapters/store/migrate.ts';
import { openPostgresSession } from '../adapters/store/postgres.ts';
import type { Config } from '../config.ts';
import { placeOf } from '../wire.ts';
import { sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

/** `npm run migrate`: brings the schema up to date. An embedded database does that itself whenever it is opened. */
export async function migrateCommand(config: Config): Promise<number | Refusal> {
  const place = placeOf(config, 'main');
  sayPlace(place);
  if (place.kind === 'embedded') {
    await withStore(config, place, async () => undefined);
    process.stdout.write('The schema is up to date.\n');
    return 0;
  }
  if (place.kind === 'supabase') {
    return refusal(
      'bad_environment',
      'npm run migrate needs SQL, which SUPABASE_URL does not give: run `supabase db push` for the project, or set ' +
        'DATABASE_URL to its postgres:// address for this one command.',
    );
  }
  const session = await openPostgresSession(place.url);
  try {
    const { applied, current } = await migrate(session);
    for (const name of applied) process.stdout.write(`applied ${name}\n`);
    process.stdout.write(`The schema is up to date (${applied.length} applied, ${current.length} in all).\n`);
    return 0;
  } finally {
    await session.close();
  }
}
