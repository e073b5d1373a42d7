// npm run messages: each user’s message of a run, and sending one again.
import { createInterface } from 'node:readline/promises';
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { parseTradeDate } from '../../domain/market/india-time.ts';
import type { StoredMessage } from '../../ports/store/messages.ts';
import type { Store } from '../../ports/store/store.ts';
import { messagesOf, reportPage } from '../../stages/report/report.ts';
import { pageCommand, SHOWN_USERS } from '../../terminal/pages.ts';
import { historyText } from '../../terminal/screens/message-history.ts';
import { remindersText } from '../../terminal/screens/messages.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { optionalUserId, userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { runNamed } from './named-run.ts';
import { type PageFlags, pageOf } from './paging.ts';
import { wrongStatus } from './report.ts';
import { screen } from './why.ts';

interface MessagesFlags extends PageFlags {
  user?: string;
  status?: string;
  run?: string;
  /** The day whose login reminders are meant, instead of a run. */
  reminders?: string;
  resend?: string;
  yes?: boolean;
  by?: string;
  json?: boolean;
}

/**
 * `npm run messages`: the message of each user of a run, and what became of the message; with --resend, once more. With
 * --reminders, who was reminded of a missing login on a day.
 */
export async function messagesCommand(config: Config, flags: MessagesFlags): Promise<number | Refusal> {
  const { run, reminders, resend, json } = flags;
  if (reminders !== undefined) {
    if (run !== undefined || resend !== undefined) return refusal('bad_flag', 'Give --reminders DATE alone.');
    return remindersOf(config, reminders, json ?? false);
  }
  if (run === undefined) return refusal('bad_flag', 'Give --run ID, or --reminders DATE.');
  const target = targetToRead(config);
  showTarget(target);
  const page = pageOf(flags, SHOWN_USERS);
  if ('kind' in page) return page;
  const wrong = wrongStatus(flags.status);
  if (wrong) return wrong;
  return withStore(config, target, async (store) => {
    const runId = await runNamed(store, run, config.mode);
    if (typeof runId !== 'string') return runId;
    if (resend !== undefined) return resendTo(store, { ...flags, run: runId }, resend);
    const userId = await optionalUserId(store, flags.user);
    if (userId !== null && typeof userId === 'object') return userId;
    const isPage = [flags.limit, flags.after, flags.user, flags.status].some((flag) => flag !== undefined);
    if (json && !isPage) process.stdout.write(`${JSON.stringify(await messagesOf(store, runId))}\n`);
    else await showPage(store, runId, { ...page, userId, status: flags.status ?? null }, flags);
    return 0;
  });
}

interface PageQuery {
  limit: number;
  after: number;
  userId: string | null;
  status: string | null;
}

async function showPage(store: Store, runId: string, query: PageQuery, flags: MessagesFlags): Promise<void> {
  const page = await reportPage(store, runId, { ...query, of: 'messages' });
  if (!page) throw new Error(`run ${runId} vanished`);
  const { report, names, left, last } = page;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ messages: report.messages, next: left > 0 ? String(last) : null })}\n`);
    return;
  }
  const again = Object.entries({ status: flags.status, limit: flags.limit }).filter(([, value]) => value !== undefined);
  const more = pageCommand('messages', runId, last, again.map(([name, value]) => ` --${name} ${value}`).join(''));
  // A user may have more than one message.
  screen().messages(report, names, { limit: report.messages.length, left, more });
  process.stdout.write(historyText(await store.call('read_messages', { runId, userIds: [...names.keys()] })));
}

/** What became of the reminders of a day: `[{userId, status, reason, text}]`. */
async function remindersOf(config: Config, date: string, json: boolean): Promise<number | Refusal> {
  const tradeDate = parseTradeDate(date);
  if (tradeDate === null) return refusal('bad_flag', `--reminders is a day such as 2025-08-28, not ${date}.`);
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const rows = await store.call('read_messages', { runId: null, tradeDate });
    const messages = rows.map(({ userId, status, reason, text }) => ({ userId, status, reason, text }));
    if (json) process.stdout.write(`${JSON.stringify(messages)}\n`);
    else process.stdout.write(`${remindersText(rows) || 'No reminder.'}\n${historyText(rows)}`);
    return 0;
  });
}

async function resendTo(store: Store, flags: MessagesFlags & { run: string }, user: string): Promise<number | Refusal> {
  const named = await userNamed(store, user);
  if ('kind' in named) return named;
  const userId = named.id;
  const rows = await store.call('read_messages', { runId: flags.run, userIds: [userId] });
  const row = rows.findLast((one) => one.userId === userId);
  if (!row)
    return refusal('no_such_message', `There is no message to "${user}" in ${flags.run}: give the name or the id.`);
  if (!flags.yes && !(await agreed(row))) return refusal('not_resent', 'Nothing was sent.');
  const by = actorOf(flags);
  const args = { runId: flags.run, userId, by, nowMs: realClock().nowMs() };
  const answer = await store.call('resend_message', args);
  if (answer.kind !== 'queued') {
    const why = answer.kind === 'not_settled' ? `is ${answer.status}: it goes by itself` : 'is gone';
    return refusal('not_resent', `The message to ${row.userName} ${why}.`);
  }
  const text = `The ${row.kind} to ${row.userName} waits to be sent again, by order of ${by.who}. The worker or the next scan sends it.`;
  process.stdout.write(flags.json ? `${JSON.stringify(answer)}\n` : `${text}\n`);
  return 0;
}

/** A person at a terminal says yes; nobody there is a no. */
async function agreed({ userName, kind, status, providerStatus }: StoredMessage): Promise<boolean> {
  if (!process.stdin.isTTY) {
    process.stderr.write('Nobody is here to ask: say --yes.\n');
    return false;
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const state = providerStatus === null ? status : `${status}, ${providerStatus}`;
    const answer = await ask.question(
      `The ${kind} to ${userName} is ${state}. Sent again, they may receive it twice. Send it again? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}
