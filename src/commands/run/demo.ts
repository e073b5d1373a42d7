// npm run demo: the whole service on a simulated day, with nothing real in reach.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runningClock } from '../../adapters/clock.ts';
import { fileQuotes } from '../../adapters/quotes/quotes.ts';
import { type DatabaseTarget, removeEmbedded, targetExists, targetName } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { istIso, istMs } from '../../domain/market/india-time.ts';
import { newApiKey } from '../../http/callers/auth.ts';
import type { Store } from '../../ports/store/store.ts';
import type { Clock, World } from '../../ports/world.ts';
import { nseSample } from '../../sample/sample.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { demoSchedule } from './demo-day.ts';
import { keepInstant, keptInstant } from './demo-instant.ts';
import { type DemoFacts, demoText, printedMessage, sessionOverText } from './demo-text.ts';
import { allParts, serve } from './serve.ts';

export interface DemoFlags {
  fresh?: boolean;
  json?: boolean;
}

/** The bundled session from its open on; until the scan, which is worth waiting for, the clock goes faster. */
const START = '09:15';
const SCAN = '09:20';
const CLOSE = '15:30';
const FASTER = 30;
/** Who places the order the demo shows: they hold shares before the scan and after it, so it works at any hour. */
const USER = 'rohan-mehta';
const by = { who: 'demo', how: 'service' } as const;

/**
 * `npm run demo`: the real service (HTTP, schedule, worker) on a database of its own and the bundled session, whatever
 * day and hour it is. Its clock goes from the session's open on, once all is ready; stopped and started again it goes on where it
 * was. The settings for databases, live trading and messages are left aside: nothing real can be reached from it.
 */
export async function demoCommand(settings: Config, { fresh }: DemoFlags): Promise<number | Refusal> {
  const config = demoConfig(settings);
  const target: DatabaseTarget = { kind: 'embedded', path: join(config.dataDir, 'demo') };
  const instantFile = join(config.dataDir, 'demo-clock.json');
  if (fresh) {
    await removeEmbedded(target);
    rmSync(instantFile, { force: true });
  }
  const startMs = targetExists(target) ? keptInstant(instantFile) : istMs(nseSample.date, START);
  if (startMs === null) {
    const message = `${targetName(target)} is there, but not what time it was in it: npm run demo -- --fresh starts over.`;
    return refusal('no_demo_clock', message);
  }
  const clock = runningClock({ startMs, fastUntilMs: istMs(nseSample.date, SCAN), factor: FASTER });
  const keys = { operator: newApiKey(), user: newApiKey() };
  let stopKeeping = (): void => undefined;
  try {
    return await serve(config, target, new Set(allParts), {
      clock,
      quotes: fileQuotes(nseSample.prices()),
      faults: nseSample.faults(),
      anyPort: true,
      async prepare(store) {
        stopKeeping = keepInstant(instantFile, clock);
        await nseSample.seed(store);
        await replaceKeys(store, clock, keys);
      },
      change: printing,
      schedule: (parts) => demoSchedule({ ...parts, date: nseSample.date, say }),
      started({ address }) {
        say(textOf(clock, config, { address, keys, database: targetName(target) }));
        // However long a slow machine took to get here: the minutes before the scan are there to be seen.
        clock.start();
      },
    });
  } finally {
    stopKeeping();
  }
}

function textOf(
  clock: Clock,
  config: Config,
  facts: { address: string; database: string; keys: Record<'operator' | 'user', { key: string }> },
): string {
  const { address, database, keys } = facts;
  const nowMs = clock.nowMs();
  const shown: DemoFacts = {
    ...{ address, database, nowMs, date: nseSample.date, scan: SCAN, faster: FASTER, userId: USER, mode: config.mode },
    operatorKey: keys.operator.key,
    userKey: keys.user.key,
    // A new one at each start: what it places is a new order, too.
    orderKey: `demo-${randomBytes(4).toString('hex')}`,
  };
  return nowMs < istMs(nseSample.date, CLOSE) ? demoText(shown) : `${demoText(shown)}\n${sessionOverText(nowMs)}`;
}

/** What is set for real work, left aside: paper, an own database, loopback, nobody to write to. */
function demoConfig(config: Config): Config {
  const cronSecret = randomBytes(32).toString('hex');
  const nobody = { cronSecretPrevious: null, signalsSecret: null, signalsSecretPrevious: null, jwtIssuer: null };
  const http = { ...config.http, ...nobody, cronSecret, host: '127.0.0.1', publicUrl: null, trustedProxies: [] };
  const own = { mode: 'paper', databaseUrl: null, supabase: null, execute: 'worker', twilio: null } as const;
  return { ...config, ...own, http };
}

/** The keys of this start; those of an earlier one end. */
async function replaceKeys(
  store: Store,
  clock: Clock,
  { operator, user }: Record<'operator' | 'user', ReturnType<typeof newApiKey>>,
): Promise<void> {
  const nowMs = clock.nowMs();
  for (const { hint, revokedAtMs } of await store.call('read_api_keys', {})) {
    if (revokedAtMs === null) await store.call('revoke_api_key', { hint, nowMs, by });
  }
  for (const [role, userId, { hash, hint }] of [
    ['operator', null, operator],
    ['user', USER, user],
  ] as const) {
    const label = `made for the demo at ${istIso(nowMs)}`;
    const { kind } = await store.call('create_api_key', { hash, hint, role, userId, label, nowMs, by });
    if (kind !== 'created') throw new Error(`the demo's key of ${userId ?? role} could not be made: ${kind}`);
  }
}

/** Messages are shown where the demo runs, and go nowhere. */
function printing(world: World): World {
  const { notifier } = world;
  const send: typeof notifier.send = async (message) => {
    say(printedMessage(message));
    return notifier.send(message);
  };
  return { ...world, notifier: { ...notifier, send } };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
