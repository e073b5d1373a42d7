// `npm run purge`: a person removes the records of closed months that no law wants kept any longer, or holds them.
import { createInterface } from 'node:readline/promises';
import { writeRemovalExport } from '../../adapters/files/removal-export.ts';
import type { Config } from '../../config/config.ts';
import { monthEnd } from '../../domain/market/india-time.ts';
import type { Store } from '../../ports/store/store.ts';
import {
  closingsToRemove,
  previewRemoval,
  type Removal,
  type RemovalOptions,
  removeClosing,
  removePages,
} from '../../stages/books/remove-old.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface PurgeFlags {
  why: string;
  through?: string;
  export?: string;
  years: string;
  hold?: boolean;
  release?: boolean;
  yes?: boolean;
  json?: boolean;
  by?: string;
}

/** `npm run purge -- --through YYYY-MM --why W --export DIR`: shows what would go, asks, exports it, and removes it. */
export async function purgeCommand(config: Config, flags: PurgeFlags): Promise<number | Refusal> {
  if (flags.why.trim() === '') return refusal('bad_flag', '--why says why: it stays on record.');
  const months = [flags.through !== undefined, flags.hold, flags.release].filter((one) => one === true).length;
  if (months !== 1) return refusal('bad_flag', 'Give one of --through YYYY-MM, --hold and --release.');
  if (flags.through !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(flags.through)) {
    return refusal('bad_flag', `--through is a month such as 2018-03, not ${flags.through}.`);
  }
  if (!/^\d{1,3}$/.test(flags.years) || Number(flags.years) < 8) {
    return refusal('bad_flag', `--years is 8 or more, not ${flags.years}: the law wants eight financial years kept.`);
  }
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, (store) => {
    if (flags.through === undefined) return changeHold(store, flags);
    return purge(store, { ...flags, monthEnd: monthEnd(`${flags.through}-01`) });
  });
}

async function changeHold(store: Store, flags: PurgeFlags): Promise<number> {
  const isOn = flags.hold === true;
  const { changed } = await store.call('set_legal_hold', { isOn, by: actorOf(flags) });
  const text = `A legal hold is ${changed ? 'now' : 'already'} ${isOn ? 'on: nothing is removed until it is lifted' : 'lifted'}.`;
  process.stdout.write(flags.json ? `${JSON.stringify({ isOn, changed })}\n` : `${text}\n`);
  return 0;
}

/** Closing by closing, the oldest first, so that each is small and a person sees what goes. */
async function purge(store: Store, flags: PurgeFlags & { monthEnd: string }): Promise<number | Refusal> {
  const { isClosed, through: closings } = closingsToRemove(await store.call('read_closings', {}), flags.monthEnd);
  if (!isClosed) {
    return refusal('not_closed', `The books are not closed through ${flags.monthEnd}: nothing of it can be removed.`);
  }
  const options = { years: Number(flags.years), by: actorOf(flags) };
  // What an earlier call has marked and not deleted yet.
  const before = await removePages({ store });
  if (before.kind !== 'removed') return refused(before);
  let rows = before.rows;
  for (const through of closings) {
    const answer = await purgeClosing(store, through, flags, options);
    if (answer === 'only shown') return 0;
    if (answer.kind === 'refusal') return answer;
    if (answer.kind !== 'removed') return refused(answer);
    rows += answer.rows;
    if (!flags.json) process.stdout.write(`Removed: the records through ${through}.\n`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ through: flags.monthEnd, removed: closings })}\n`);
  else if (rows === 0) process.stdout.write(`The records through ${flags.monthEnd} are removed already.\n`);
  return 0;
}

async function purgeClosing(
  store: Store,
  through: string,
  flags: PurgeFlags,
  options: RemovalOptions,
): Promise<Removal | Refusal | 'only shown'> {
  const preview = await previewRemoval({ store }, through, options);
  if (preview.kind === 'would_remove') {
    const lines = Object.entries(preview.counts).map(([table, n]) => `  ${table}: ${n}\n`);
    const folder = flags.export;
    if (folder === undefined) {
      const next = 'Nothing was removed: --export FOLDER writes them there first.\n';
      const text = `Through ${through} would go:\n${lines.join('')}${next}`;
      process.stdout.write(flags.json ? `${JSON.stringify({ through, counts: preview.counts })}\n` : text);
      return 'only shown';
    }
    process.stderr.write(`Through ${through} go for good, once they are written to ${folder}:\n${lines.join('')}`);
    if (!flags.yes && !(await agreed()))
      return refusal('not_removed', `The records through ${through} are still there.`);
    return removeClosing({ store }, through, options, (day) => writeRemovalExport(folder, day));
  }
  return preview.kind === 'marked' ? removePages({ store }) : preview;
}

async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    process.stderr.write('Nobody is here to ask: say --yes.\n');
    return false;
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await ask.question('Remove them? [y/N] ')).trim());
  } finally {
    ask.close();
  }
}

const todo = {
  account: (n: number) => `${n} accounts are not closed: npm run doctor -- --full says what keeps them open`,
  order: (n: number) => `${n} orders are open: npm run resolve`,
  run: (n: number) => `${n} runs are not done: npm run worker ends them`,
  message: (n: number) => `${n} messages are on their way, or nobody knows of them: npm run messages`,
  drift: (n: number) => `${n} drifts nobody has seen: npm run account -- --acknowledge`,
} as const;

function refused(answer: Exclude<Removal, { kind: 'removed' }>): Refusal {
  switch (answer.kind) {
    case 'too_recent':
      return refusal(
        'too_recent',
        `Only what is older than ${answer.before} may go: books of the last eight financial years, or of --years, are kept.`,
      );
    case 'legal_hold':
      return refusal(
        'legal_hold',
        `A legal hold is on (${answer.why}): nothing is removed until npm run purge -- --release.`,
      );
    case 'earlier_first':
      return refusal('earlier_first', `The records through ${answer.through} are still there: they go first.`);
    case 'not_closed':
      return refusal('not_closed', 'It is not closed: nothing of it can be removed.');
    case 'open':
      return refusal(
        'open',
        `Not removed, for something is open:\n${answer.open.map(({ kind, count }) => `  ${todo[kind](count)}`).join('\n')}`,
      );
    case 'not_adding_up':
      return refusal(
        'not_adding_up',
        `Not removed, for the books do not add up:\n${answer.findings.map(({ rule, subject }) => `  ${rule} (${subject})`).join('\n')}`,
      );
    case 'not_exported':
      return refusal('not_exported', 'Not removed: the records changed while they were exported. Ask again.');
    case 'not_written':
      return refusal(
        'not_written',
        `Not removed: the export is not what the database has (${answer.what}). Ask again, with another folder.`,
      );
    case 'busy':
      return refusal(
        'busy',
        'Somebody else is removing records just now: ask again later, it goes on where that stops.',
      );
  }
}
