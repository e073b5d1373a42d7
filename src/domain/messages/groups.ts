// Groups what was not done into few lines: several names with one reason are one line.
import type { Side } from '../types.ts';
import type { SummaryNotDone } from './summary-input.ts';
import type { MessageTexts } from './texts/message-texts.ts';

/** More names than this are cut to one less, and the rest is counted. */
const MAX_NAMES = 4;

/** What became of one signal or order, its figures apart. */
interface Ending {
  name: string;
  end: string;
  figures: string | null;
}

interface Named {
  symbol: string;
  side: Side;
}

/**
 * What was not done and is worth a word of its own: signals that were never about this user are only counted, and of two
 * strategies that name one share the order speaks: 'you already had an open order for it' would stand below what that
 * very order bought, or was refused.
 */
export function listedNotDone(notDone: readonly SummaryNotDone[], orders: readonly Named[]): SummaryNotDone[] {
  const ended = notDone.filter(({ what }) => what !== 'skipped' && what !== 'denied');
  const ordered = new Set([...orders, ...ended].map(({ symbol }) => symbol));
  return notDone.filter((item) => {
    const folded = item.what === 'skipped' && item.reason === 'working_order' && ordered.has(item.symbol);
    return !folded && !isNotHeld(item) && !isNotFollowed(item);
  });
}

/** How many of the signals were never about this user, for the total; empty: none. */
export function notConcerned(notDone: readonly SummaryNotDone[], texts: MessageTexts): string {
  const notHeld = notDone.filter(isNotHeld).length;
  const notFollowed = notDone.filter(isNotFollowed).length;
  return notHeld + notFollowed === 0 ? '' : texts.notConcerned(notHeld, notFollowed);
}

function isNotHeld({ what, reason }: SummaryNotDone): boolean {
  return what === 'skipped' && reason === 'no_position';
}

function isNotFollowed({ what, reason }: SummaryNotDone): boolean {
  return what === 'skipped' && reason === 'not_subscribed';
}

/** One line for each ending, in the order they first come; figures that differ are left out. */
export function groupedLines(endings: readonly Ending[], texts: MessageTexts): string[] {
  const groups = Map.groupBy(endings, ({ end }) => end);
  return [...groups].map(([end, group]) => {
    const names = [...new Set(group.map(({ name }) => name))];
    const shown = names.length > MAX_NAMES ? names.slice(0, MAX_NAMES - 1) : names;
    const [first, ...others] = new Set(group.map(({ figures }) => figures));
    const figures = others.length === 0 && first ? ` (${first})` : '';
    return `${texts.names(shown, names.length - shown.length)}: ${end}${figures}`;
  });
}
