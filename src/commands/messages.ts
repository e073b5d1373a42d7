import { createInterface } from 'node:readline/promises';
import { realClock } from '../adapters/clock.ts';
import type { Config } from '../config.ts';
import { parseTradeDate } from '../domain/ist.ts';
import type { Answer, Store } from '../ports/store.ts';
import { countsOf, messagesOf } from '../stages/report.ts';
import { historyText } from '../terminal/message-history.ts';
import { remindersText } from '../terminal/messages.ts';
import { actorOf } from './actor.ts';
import { noSuchRun, screen } from './ask.ts';
import { userNamed } from './named.ts';
import { placeToAsk, sayPlace, withStore } from './place.ts';
import { type Refusal, refusal } from './refusal.ts';

interface MessagesFlags {
  run?: string;
  /** The day whose login reminders are meant, in place of a run. */
  reminders?: string;
  resend?: string;
  yes?: boolean;
  by?: string;
  json?: boolean;
}

type Row = Answer<'read_messages'>[number];

/**
 * `npm run messages`: what each user of a run was told, and what became of the message; with --resend, once more. With
 * --reminders, who was reminded of a missing login on a day.
 */
export async function messagesCommand(config: Config, flags: MessagesFlags): Promise<number | Refusal> {
  const { run, reminders, resend, json } = flags;
  if (reminders !== undefined) {
    if (run !== undefined || resend !== undefined) return refusal('bad_flag', 'Give --reminders DATE alone.');
    return remindersOf(config, reminders, json ?? false);
  }
  if (run === undefined) return refusal('bad_flag', 'Give --run ID, or --reminders DATE.');
  const place = placeToAsk(config);
  sayPlace(place);
  return withStore(config, place, async (store) => {
    const report = await countsOf(store, run);
    if (!report) return noSuchRun(run);
    const rows = await store.call('read_messages', { runId: run });
    if (resend !== undefined) return resendTo(store, { ...flags, run }, resend, rows);
    const messages = await messagesOf(store, run);
    if (json) process.stdout.write(`${JSON.stringify(messages)}\n`);
    else {
      const names = new Map(rows.map(({ userId, userName }) => [userId, userName]));
      screen().messages({ ...report, messages }, names);
      process.stdout.write(historyText(rows));
    }
    return 0;
  });
}

/** What became of the reminders of a day: `[{userId, status, reason, text}]`. */
async function remindersOf(config: Config, date: string, json: boolean): Promise<number | Refusal> {
  const tradeDate = parseTradeDate(date);
  if (tradeDate === null) return refusal('bad_flag', `--reminders is a day such as 2025-08-28, not ${date}.`);
  const place = placeToAsk(config);
  sayPlace(place);
  return withStore(config, place, async (store) => {
    const rows = await store.call('read_messages', { runId: null, tradeDate });
    const told = rows.map(({ userId, status, reason, text }) => ({ userId, status, reason, text }));
    if (json) process.stdout.write(`${JSON.stringify(told)}\n`);
    else process.stdout.write(`${remindersText(rows) || 'No reminder.'}\n${historyText(rows)}`);
    return 0;
  });
}

async function resendTo(
  store: Store,
  flags: MessagesFlags & { run: string },
  user: string,
  rows: Row[],
): Promise<number | Refusal> {
  const named = await userNamed(store, user);
  if ('kind' in named) return named;
  const userId = named.id;
  const row = rows.findLast((one) => one.userId === userId);
  if (!row)
    return refusal('no_such_message', `There is no message to "${user}" in ${flags.run}: give the name or the id.`);
  if (!flags.yes && !(await agreed(row))) return refusal('not_resent', 'Nothing was sent.');
  const by = actorOf(flags);
  const asked = { runId: flags.run, userId, by, nowMs: realClock().nowMs() };
  const answer = await store.call('resend_message', asked);
  if (answer.kind !== 'queued') {
    const why = answer.kind === 'not_settled' ? `is ${answer.status}: it goes by itself` : 'is gone';
    return refusal('not_resent', `The message to ${row.userName} ${why}.`);
  }
  const said = `The ${row.kind} to ${row.userName} waits to be sent again, by order of ${by.who}. The worker or the next scan sends it.`;
  process.stdout.write(flags.json ? `${JSON.stringify(answer)}\n` : `${said}\n`);
  return 0;
}

/** A person at a terminal says yes; nobody there is a no. */
async function agreed({ userName, kind, status, providerStatus }: Row): Promise<boolean> {
  if (!process.stdin.isTTY) {
    process.stderr.write('Nobody is here to ask: say --yes.\n');
    return false;
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const seen = providerStatus === null ? status : `${status}, ${providerStatus}`;
    const answer = await ask.question(
      `The ${kind} to ${userName} is ${seen}. Sent again, he may get it twice. Send it again? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}
