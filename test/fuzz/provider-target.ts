import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { twilioNotifier } from '../../src/adapters/notifiers/twilio.ts';
import type { World } from '../../src/ports/world.ts';
import { notify } from '../../src/stages/notify/notify.ts';
import { decideNothing, people, quick, settingsFor } from '../notifiers/fixtures.ts';
import type { ScriptedAnswer } from '../simulators/venues/scripted-venues.ts';
import { jumpingClock } from '../stages/support/clocks.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { nowMs } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { mutated, oddBytes } from './odd-values.ts';
import { counter, type Target } from './target.ts';

const message = {
  sid: `SM${'a'.repeat(32)}`,
  ...{ to: 'whatsapp:+919000000000', from: 'whatsapp:+14155238886', body: 'text', status: 'queued', num_segments: '1' },
  ...{
    date_created: 'Thu, 28 Aug 2025 03:50:00 +0000',
    direction: 'outbound-api',
    error_code: null,
    error_message: null,
  },
};
const refusal = {
  code: 63_024,
  message: 'Invalid message recipient +919000000000',
  more_info: 'https://…',
  status: 400,
};
const RECHECK_MS = 15_000;

const created = fc.record({
  status: fc.oneof(
    { weight: 6, arbitrary: fc.constant(201) },
    { weight: 1, arbitrary: fc.constantFrom(200, 204, 302, 404, 500, 503) },
  ),
  body: oddBytes(mutated(message)),
});
const refused = fc.record({ status: fc.constantFrom(400, 401, 403, 404, 408, 429), body: oddBytes(mutated(refusal)) });
const listed = fc.record({
  status: fc.oneof(
    { weight: 6, arbitrary: fc.constant(200) },
    { weight: 1, arbitrary: fc.constantFrom(400, 404, 429, 500) },
  ),
  body: oddBytes(mutated({ messages: [message, message], next_page_uri: null, page: 0 })),
});
const fedAnswers = fc.record({ posted: fc.oneof(created, refused), listed });

/** Feeds what the provider answers about one message, to the creation and to the list, beside a good one. */
export async function providerTarget(database: TestDatabase): Promise<Target> {
  const store = storeOf(database);
  const clock = jumpingClock(nowMs);
  let scripted: { posted: ScriptedAnswer; listed: ScriptedAnswer } | null = null;
  const server = await provider(() => scripted);
  const { port } = server.address() as AddressInfo;
  const pace = { ...quick, mostAttempts: 2 };
  const world: World = {
    ...{ store, clock, quotes: { read: async () => [] }, venues: new Map() },
    notifier: twilioNotifier(settingsFor(`http://127.0.0.1:${port}`, { pace, timeoutMs: 2_000 })),
    ...{ operatorDays: async () => [], emit: () => undefined },
  };
  const { fed, count } = counter();
  const property = fc.asyncProperty(fedAnswers, async (answers) => {
    count('twilio');
    await emptyDatabase(database.session);
    await decideNothing(store, people(2));
    scripted = answers;
    await notify(world, 10);
    clock.jump(RECHECK_MS);
    await notify(world, 10);
    const rows = await database.session.query(
      'select user_id, status, reason, provider_id from public.messages order by user_id',
    );
    const stopped = await database.session.query('select 1 from public.message_stops where resumed_at is null');
    const [odd, good] = rows;
    assert.ok(['sent', 'failed', 'unknown', 'queued'].includes(String(odd?.['status'])), JSON.stringify(odd));
    assert.ok(String(odd?.['reason'] ?? '').length <= 400, `a reason of ${String(odd?.['reason']).length} characters`);
    assert.ok(!String(odd?.['reason']).includes('9000000000'), String(odd?.['reason']));
    assert.ok(good?.['status'] === 'sent' || stopped.length > 0, JSON.stringify(good));
  });
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { name: 'provider', property, fed, close };
}

/** Twilio, as far as it is asked: odd about the first user's messages, good about the second's. */
async function provider(scripted: () => { posted: ScriptedAnswer; listed: ScriptedAnswer } | null): Promise<Server> {
  let made = 0;
  const server = createServer((request, response) => {
    let form = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      form += chunk;
    });
    request.on('end', () => {
      made += 1;
      const isOdd = `${request.url}${form}`.includes('919000000000');
      const good = { ...message, sid: `SM${made.toString(16).padStart(32, '0')}` };
      const isList = request.method === 'GET';
      const odd = scripted();
      const answer = isList
        ? { status: 200, body: '{"messages":[],"next_page_uri":null}' }
        : { status: 201, body: JSON.stringify(good) };
      const { status, body } = (isOdd && odd && (isList ? odd.listed : odd.posted)) || answer;
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
