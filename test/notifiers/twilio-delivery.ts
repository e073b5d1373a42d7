import type { Hono } from 'hono';
import { twilioNotifier } from '../../src/adapters/notifiers/twilio.ts';
import type { TwilioSettings } from '../../src/adapters/notifiers/twilio-settings.ts';
import { templates } from '../../src/domain/messages/template.ts';
import type { UserSettings } from '../../src/domain/types.ts';
import type { HttpEnv } from '../../src/http/callers/auth.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { World } from '../../src/ports/world.ts';
import { notify } from '../../src/stages/notify/notify.ts';
import { type LoopbackTwilio, loopbackTwilio, type SignedCall } from '../simulators/twilio.ts';
import { type JumpingClock, jumpingClock } from '../stages/support/clocks.ts';
import { storeOf } from '../stages/support/run-day.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { nowMs } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { accountSid, authToken, contentSids, decideNothing, settingsFor } from './fixtures.ts';

/** Messages to users over a loopback Twilio, from a decided run in a database of its own. */
export interface TwilioDelivery {
  database: TestDatabase;
  session: SqlSession;
  store: Store;
  twilio: LoopbackTwilio;
  clock: JumpingClock;
  world: World;
  events: AnyEvent[];
  /** From now on Twilio has to answer within this time. */
  within(timeoutMs: number): void;
  /** Sends what is due until nothing more happens at this instant. */
  deliver(): Promise<void>;
  rows(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openTwilioDelivery(
  users: UserSettings[],
  change: Partial<TwilioSettings> = {},
  database?: TestDatabase,
): Promise<TwilioDelivery> {
  const opened = database ?? (await freshPglite());
  const store = storeOf(opened);
  const contents = { [contentSids.en]: templates.en, [contentSids.hi]: templates.hi };
  const twilio = await loopbackTwilio({ accountSid, authToken, contents });
  const clock = jumpingClock(nowMs);
  const events: AnyEvent[] = [];
  const world: World = {
    store,
    clock,
    quotes: { read: async () => [] },
    venues: new Map(),
    notifier: twilioNotifier(settingsFor(twilio.url, change)),
    operatorDays: async () => [],
    emit: (event) => void events.push(event),
  };
  await emptyDatabase(opened.session);
  await decideNothing(store, users);
  return {
    database: opened,
    session: opened.session,
    store,
    twilio,
    clock,
    world,
    events,
    within(timeoutMs) {
      world.notifier = twilioNotifier(settingsFor(twilio.url, { ...change, timeoutMs }));
    },
    deliver: async () => void (await notify(world, 10)),
    rows: () => opened.session.query('select * from public.messages order by id'),
    async close() {
      await twilio.close();
      if (!database) await opened.close();
    },
  };
}

/** Hands a call of Twilio's to our routes, behind whatever address a proxy leaves of it. */
export async function postCallback(
  app: Hono<HttpEnv>,
  call: SignedCall,
  origin = 'http://10.0.0.7:3000',
): Promise<Response> {
  const { pathname, search } = new URL(call.url);
  return app.request(`${origin}${pathname}${search}`, { method: 'POST', headers: call.headers, body: call.body });
}
