import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { twilioNotifier } from '../../../src/adapters/notifiers/twilio.ts';
import type { TwilioSettings } from '../../../src/adapters/notifiers/twilio-settings.ts';
import { loginLinks, loginStateKey } from '../../../src/compose/venues.ts';
import { readConfig } from '../../../src/config/config.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { marketOfExchange } from '../../../src/domain/market/session.ts';
import { reminderTemplates } from '../../../src/domain/messages/login-reminder.ts';
import { readState } from '../../../src/http/callers/login-state.ts';
import type { World } from '../../../src/ports/world.ts';
import { ready } from '../../../src/stages/accounts/readiness.ts';
import { bookProviderUpdate } from '../../../src/stages/notify/callbacks.ts';
import { notify } from '../../../src/stages/notify/notify.ts';
import { remindersText } from '../../../src/terminal/screens/messages.ts';
import { accountSid, authToken, quick, reminderContentSids, settingsFor } from '../../notifiers/fixtures.ts';
import { type LoopbackTwilio, loopbackTwilio } from '../../simulators/twilio.ts';
import { tradeDate, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { openVenueBooks, type VenueBooks } from '../support/venue-books.ts';

const minuteMs = 60_000;
const asha = user('asha', { name: 'Asha Rao', venue: 'kite', whatsapp: '+919000000001' });
const people = [asha, user('ravi', { venue: 'lemonn', whatsapp: '+919000000002' })];
const inDollars = people.map((one) => ({ ...one, currency: 'USD' as const }));

let database: TestDatabase;
let venues: VenueBooks;
const open = async (time: string, date = tradeDate, users = people) => {
  venues = await openVenueBooks(database, istMs(date, time), users);
  venues.say({ cash: 100, held: [] });
  logOut();
};
beforeAll(async () => {
  database = await freshPglite();
});
beforeEach(() => open('08:45'));
afterEach(async () => {
  await venues.close();
  expect(await violations(database.session)).toEqual([]);
  expect(await venues.world.store.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

const keys = { apiKey: 'kitetestkey', apiSecret: 'kitetestsecret' };
const logOut = () => {
  venues.kite.credentials = () => ({ ...keys, accessToken: 'dead' });
};
const logIn = () => {
  venues.kite.credentials = ({ accountId }) => ({ ...keys, accessToken: `token${accountId}` });
};
const check = () => ready(venues.world, { mode: 'live', concurrency: 4 });
const rows = () => venues.world.store.call('read_messages', { runId: null, tradeDate });
const fates = async () => (await rows()).map(({ userId, status, reason }) => [userId, status, reason]);
const alarms = () => venues.events.filter(({ type, alert }) => type === 'login_missing' && alert).length;

describe('a check that misses a login', () => {
  test('shows the reminder on the screen, once a day, however many check how often, and tells the operators', async () => {
    const reports = await Promise.all([check(), check()]);
    expect(reports.map(({ reminders }) => reminders).toSorted()).toEqual([0, 1]);
    for (let again = 0; again < 5; again += 1) expect(await check()).toMatchObject({ reminders: 0 });
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ userId: 'asha', kind: 'login_reminder', status: 'sent', attempts: 1 });
    expect(row?.text).toContain('Hello Asha Rao, your login at Kite is missing');
    expect(row?.text).toContain('before 09:20 IST.\nHow: ask whoever runs daily-scan for you\n');
    expect(remindersText(await rows())).toContain('── Asha Rao, reminder sent ─');
    expect(alarms()).toBe(7);
  });

  test('sends nobody anything after the scan was due, or on a day without trading', async () => {
    venues.clock.jump(35 * minuteMs);
    expect(await check()).toMatchObject({ reminders: 0 });
    await venues.close();
    await open('08:45', '2025-08-27');
    expect(await check()).toMatchObject({ tradingDay: false, reminders: 0 });
    expect(await database.session.query('select 1 from public.messages')).toEqual([]);
  });

  test('goes by the clock of the market it is checked for, for accounts in its currency', async () => {
    const market = marketOfExchange('US');
    const there = (of: World) => ready(of, { mode: 'live', market, concurrency: 4 });
    // 08:45 in New York, nine hours after the NSE's slot was due.
    venues.clock.jump(9.5 * 60 * minuteMs);
    expect(await check()).toMatchObject({ reminders: 0 });
    expect(await there(venues.world)).toMatchObject({ accounts: [], reminders: 0 });
    await venues.close();
    await open('18:15', tradeDate, inDollars);
    const { world } = venues;
    expect(await check()).toMatchObject({ accounts: [], reminders: 0 });
    const abroad = [...world.venues].map(([name, venue]) => {
      return [name, { ...venue, capabilities: { ...venue.capabilities, markets: ['XNYS'] } }] as const;
    });
    const report = await there({ ...world, venues: new Map(abroad) });
    expect(report).toMatchObject({ tradeDate, tradingDay: true, reminders: 1 });
    expect((await rows())[0]?.text).toContain('before 19:05 IST');
  });

  test('wakes nobody: in the night it waits for the morning', async () => {
    await venues.close();
    await open('00:30');
    expect(await check()).toMatchObject({ reminders: 1 });
    expect(await fates()).toEqual([['asha', 'queued', null]]);
    venues.clock.jump(7.5 * 60 * minuteMs);
    await notify(venues.world, 4);
    expect(await fates()).toEqual([['asha', 'sent', null]]);
  });

  test('leaves to the next sender what it could not send, who does not send what is needless or late', async () => {
    const { store } = venues.world;
    await store.call('stop_messages', { by: tester, why: 'test', channel: 'whatsapp', nowMs: venues.clock.nowMs() });
    expect(await check()).toMatchObject({ reminders: 1 });
    expect(await fates()).toEqual([['asha', 'queued', null]]);
    logIn();
    venues.clock.jump(1_000);
    await check();
    await store.call('resume_messages', { by: { who: 'test', how: 'cli' }, nowMs: venues.clock.nowMs() });
    await notify(venues.world, 4);
    expect(await fates()).toEqual([['asha', 'suppressed', 'login_made']]);
    logOut();
    await store.call('stop_messages', { by: tester, why: 'test', channel: 'whatsapp', nowMs: venues.clock.nowMs() });
    venues.clock.jump(1_000);
    expect(await check()).toMatchObject({ reminders: 1 });
    await store.call('resume_messages', { by: { who: 'test', how: 'cli' }, nowMs: venues.clock.nowMs() });
    venues.clock.jump(35 * minuteMs);
    await notify(venues.world, 4);
    expect(await fates()).toEqual([['asha', 'failed', 'too_old']]);
  });

  test('does not fail with the sending', async () => {
    const { store } = venues.world;
    const call: typeof store.call = (name, args) => {
      if (name === 'mark_sending') throw new Error('lost');
      return store.call(name, args);
    };
    venues.world = { ...venues.world, store: { ...store, call } };
    expect(await check()).toMatchObject({ reminders: 1, complete: true });
    expect(venues.events).toContainEqual(expect.objectContaining({ type: 'notify_loop_failed', alert: true }));
  });

  test('gives the link our own route takes, for accounts with a login in the browser', async () => {
    const sealing = { CREDENTIALS_KEY: randomBytes(32).toString('base64'), KITE_BASE_URL: 'https://api.kite.trade' };
    const read = readConfig({
      TRADING_MODE: 'live',
      MAX_ORDER_VALUE: '1000000',
      PUBLIC_URL: 'https://scan.example.com',
      ...sealing,
    });
    if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
    const loginUrl = async () => 'https://kite.example.com/connect/login';
    const logins = new Map([['kite', { loginUrl }]]);
    venues.world = { ...venues.world, loginLink: loginLinks(read.config, logins) };
    await check();
    const [row] = await rows();
    const accountId = (await check()).accounts.find(({ userId }) => userId === 'asha')?.accountId;
    const [, state = ''] =
      /How: https:\/\/scan\.example\.com\/api\/venues\/kite\/login\?state=(\S+)\n/.exec(row?.text ?? '') ?? [];
    const key = loginStateKey(read.config) ?? Buffer.alloc(0);
    const until = (time: string) => readState(key, 'kite', state, istMs(tradeDate, time));
    expect(until('15:29')).toMatchObject({ venue: 'kite', accountId });
    expect(readState(key, 'kite', state, istMs('2025-08-29', '00:00'))).toBeNull();
    const none = loginLinks(read.config, new Map([['kite', { loginUrl: async () => null }]]));
    expect(await none({ accountId: 1, venue: 'kite', untilMs: 0 })).toBeNull();
  });
});

describe('over Twilio', () => {
  let twilio: LoopbackTwilio;
  const use = (change: Partial<TwilioSettings> = {}) => {
    venues.world = { ...venues.world, notifier: twilioNotifier(settingsFor(twilio.url, change)) };
  };
  beforeEach(async () => {
    const contents = Object.fromEntries(
      (['en', 'hi'] as const).map((language) => [reminderContentSids[language], reminderTemplates[language]]),
    );
    twilio = await loopbackTwilio({ accountSid, authToken, contents, nowMs: () => venues.clock.nowMs() });
    use();
  });
  afterEach(() => twilio.close());

  const hear = async (status: string, code?: number) => {
    const message = twilio.messages.at(-1);
    if (!message) throw new Error('there is no message at Twilio');
    const { url, headers, body } = twilio.callback(message, status, code);
    const { pathname, search } = new URL(url);
    const form = Object.fromEntries(new URLSearchParams(body));
    const call = { path: `${pathname}${search}`, signature: headers['X-Twilio-Signature'], form };
    const callback = await venues.world.notifier.parseCallback?.(call);
    if (!callback) throw new Error('the signature does not fit');
    await bookProviderUpdate(venues.world, callback);
  };

  test('goes as its own template, in the user’s language, and not past the scan; what became of it is heard', async () => {
    await venues.world.store.call('set_user', { by: tester, userId: 'asha', language: 'hi' });
    await check();
    expect(twilio.requests).toMatchObject([{ ContentSid: reminderContentSids.hi, To: `whatsapp:${asha.whatsapp}` }]);
    expect(Number(twilio.requests[0]?.['ValidityPeriod'])).toBeLessThanOrEqual(35 * 60);
    expect(twilio.messages[0]?.body).toBe((await rows())[0]?.text);
    await hear('delivered');
    expect(await fates()).toEqual([['asha', 'delivered', null]]);
    await check();
    expect(twilio.requests).toHaveLength(1);
  });

  test('without its template nobody is reminded, and it is said why; with one the next check sends it', async () => {
    use({ reminderContentSids: {} });
    await check();
    expect(await fates()).toEqual([['asha', 'suppressed', 'no_reminder_template']]);
    expect(alarms()).toBe(1);
    expect(twilio.requests).toEqual([]);
    use();
    expect(await check()).toMatchObject({ reminders: 1 });
    expect(await fates()).toEqual([['asha', 'sent', null]]);
  });

  test.each([
    [0, 1, ['asha', 'unknown', 'not_found_yet']],
    [1, 2, ['asha', 'sent', null]],
  ])(
    'an answer nobody can read leaves it unknown: it is looked for; MESSAGE_RESENDS=%i: sent %i times at most',
    async (maxResends, times, fate) => {
      twilio.fault = () => 'lost_error';
      use({ pace: { ...quick, maxResends } });
      await check();
      expect(await fates()).toEqual([['asha', 'unknown', 'http 503']]);
      twilio.fault = () => 'none';
      for (let n = 0; n < 8; n += 1) {
        venues.clock.jump(4 * minuteMs);
        await check();
      }
      expect(twilio.listed).toBe(5);
      expect(twilio.requests).toHaveLength(times);
      expect(await fates()).toEqual([fate]);
    },
  );

  test('an unknown one whose time is over stays unknown', async () => {
    twilio.fault = () => 'lost_error';
    await check();
    use({ pace: { ...quick, maxResends: 1 } });
    venues.clock.jump(35 * minuteMs);
    for (let n = 0; n < 6; n += 1) {
      await notify(venues.world, 4);
      venues.clock.jump(4 * minuteMs);
    }
    expect(twilio.requests).toHaveLength(1);
    expect(await fates()).toEqual([['asha', 'unknown', 'not_found_yet']]);
  });

  test('who can not be reached on WhatsApp gets it as SMS; who has no number gets none', async () => {
    use({ pace: { ...quick, fallback: 'sms' } });
    await check();
    await hear('failed', 63_024);
    await check();
    expect(twilio.requests.map(({ To, Body }) => [To, Body?.split('\n')[0]])).toEqual([
      [`whatsapp:${asha.whatsapp}`, undefined],
      [asha.whatsapp, 'daily-scan, 28 Aug 2025'],
    ]);
    await venues.close();
    await open('08:45', tradeDate, [user('asha', { venue: 'kite' })]);
    use();
    await check();
    expect(await fates()).toEqual([['asha', 'suppressed', 'no_whatsapp_number']]);
    expect(twilio.requests).toHaveLength(2);
  });
});
