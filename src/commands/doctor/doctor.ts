// npm run doctor: everything that could keep the next session from working, with what to do.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { styleText } from 'node:util';
import { realClock } from '../../adapters/clock.ts';
import { readMigrations } from '../../adapters/store/migrate.ts';
import { openStore, targetExists } from '../../compose/world.ts';
import { type Config, type ConfigResult, readConfig } from '../../config/config.ts';
import { cutOffIn } from '../../config/markets.ts';
import { type Cell, type Tone, table } from '../../terminal/table.ts';
import { fitted } from '../../terminal/width.ts';
import { targetToRead } from '../database-target.ts';
import { type Check, checkDatabase, errorText, ok, warning, wrong } from './checks.ts';
import { reachCheck } from './reach-check.ts';
import { checkVenues } from './venue-checks.ts';

const signs = { ok: ['✓', 'good'], warning: ['!', 'notice'], wrong: ['✗', 'bad'] } as const satisfies Record<
  Check['level'],
  [string, Tone]
>;
const GOOD_SECRET_CHARACTERS = 32;

/** `npm run doctor`: everything that could keep the next session from working, each with what to do. 1: something is wrong. */
export async function doctorCommand({ json, full }: { json?: boolean; full?: boolean }): Promise<number> {
  const checks = await examine(readConfig(), process.cwd(), full);
  process.stdout.write(json ? `${JSON.stringify({ checks })}\n` : `${checksText(checks)}\n`);
  return checks.some(({ level }) => level === 'wrong') ? 1 : 0;
}

/** Looks at everything and changes nothing. `folder` is where a .env file would be; `full`: all records are computed anew. */
export async function examine(read: ConfigResult, folder: string, full = false): Promise<Check[]> {
  const checks = envFileCheck(folder);
  if (read.kind === 'refused') {
    const todo = 'Correct it in the environment; .env.example lists every setting.';
    return [...read.problems.map((problem) => wrong('configuration', problem, todo)), ...checks];
  }
  const { config } = read;
  const settled = ok('configuration', `${config.mode} trading, orders sent ${config.execute}`);
  return [
    settled,
    secretCheck(config),
    ...checks,
    ...dataDirCheck(config),
    ...(await databaseChecks(config, full)),
    senderCheck(config),
  ];
}

function secretCheck({ http: { cronSecret } }: Config): Check {
  const todo = 'CRON_SECRET=$(openssl rand -hex 32)';
  if (cronSecret === null) return warning('secrets', 'CRON_SECRET is not set: HTTP can not be served', todo);
  if (cronSecret.length >= GOOD_SECRET_CHARACTERS) return ok('secrets', 'CRON_SECRET is long enough');
  return warning('secrets', `CRON_SECRET has ${cronSecret.length} characters only`, todo);
}

/** A file with secrets is its owner's alone. Windows has no such bits, and says nothing here. */
function envFileCheck(folder: string): Check[] {
  const file = join(folder, '.env');
  if (!existsSync(file) || process.platform === 'win32') return [];
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0) return [ok('.env', 'readable by its owner only')];
  return [warning('.env', `others may read it (mode ${mode.toString(8)})`, `chmod 600 ${file}`)];
}

/** The folder of the embedded database, or the nearest one above that is there. */
function dataDirCheck(config: Config): Check[] {
  if (targetToRead(config).kind !== 'embedded') return [];
  let folder = resolve(config.dataDir);
  while (!existsSync(folder)) folder = dirname(folder);
  if (isWritable(folder)) return [ok('disk', `${config.dataDir} can be written`)];
  const todo = `Give this user the folder ${folder}, or set DATA_DIR.`;
  return [wrong('disk', `DATA_DIR ${config.dataDir} can not be written`, todo)];
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

async function databaseChecks(config: Config, full: boolean): Promise<Check[]> {
  const target = targetToRead(config);
  if (!targetExists(target)) {
    return [warning('database', 'there is none yet', 'npm run scan (the sample), or npm run import -- users FILE.csv')];
  }
  const clock = realClock();
  const { mode } = config;
  const scanned = config.markets.map((market) => ({ market, cutOffTime: cutOffIn(config, market) }));
  const migrations = readMigrations().map(({ version }) => version);
  try {
    const say = (text: string) => process.stderr.write(`${text}\n`);
    const store = await openStore({ config, target, readOnly: true, onSlowStart: say, patient: false });
    try {
      const checks = await checkDatabase({ store, nowMs: () => clock.nowMs(), mode, scanned, migrations, full });
      // It ends at the first thing that keeps the rest from being asked.
      if (checks.some(({ level, name }) => level === 'wrong' && /^(database|migrations)$/.test(name))) return checks;
      // An embedded database is in this process: it has no roles to run as.
      const reach = target.kind === 'embedded' ? [] : [await reachCheck(store)];
      return [...checks, ...reach, ...(await checkVenues({ config, store, clock }))];
    } finally {
      await store.close();
    }
  } catch (error) {
    return [
      wrong('database', errorText(error), 'See what it says; npm run migrate brings an older schema up to date.'),
    ];
  }
}

/** What can be seen without asking Twilio, which `npm run whatsapp -- template --check` does. */
function senderCheck({ twilio, http }: Config): Check {
  if (twilio === null) {
    const todo = 'Set the TWILIO_… variables; npm run whatsapp -- template prints the text to submit for approval.';
    return warning('WhatsApp', 'messages are shown, not sent: no sender is set up', todo);
  }
  if (twilio.contentSids.en === undefined && twilio.contentSids.hi === undefined) {
    const todo = 'Set TWILIO_CONTENT_SID to the approved template (npm run whatsapp -- template prints its text).';
    return wrong('WhatsApp', 'no template is set: only who wrote within 24 hours gets a message', todo);
  }
  if (http.publicUrl === null) {
    const todo = 'Set PUBLIC_URL to where Twilio reaches this service.';
    return warning('WhatsApp', 'nobody will learn whether a message arrived: there is no public address', todo);
  }
  return ok('WhatsApp', 'a sender, a template and an address for its statuses are set');
}

/** A table of everything, and below it what to do, the worst first. */
function checksText(checks: Check[]): string {
  const { stdout } = process;
  const formats = { good: 'green', bad: 'red', notice: 'yellow', quiet: 'dim', strong: 'bold' } as const;
  const paint = (tone: Tone, text: string) => styleText(formats[tone], text, { stream: stdout, validateStream: true });
  const columns = stdout.columns || 120;
  const rows = checks.map(({ name, level, says }): Cell[] => {
    const [text, tone] = signs[level];
    return [{ text, tone }, name, fitted(says, Math.max(columns - 20, 40))];
  });
  const heads = [{ title: '' }, { title: 'Check' }, { title: 'Found' }];
  const todo = (['wrong', 'warning'] as const).flatMap((wanted) => {
    const due = checks.filter(({ level }) => level === wanted);
    return due.map(({ name, level, todo: what = '' }) => `${paint(signs[level][1], signs[level][0])} ${name}: ${what}`);
  });
  return [table(heads, rows, columns, paint), ...(todo.length > 0 ? [`\nTo do:\n${todo.join('\n')}`] : [])].join('\n');
}
