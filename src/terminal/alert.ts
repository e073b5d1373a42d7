// What each alert says to a person: what is wrong, and what to do about it.
import { markets } from '../domain/market/market.ts';
import { failureText } from '../domain/text/failure-text.ts';
import { type AlertType, type Event, type EventOf, isAlert } from '../ports/events/events.ts';

const text = (value: string | number | null | undefined): string => String(value ?? '?');
const order = ({ clientOrderId }: { clientOrderId: string }): string => `Order ${clientOrderId}`;
const message = ({ messageId, userId }: { messageId?: number; userId?: string }): string =>
  `Message ${text(messageId)} to ${userId ?? 'a user'}`;
/** Some users by name, and how many there are where not all are named. */
const named = ({ users, about }: { users: number; about: string }): string =>
  users === about.split(', ').length ? about : `${users} users (${about}, …)`;
/** Ends a sentence with what went wrong. */
const because = ({ error }: { error?: unknown }): string =>
  error === undefined ? '.' : `: ${failureText(error).replaceAll(/\s*\n\s*/g, ' ')}`;
const ofRun = ({ runId }: { runId?: string | null }): string => (runId ? ` -- --run ${runId}` : '');

/** The scan that makes a run, as it is typed. */
const scanOf = (runId: string): string => {
  const [code = ''] = runId.split(':');
  return code === markets[0].mic ? 'npm run scan' : `npm run scan -- --market ${code}`;
};

const stays = ({ status }: { status: string }): string =>
  status === 'unknown' ? 'stays unknown' : `is still ${status.replace('_', ' ')} in our books though its day is over`;

/** One sentence per alert: the compiler asks for each. */
const alertTexts: { readonly [T in AlertType]: (event: EventOf<T>) => string } = {
  order_needs_person: (event) =>
    `${order(event)} ${stays(event)} (${text(event.reason ?? 'no answer')}). Look it up at ${text(event.venue)}, then: npm run resolve -- --order ${event.clientOrderId} --as filled|partly|canceled|rejected|not-placed`,
  order_not_found: (event) =>
    `${order(event)} was confirmed by ${text(event.venue)}, which no longer shows it (${text(event.reason)}). It is looked up until its day is over; see whether it traded.`,
  orders_need_person: (event) =>
    `${text(event.count)} orders wait for a person (${text(event.first)}): the books of their accounts are not brought up until you have said how each ended: npm run day lists them, npm run resolve`,
  late_fill: (event) =>
    `${order(event)} was filled after it had ended. Its money and position are booked; the account is blocked until you acknowledge it: npm run account -- --user … --acknowledge VENUE`,
  breaker_opened: (event) =>
    `${text(event.failed)} of ${text(event.tried)} orders got no clear answer (${text(event.about)}): the breaker is open, ${event.waiting === undefined ? 'the others' : `${text(event.waiting)} orders`} wait unsent. ${text(event.next)}.`,
  breaker_check_failed: (event) =>
    `Whether a venue fails as a whole could not be judged after ${text(event.orders)} orders${because(event)}`,
  mark_failed: (event) =>
    `Orders could not be marked before sending, and were not sent${because(event)} They are tried again.`,
  wrong_fill: (event) =>
    `${order(event)} was ${text(event.what)}, its venue says. It is booked as reported, and the account is blocked until you acknowledge it. Where the venue is wrong: npm run correct -- --order ${event.clientOrderId} --quantity … --price … --why …`,
  filled_without_fills: (event) =>
    `${order(event)} is filled, its venue says, but its fills don't add up to it. It is looked up again; compare with the venue's trade book.`,
  heartbeat_failed: (event) =>
    `The database did not take a sign of life for ${text(event.orders)} orders; another process may take them over${because(event)}`,
  settlement_failed: (event) =>
    `${order(event)}: the database does not take what the venue said${because(event)} It is unknown, keeps its hold, and is looked up again.`,
  settlement_postponed: (event) =>
    `${order(event)} could not be booked while its account was held${because(event)} It is looked up again in half a minute.`,
  account_locked: (event) =>
    `Another session of the database holds the account of ${text(event.userId)}: nothing of it can be booked. Find it in pg_stat_activity and end it: ${JSON.stringify(event.holders ?? [])}`,
  recipient_unreachable: (event) =>
    `${message(event)} can't reach them on WhatsApp (${text(event.code)}). Check the number: npm run messages${ofRun(event)}`,
  message_failed: (event) => `${message(event)} failed (${text(event.code)}): npm run messages${ofRun(event)}`,
  message_resent: (event) => `${message(event)} is sent once more: nobody could say whether it had gone.`,
  message_needs_person: (event) =>
    `Nobody knows whether ${message(event).toLowerCase()} went: npm run messages${ofRun(event)}`,
  delivery_reported: (event) =>
    `${message(event)} did not arrive (${text(event.providerStatus)}, ${text(event.code)}): npm run messages${ofRun(event)}`,
  messages_stopped: (event) =>
    `All messages are stopped: ${text(event.why)}. Once that is mended: npm run whatsapp -- resume`,
  fallback_stopped: (event) =>
    `Messages by SMS are stopped: ${text(event.why)}. Once that is mended: npm run whatsapp -- resume`,
  notify_loop_failed: (event) => `Sending messages failed, and is tried again${because(event)}`,
  operators_not_notified: (event) => `Operators could not be notified${because(event)}`,
  login_missing: (event) =>
    `${text(event.count)} accounts have no login today (${text(event.first)}): they get no orders until they log in. npm run account -- check`,
  drift_found: (event) =>
    `The books of ${text(event.accounts)} accounts differ from their venue's (${text(event.first)}): npm run day lists them, with what to do`,
  books_broken: (event) =>
    `The books break a promise: ${text(event.about)}. Not so for ${text(event.subject)}: ${text(event.ours)}, should be ${text(event.should)}${event.more ? ` (and ${text(event.more)} more)` : ''}. ${text(event.settle)}`,
  books_not_closed: (event) => `The books of past months could not be closed, and are read as ever${because(event)}`,
  books_not_checked: (event) => `The books could not be checked against themselves${because(event)}`,
  books_not_compared: (event) =>
    `${text(event.count)} accounts were not compared with their venue (${text(event.first)}): npm run ready`,
  part_failed: (event) =>
    `The part ${text(event.part)} of the worker failed; the others go on, and it starts again${because(event)}`,
  clock_wrong: (event) => `This process does nothing until its clock is set${because(event)}`,
  scan_not_started: (event) => `The scan was refused: ${text(event.message ?? event.code)}`,
  scan_failed: (event) => `The scan failed, and is tried again until the cut-off${because(event)}`,
  run_missing: (event) =>
    `No run of ${text(event.runId)} (${text(event.signals)} signals, ${text(event.users)} users): ${scanOf(event.runId)} before the cut-off`,
  run_unfinished: (event) => `The run ${text(event.runId)} is still planning: ${scanOf(event.runId)} goes on with it`,
  run_check_failed: (event) => `Whether today's run is there could not be found out${because(event)}`,
  run_not_closed: (event) =>
    `The run ${text(event.runId)} was left in its planning and could not be closed${because(event)} Its orders keep their holds; it is tried again.`,
  run_interrupted: (event) => `The run was left before its end; the next call goes on with it${because(event)}`,
  beyond_calendar: (event) =>
    `The calendar does not know ${text(event.date)}: nothing is traded. Add the day (npm run calendar), or update.`,
  ready_failed: (event) => `The readiness check failed: live accounts get no orders without it${because(event)}`,
  sync_failed: (event) => `The evening's comparison with the venues failed${because(event)}`,
  schedule_failed: (event) => `A job of the schedule failed${because(event)}`,
  order_events_read_failed: (event) =>
    `Streams of ${text(event.orders)} orders wait: events can't be read${because(event)}`,
  metrics_read_failed: (event) => `The figures for /metrics can't be read${because(event)}`,
  not_ready: (event) => `/ready says no${because(event)}`,
  request_failed: (event) => `A request failed (${String(event.requestId ?? '?')})${because(event)}`,
  sending_failed: (event) => `Sending orders after a request failed; the worker sends them${because(event)}`,
  background_task_failed: (event) => `Work after an answered request failed${because(event)}`,
  unhandled_rejection: (event) => `An error nobody caught; the process goes on${because(event)}`,
  beyond_exact_numbers: (event) =>
    `Orders of ${named(event)} would be worth more than can be computed with exactly (90071992547409.91), and are denied. Look at their capital, allocation, leverage and holdings: npm run account -- --user …`,
  users_not_decided: (event) =>
    `${named(event)} could not be decided on: nothing is traded for them, everybody else goes on${because(event)}`,
  fault_matches_nothing: (event) =>
    `The faults file names ${text(event.names)}: no user (name or id) or symbol of this run. Nothing goes wrong for them.`,
};

/** What a person at the terminal has to know at once and may have to do; null for an event that needs nobody. */
export function alertText(event: Event): string | null {
  return isAlert(event) ? sentenceOf(event) : null;
}

function sentenceOf<T extends AlertType>(event: EventOf<T>): string {
  const sentence = alertTexts[event.type];
  return sentence(event);
}
