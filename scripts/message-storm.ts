// Summaries to many users over a Twilio that fails 1 request in 20 in every way it can, with SIGKILL for the sender in
// the middle and statuses that come late, twice and in any order. Prints what arrived; exit 1 for a duplicate or a loss.
//   node scripts/message-storm.ts [--users 10000] [--resends 0|1] [--rate 1000]
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { twilioNotifier } from '../src/adapters/notifiers/twilio.ts';
import { openPostgres, openPostgresSession } from '../src/adapters/store/postgres.ts';
import { makeStore } from '../src/adapters/store/store.ts';
import { templates } from '../src/domain/messages/template.ts';
import type { SqlSession } from '../src/ports/database.ts';
import type { Store } from '../src/ports/store/store.ts';
import type { World } from '../src/ports/world.ts';
import { bookProviderUpdate } from '../src/stages/notify/callbacks.ts';
import { notify } from '../src/stages/notify/notify.ts';
import {
  accountSid,
  authToken,
  contentSids,
  decideNothing,
  people,
  quick,
  settingsFor,
} from '../test/notifiers/fixtures.ts';
import { type LoopbackTwilio, loopbackTwilio, type TwilioFault } from '../test/simulators/twilio.ts';
import { nowMs as startMs } from '../test/support/builders.ts';
import setup, { type TestDatabases } from '../test/support/global-setup.ts';

/** Lookups pause for minutes: the storm's day goes faster than ours. */
const SPEED = 20;
const SENDERS = 2;
const faults: readonly TwilioFault[] = [
  ...(['garbage', 'reset', 'error', 'lost_error', 'hang'] as const),
  { status: 429, code: 20429 },
  { status: 400, code: 63018 },
];

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    resends: { type: 'string', default: '0' },
    rate: { type: 'string', default: '1000' },
    sender: { type: 'string' },
    twilio: { type: 'string', default: '' },
  },
});

function stormWorld(store: Store, twilioUrl: string): World {
  const beganMs = performance.now();
  const pace = { ...quick, pairPauseMs: 6000, perSecond: Number(values.rate), maxResends: Number(values.resends) };
  return {
    store,
    clock: {
      virtual: false,
      nowMs: () => Math.floor(startMs + (performance.now() - beganMs) * SPEED),
      sleep: async (ms) => void (await pause(ms / SPEED)),
      every: () => () => undefined,
    },
    quotes: { read: async () => [] },
    venues: new Map(),
    notifier: twilioNotifier(settingsFor(twilioUrl, { pace, timeoutMs: 2_000 })),
    operatorDays: async () => [],
    emit: () => undefined,
  };
}

/** A process that sends until it is killed; it reports its memory. */
async function sendForever(databaseUrl: string): Promise<void> {
  const world = stormWorld(makeStore(openPostgres({ url: databaseUrl, max: 4 }), { virtual: true }), values.twilio);
  for (;;) {
    await notify(world, 50);
    process.send?.({ rssMb: Math.round(process.memoryUsage().rss / 2 ** 20) });
    await pause(100);
  }
}

async function direct(): Promise<number> {
  const { databases, teardown } = await startPostgres();
  const databaseUrl = databases.postgresUrl.replace(/\/postgres$/, '/storm');
  const admin = await openPostgresSession(databases.postgresUrl);
  await admin.exec(`create database storm template ${databases.template}`);
  const session = await openPostgresSession(databaseUrl);
  const store = makeStore(openPostgres({ url: databaseUrl, max: 4 }), { virtual: true });
  const contents = { [contentSids.en]: templates.en, [contentSids.hi]: templates.hi };
  const twilio = await loopbackTwilio({ accountSid, authToken, contents });
  let seed = 7;
  const chance = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const suffered = new Map<string, number>();
  twilio.fault = () => {
    const fault = chance() < 0.05 ? (faults[Math.floor(chance() * faults.length)] ?? 'none') : 'none';
    const name = typeof fault === 'object' ? String(fault.code) : fault;
    suffered.set(name, (suffered.get(name) ?? 0) + 1);
    return fault;
  };
  const users = Number(values.users);
  await decideNothing(store, people(users));
  const senders = Array.from({ length: SENDERS }, () => startSender(databaseUrl, twilio.url));
  try {
    await play({ twilio, store, session, users, senders, databaseUrl, chance });
    return await verdict(session, twilio, users, suffered);
  } finally {
    for (const { child } of senders) child.kill('SIGKILL');
    await store.close();
    await session.close();
    await twilio.close();
    await admin.close();
    await teardown();
  }
}

interface Sender {
  child: ChildProcess;
  rssMb: number[];
}

function startSender(databaseUrl: string, twilioUrl: string): Sender {
  const args = ['--sender', databaseUrl, '--twilio', twilioUrl, '--resends', values.resends, '--rate', values.rate];
  const child = fork(import.meta.filename, args, { execPath: process.execPath });
  const rssMb: number[] = [];
  child.on('message', (message: { rssMb: number }) => rssMb.push(message.rssMb));
  return { child, rssMb };
}

interface Play {
  twilio: LoopbackTwilio;
  store: Store;
  session: SqlSession;
  users: number;
  senders: Sender[];
  databaseUrl: string;
  chance: () => number;
}

async function play({ twilio, store, session, users, senders, databaseUrl, chance }: Play): Promise<void> {
  const world = stormWorld(store, twilio.url);
  const beganMs = performance.now();
  let reported = 0;
  let kills = 0;
  for (;;) {
    await pause(200);
    if (kills < 2 && twilio.messages.length > (users * (kills + 1)) / 3) {
      senders[kills]?.child.kill('SIGKILL');
      kills += 1;
      senders.push(startSender(databaseUrl, twilio.url));
      // What the sweep does after two minutes of the database's clock: the storm does not wait that long.
      await pause(4_000);
      await session.query(
        `update public.messages set status = 'unknown', reason = 'sender_lost', next_lookup_at = $1
         where status = 'sending' and sending_at < clock_timestamp() - interval '3500 milliseconds'`,
        [new Date(world.clock.nowMs())],
      );
    }
    const fresh = twilio.messages.slice(reported, reported + 500);
    reported += fresh.length;
    for (const message of fresh) {
      // Two in a hundred are never reported; the rest in any order, some twice.
      if (chance() < 0.02) continue;
      const statuses = ['sent', 'delivered', 'queued', 'delivered'].toSorted(() => chance() - 0.5);
      for (const status of statuses) await hear(world, twilio, message, status);
    }
    const [left] =
      await session.query(`select count(*)::int as n from public.messages where status in ('queued', 'sending')
      or (status = 'unknown' and next_lookup_at is not null)`);
    if (Number(left?.['n']) === 0 && reported === twilio.messages.length) break;
    if (performance.now() - beganMs > 540_000) throw new Error('the storm does not end');
  }
  console.log(`${users} messages in ${Math.round((performance.now() - beganMs) / 1000)} s, senders killed: ${kills}`);
  for (const { rssMb } of senders.filter((sender) => sender.rssMb.length > 1)) {
    const half = rssMb.slice(Math.floor(rssMb.length / 2));
    console.log(`  memory of a sender: first ${rssMb[0]} MB, half way ${half[0]} MB, last ${rssMb.at(-1)} MB`);
  }
}

async function hear(world: World, twilio: LoopbackTwilio, message: LoopbackTwilio['messages'][number], status: string) {
  const { url, headers, body } = twilio.callback(message, status);
  const { pathname, search } = new URL(url);
  const form = Object.fromEntries(new URLSearchParams(body));
  const call = { path: `${pathname}${search}`, signature: headers['X-Twilio-Signature'], form };
  const callback = await world.notifier.parseCallback?.(call);
  if (!callback) throw new Error('the signature does not fit');
  await bookProviderUpdate(world, callback);
}

async function verdict(
  session: SqlSession,
  twilio: LoopbackTwilio,
  users: number,
  suffered: Map<string, number>,
): Promise<number> {
  const times = new Map<string, number>();
  for (const { to } of twilio.messages) times.set(to, (times.get(to) ?? 0) + 1);
  const duplicates = [...times.values()].filter((count) => count > 1).length;
  const rows = await session.query('select status, sent_to from public.messages');
  const got = (row: Record<string, unknown>) => times.has(`whatsapp:${row['sent_to']}`);
  // Not made at Twilio, and nobody learns of it: that would be lost. `unknown` and `failed` reach a person.
  const lost = rows.filter((row) => !got(row) && !['unknown', 'failed'].includes(String(row['status'])));
  const wronglyUnknown = rows.filter((row) => got(row) && row['status'] === 'unknown').length;
  const statuses = Map.groupBy(rows, (row) => String(row['status']));
  console.log(`faults: ${[...suffered].map(([name, count]) => `${name} ${count}`).join(', ')}`);
  console.log(`statuses: ${[...statuses].map(([name, of]) => `${name} ${of.length}`).join(', ')}`);
  console.log(
    `users ${users}, got it ${times.size}, duplicates ${duplicates}, lost ${lost.length}, ` +
      `left to a person ${rows.filter((row) => !got(row)).length} (none of them sent), sent but still unknown ${wronglyUnknown}`,
  );
  return duplicates + lost.length + wronglyUnknown > 0 ? 1 : 0;
}

async function startPostgres(): Promise<{ databases: TestDatabases; teardown: () => Promise<void> }> {
  const provided: TestDatabases[] = [];
  const teardown = await setup({
    provide: (_name: 'databases', databases: TestDatabases) => void provided.push(databases),
  });
  const [databases] = provided;
  if (!databases || databases.problem !== null) throw new Error(`no Postgres: ${databases?.problem}`);
  return { databases, teardown };
}

if (values.sender === undefined) process.exitCode = await direct();
else await sendForever(values.sender);
