// Users’ messages and reminders, as they are sent.
import type { RunReport } from '../../domain/report.ts';
import type { StoredMessage } from '../../ports/store/messages.ts';
import { grouped } from '../format.ts';
import { leftLine, pageCommand, SHOWN_USERS, type UserPage } from '../pages.ts';
import { type Paint, plain } from '../table.ts';
import { displayWidth, fitted } from '../width.ts';

type Reminder = Pick<StoredMessage, 'userName' | 'status' | 'reason' | 'text'>;

const RULE_WIDTH = 60;

/**
 * Each user's message exactly as it is sent, between rules that name the user and what became of it. The first
 * `SHOWN_USERS`; the rest are counted. `names` by user id, where the report lists no decisions. Only characters that would steer the terminal are taken out.
 */
export function messagesText(
  report: RunReport,
  paint: Paint = plain,
  names = namesIn(report),
  page = firstMessages(report),
): string {
  const { messages } = report;
  if (messages.length === 0) return 'No message.';
  const sections = messages.slice(0, page.limit).map(({ userId, status, text }) => {
    return underRule(`${fitted(names.get(userId) ?? userId, 30)}, message ${status}`, text, paint);
  });
  return [...sections, leftLine(page)].filter((part) => part !== '').join('\n\n');
}

function firstMessages({ messages, runId }: RunReport): UserPage {
  const left = Math.max(0, messages.length - SHOWN_USERS);
  return { limit: SHOWN_USERS, left, more: pageCommand('messages', runId, SHOWN_USERS) };
}

/** Users' names by their ids. */
function namesIn({ decisions }: RunReport): ReadonlyMap<string, string> {
  return new Map(decisions.map(({ userId, userName }) => [userId, userName]));
}

/** The reminders of missing logins in the same form; nothing where there are none. */
export function remindersText(rows: readonly Reminder[], paint: Paint = plain): string {
  const sections = rows.slice(0, SHOWN_USERS).map(({ userName, status, reason, text }) => {
    const why = reason === null ? '' : ` (${fitted(reason, 60)})`;
    return underRule(`${fitted(userName, 30)}, reminder ${status}${why}`, text, paint);
  });
  const left = rows.length - SHOWN_USERS;
  return [...sections, ...(left > 0 ? [`… and ${grouped(left)} more`] : [])].join('\n\n');
}

function underRule(title: string, text: string, paint: Paint): string {
  const head = `── ${title} `;
  const rule = head + '─'.repeat(Math.max(0, RULE_WIDTH - displayWidth(head)));
  return `${paint('quiet', rule)}\n${text === '' ? '(no text yet)' : text.replace(/(?!\n)\p{Cc}/gu, ' ')}`;
}
