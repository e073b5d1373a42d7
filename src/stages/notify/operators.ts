// Sends operators the digest of each run, and alerts as they happen.
import { calendarGap, importingCalendar } from '../../domain/market/calendar.ts';
import { istDate, istIso } from '../../domain/market/india-time.ts';
import type { Market } from '../../domain/market/market.ts';
import { dateIn, marketOfExchange } from '../../domain/market/session.ts';
import { operatorMessage } from '../../domain/messages/template.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import { type AlertEvent, type AlertType, type Emit, isAlert } from '../../ports/events/events.ts';
import type { ClaimedNotice, RunDigest, SettledNotice } from '../../ports/store/watch.ts';
import type { MessageToSend, SendOutcome } from '../../ports/world.ts';
import type { OperatorDeps } from './deps.ts';

const NOTICE_BATCH_SIZE = 10;
const VALID_MS = 3_600_000;
/** With the pauses between them about as long as a notice is of use (VALID_MS). */
const MAX_ATTEMPTS = 8;

/** Tells each operator once of every run that has ended, and whatever else waits for them. */
export async function notifyOperators(deps: OperatorDeps): Promise<void> {
  const { store, clock, notifier } = deps;
  const to = notifier.operators?.numbers ?? [];
  if (to.length === 0) return;
  const nowMs = clock.nowMs();
  const digests = await store.call('read_digests', { nowMs });
  if (digests.length > 0) {
    const gaps = await calendarGaps(store, [...new Set(digests.map(marketOfDigest))], nowMs);
    const notices = digests.map((facts) => {
      const gap = gaps.get(marketOfDigest(facts)) ?? null;
      const text = [digestText(facts), ...(gap === null ? [] : [`CALENDAR: ${gap}: ${importingCalendar}`])].join('. ');
      return { key: `digest ${facts.runId}`, runId: facts.runId, text };
    });
    await store.call('queue_notices', { notices, to, nowMs });
  }
  await sendNotices(deps);
}

/** An id that begins with no market's code is the NSE's, as core.zone_of has it: it keeps no other digest back. */
function marketOfDigest({ runId }: RunDigest): Market {
  return marketOfExchange(runId.split(':')[0] ?? '');
}

/** What the calendar of each of these markets lacks on its own day; null: nothing. */
async function calendarGaps(
  store: OperatorDeps['store'],
  markets: Market[],
  nowMs: number,
): Promise<Map<Market, string | null>> {
  const gaps = new Map<Market, string | null>();
  for (const market of markets) {
    const days = await store.call('read_calendar_days', { exchange: market.calendar.name });
    gaps.set(market, calendarGap(market.calendar, dateIn(market, nowMs), days));
  }
  return gaps;
}

/** One line: counts, what stayed unknown, who was not told, what was stopped. */
function digestText(facts: RunDigest): string {
  const { users, outcomes, orders, messages, unknownOrders, breaker, lateFills, messagesStopped, badRows } = facts;
  const of = (counts: Record<string, number>) =>
    Object.entries(counts)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`)
      .join(', ') || 'none';
  // Of a run that is done, what has no end is a person's.
  const left = ['unknown', 'working', 'partially_filled'].reduce((sum, status) => sum + (orders[status] ?? 0), 0);
  const undelivered = (messages['failed'] ?? 0) + (messages['unknown'] ?? 0);
  const trouble = [
    left > 0 ? `UNKNOWN ORDERS ${left}: ${unknownOrders.join(' ')}` : null,
    breaker > 0 ? `the breaker stopped ${breaker} orders` : null,
    lateFills > 0 ? `${lateFills} late fills` : null,
    undelivered > 0 ? `${undelivered} users not told for certain` : null,
    messagesStopped === null ? null : `messages are STOPPED: ${messagesStopped}`,
    badRows > 0 ? `${badRows} bad rows` : null,
  ].filter((line) => line !== null);
  const seconds = Math.round((facts.doneAtMs - facts.startedAtMs) / 1000);
  const head = `${users} users; decisions: ${of(outcomes)}; orders: ${of(orders)}; messages: ${of(messages)}`;
  const time = `started ${istIso(facts.startedAtMs)}, took ${seconds} s`;
  return [trouble.length > 0 ? `DEGRADED: ${trouble.join('; ')}` : 'All well', head, time].join('. ');
}

/** Alerts an operator is woken for; the others are in the log and in the digest. */
const alertTexts: Readonly<Partial<Record<AlertType, string>>> = {
  run_missing: 'today’s run is MISSING',
  run_unfinished: 'today’s run is still planning',
  run_check_failed: 'nobody can say whether today’s run took place',
  scan_failed: 'the scan failed and is tried again',
  scan_not_started: 'the scan was refused',
  beyond_calendar: 'the calendar does not know today: nothing is traded',
  breaker_opened: 'sends that were failing are stopped',
  login_missing: 'accounts without a login trade nothing today',
  drift_found: 'our books and a venue’s DIFFER: the accounts are blocked until somebody acknowledges it',
  books_broken: 'our books contradict themselves: npm run doctor says which, and what to do',
  books_not_closed: 'the books of past months could not be closed: it is tried again tomorrow',
  books_not_checked: 'the books could not be checked against themselves',
  books_not_compared: 'books could not be compared with their venue’s',
  orders_need_person: 'orders wait for a PERSON to say how they ended: npm run day, npm run resolve',
  ready_failed: 'readiness could not be checked: live accounts trade nothing until it is (npm run ready)',
  sync_failed: 'the evening’s reconciliation failed',
  account_locked: 'another session of the database holds an account: its orders wait, end that session',
  beyond_exact_numbers: 'orders too large to compute with were denied: look at these users’ settings and holdings',
  users_not_decided: 'users could not be decided on: nothing is traded for them',
  clock_wrong: 'the clock of a process is wrong: it does NOTHING until it is set',
  part_failed: 'a part of the service failed and is started again',
  messages_stopped: 'no messages go until somebody mends it: npm run whatsapp -- resume',
  fallback_stopped: 'no SMS goes until somebody mends it; WhatsApp goes on: npm run whatsapp -- resume',
};

/** An `emit` that also queues the alarms among the events for the operators, each once per run or day, and sends them. */
export function alertOperators(deps: OperatorDeps): Emit {
  const { store, clock, notifier, emit } = deps;
  const to = notifier.operators?.numbers ?? [];
  if (to.length === 0) return emit;
  return (event) => {
    emit(event);
    if (!isAlert(event)) return;
    const alertText = alertTexts[event.type];
    if (alertText === undefined) return;
    const nowMs = clock.nowMs();
    const runId = 'runId' in event ? (event.runId ?? null) : null;
    const about = 'about' in event ? ` ${event.about}` : '';
    const notice = {
      key: `${event.type} ${runId ?? istDate(nowMs)}${about}`,
      runId,
      text: `${alertText}. ${factsOf(event)}`,
    };
    store
      .call('queue_notices', { notices: [notice], to, nowMs })
      .then(() => sendNotices(deps))
      .catch((error: unknown) => emit({ type: 'operators_not_notified', alert: true, error }));
  };
}

function factsOf(event: AlertEvent): string {
  return Object.entries(event)
    .filter(([name]) => name !== 'type' && name !== 'alert')
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}

async function sendNotices(deps: OperatorDeps): Promise<void> {
  const { store, clock } = deps;
  const claimed = await store.call('claim_notices', { limit: NOTICE_BATCH_SIZE, nowMs: clock.nowMs() });
  if (claimed.length === 0) return;
  const notices = await Promise.all(claimed.map((notice) => sendNotice(deps, notice)));
  await store.call('settle_notices', { notices, nowMs: clock.nowMs() });
}

async function sendNotice({ notifier, clock, emit }: OperatorDeps, notice: ClaimedNotice): Promise<SettledNotice> {
  const { noticeId, key, number, text, attempt } = notice;
  const { slots, text: inTemplate } = operatorMessage(key, text);
  const template = notifier.operators?.template ?? false;
  // No outbox row of a user is behind it: number 0 in the address of its status is nobody's.
  const message: MessageToSend = {
    messageId: 0,
    userId: 'operator',
    userName: 'operator',
    whatsapp: number,
    attempt,
    channel: 'whatsapp',
    language: 'en',
    slots: template ? slots : null,
    text: inTemplate,
    validForMs: VALID_MS,
    template: 'operator',
  };
  const outcome = await notifier.send(message).catch((error: unknown): SendOutcome => {
    return { kind: 'unknown', reason: error instanceof Error ? untrustedText(error.message) : 'notifier_error' };
  });
  emit({ type: 'operators_notified', about: key, outcome: outcome.kind });
  const settled = { noticeId, providerId: null, nextAttemptMs: null };
  if (outcome.kind === 'sent') return { ...settled, status: 'sent', reason: null, providerId: outcome.providerId };
  if (outcome.kind === 'later' && attempt < MAX_ATTEMPTS) {
    return { ...settled, status: 'queued', reason: outcome.reason, nextAttemptMs: clock.nowMs() + outcome.afterMs };
  }
  return { ...settled, status: outcome.kind === 'unknown' ? 'unknown' : 'failed', reason: outcome.reason };
}
