// What each alert says to a person at a terminal.
import { failureText } from '../domain/text/failure-text.ts';
import type { Event } from '../ports/world.ts';

type Facts = Event;

const text = (value: unknown): string => (value === undefined || value === null ? '?' : String(value));
const order = ({ clientOrderId }: Facts): string => `Order ${clientOrderId ?? ''}`.trim();
const message = ({ messageId, userId }: Facts): string => `Message ${text(messageId)} to ${userId ?? 'a user'}`;
/** Some users by name, and how many there are where not all are named. */
const named = (facts: Facts): string => {
  const { users, about } = facts;
  return users === text(about).split(', ').length ? text(about) : `${text(users)} users (${text(about)}, …)`;
};
/** Ends a sentence with what went wrong. */
const because = ({ error }: Facts): string =>
  error === undefined ? '.' : `: ${failureText(error).replaceAll(/\s*\n\s*/g, ' ')}`;
const ofRun = ({ runId }: Facts): string => (runId ? ` -- --run ${runId}` : '');

const stays = ({ status = 'unknown' }: Facts): string =>
  status === 'unknown'
    ? 'stays unknown'
    : `is still ${text(status).replace('_', ' ')} in our books though its day is over`;

/** What each alert says to a person; a test holds that every alert of the code has its text. */
const alertTexts: Readonly<Record<string, (facts: Facts) => string>> = {
  order_needs_person: (facts) =>
    `${order(facts)} ${stays(facts)} (${text(facts['reason'] ?? 'no answer')}). Look it up at ${text(facts['venue'])}, then: npm run resolve -- --order ${facts.clientOrderId} --as filled|partly|canceled|rejected|not-placed`,
  order_not_found: (facts) =>
    `${order(facts)} was confirmed by ${text(facts['venue'])}, which no longer shows it (${text(facts['reason'])}). It is looked up until its day is over; see whether it traded.`,
  orders_need_person: (facts) =>
    `${text(facts['count'])} orders wait for a person (${text(facts['first'])}): the books of their accounts are not brought up until you have said how each ended: npm run day lists them, npm run resolve`,
  late_fill: (facts) =>
    `${order(facts)} was filled after it had ended. Its money and position are booked; the account is blocked until you have looked: npm run account -- --user … --acknowledge ${text(facts['venue'] ?? 'VENUE')}`,
  breaker_opened: (facts) =>
    `${text(facts['failed'])} of ${text(facts['tried'])} orders got no clear answer (${text(facts['about'])}): the breaker is open, ${facts['waiting'] === undefined ? 'the others' : `${text(facts['waiting'])} orders`} wait unsent. ${text(facts['next'])}.`,
  breaker_check_failed: (facts) =>
    `Whether a venue fails as a whole could not be judged after ${text(facts['orders'])} orders${because(facts)}`,
  mark_failed: (facts) =>
    `Orders could not be marked before sending, and were not sent${because(facts)} They are tried again.`,
  wrong_fill: (facts) =>
    `${order(facts)} was ${text(facts['what'])}, its venue says. It is booked as told, and the account is blocked until you have looked. Where the venue is wrong: npm run correct -- --order ${facts.clientOrderId} --quantity … --price … --why …`,
  filled_without_fills: (facts) =>
    `${order(facts)} is filled, its venue says, but its fills don't add up to it. It is looked up again; compare with the venue's trade book.`,
  heartbeat_failed: (facts) =>
    `The database did not take a sign of life for ${text(facts['orders'])} orders; another process may take them over${because(facts)}`,
  settlement_failed: (facts) =>
    `${order(facts)}: the database does not take what the venue said${because(facts)} It is unknown, keeps its hold, and is looked up again.`,
  settlement_postponed: (facts) =>
    `${order(facts)} could not be booked while its account was held${because(facts)} It is looked up again in half a minute.`,
  account_locked: (facts) =>
    `Another session of the database holds the account of ${text(facts.userId)}: nothing of it can be booked. Find it in pg_stat_activity and end it: ${JSON.stringify(facts['holders'] ?? [])}`,
  recipient_unreachable: (facts) =>
    `${message(facts)} can't reach them on WhatsApp (${text(facts['code'])}). Check the number: npm run messages${ofRun(facts)}`,
  message_failed: (facts) => `${message(facts)} failed (${text(facts['code'])}): npm run messages${ofRun(facts)}`,
  message_resent: (facts) => `${message(facts)} is sent once more: nobody could say whether it had gone.`,
  message_needs_person: (facts) =>
    `Nobody can say whether ${message(facts).toLowerCase()} went: npm run messages${ofRun(facts)}`,
  delivery_reported: (facts) =>
    `${message(facts)} did not arrive (${text(facts['providerStatus'])}, ${text(facts['code'])}): npm run messages${ofRun(facts)}`,
  messages_stopped: (facts) =>
    `All messages are stopped: ${text(facts['why'])}. Once that is mended: npm run whatsapp -- resume`,
  fallback_stopped: (facts) =>
    `Messages by SMS are stopped: ${text(facts['why'])}. Once that is mended: npm run whatsapp -- resume`,
  notify_loop_failed: (facts) => `Sending messages failed, and is tried again${because(facts)}`,
  operators_not_notified: (facts) => `Operators could not be told${because(facts)}`,
  login_missing: (facts) =>
    `${text(facts['count'])} accounts have no login today (${text(facts['first'])}): they get no orders until they log in. npm run account -- check`,
  drift_found: (facts) =>
    `The books of ${text(facts['accounts'])} accounts differ from their venue's (${text(facts['first'])}): npm run day lists them, with what to do`,
  books_broken: (facts) =>
    `The books break a promise: ${text(facts['about'])}. Not so for ${text(facts['subject'])}: ${text(facts['ours'])}, should be ${text(facts['should'])}${facts['more'] ? ` (and ${text(facts['more'])} more)` : ''}. ${text(facts['settle'])}`,
  books_not_checked: (facts) => `The books could not be checked against themselves${because(facts)}`,
  books_not_compared: (facts) =>
    `${text(facts['count'])} accounts were not compared with their venue (${text(facts['first'])}): npm run ready`,
  part_failed: (facts) =>
    `The part ${text(facts['part'])} of the worker failed; the others go on, and it starts again${because(facts)}`,
  clock_wrong: (facts) => `This process does nothing until its clock is set${because(facts)}`,
  scan_not_started: (facts) => `The scan was refused: ${text(facts['message'] ?? facts['code'])}`,
  scan_failed: (facts) => `The scan failed, and is tried again until the cut-off${because(facts)}`,
  run_missing: (facts) =>
    `No run of ${text(facts['runId'])} (${text(facts['signals'])} signals, ${text(facts['users'])} users): npm run scan before the cut-off`,
  run_unfinished: (facts) => `The run ${text(facts['runId'])} is still planning: npm run scan goes on with it`,
  run_check_failed: (facts) => `Whether today's run is there could not be found out${because(facts)}`,
  run_not_closed: (facts) =>
    `The run ${text(facts['runId'])} was left in its planning and could not be closed${because(facts)} Its orders keep their holds; it is tried again.`,
  run_interrupted: (facts) => `The run was left before its end; the next call goes on with it${because(facts)}`,
  beyond_calendar: (facts) =>
    `The calendar does not know ${text(facts['date'])}: nothing is traded. Add the day (npm run calendar), or update.`,
  ready_failed: (facts) => `The readiness check failed: live accounts get no orders without it${because(facts)}`,
  sync_failed: (facts) => `The evening's comparison with the venues failed${because(facts)}`,
  schedule_failed: (facts) => `A job of the schedule failed${because(facts)}`,
  order_events_read_failed: (facts) =>
    `Streams of ${text(facts['orders'])} orders wait: events can't be read${because(facts)}`,
  metrics_read_failed: (facts) => `The figures for /metrics can't be read${because(facts)}`,
  not_ready: (facts) => `/ready says no${because(facts)}`,
  request_failed: (facts) => `A request failed (${text(facts['requestId'])})${because(facts)}`,
  sending_failed: (facts) => `Sending orders after a request failed; the worker sends them${because(facts)}`,
  background_task_failed: (facts) => `Work after an answered request failed${because(facts)}`,
  unhandled_rejection: (facts) => `An error nobody caught; the process goes on${because(facts)}`,
  beyond_exact_numbers: (facts) =>
    `Orders of ${named(facts)} would be worth more than can be computed with exactly (90071992547409.91), and are denied. Look at their capital, allocation, leverage and holdings: npm run account -- --user …`,
  users_not_decided: (facts) =>
    `${named(facts)} could not be decided on: nothing is traded for them, everybody else goes on${because(facts)}`,
  fault_matches_nothing: (facts) =>
    `The faults file names ${text(facts['names'])}: no user (name or id) or symbol of this run. Nothing goes wrong for them.`,
};

/** What a person at the terminal has to know at once and may have to do; null for an event that needs nobody. */
export function alertText(event: Event): string | null {
  if (!event.alert) return null;
  const sentence = alertTexts[event.type];
  return sentence ? sentence(event) : `${event.type.replaceAll('_', ' ')}${because(event)}`;
}
