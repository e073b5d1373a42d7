// Which users of a run are shown, and the command that shows the next ones.
import type { RunReport } from '../domain/report.ts';
import { grouped } from './format.ts';
import { fitted } from './width.ts';

/** How many users are shown one by one where nobody asked for another number. */
export const SHOWN_USERS = 12;

/** Which users of a run are shown: the first `limit` of the report; `left` come after, and `more` shows them. */
export interface UserPage {
  limit: number;
  left: number;
  more: string;
}

/** The first users of a report that has all of them. A dry run leaves nothing behind to page through. */
export function firstPage({ totals, dryRun, runId }: RunReport): UserPage {
  const more = dryRun ? 'add --json for all' : pageCommand('report', runId, SHOWN_USERS);
  return { limit: SHOWN_USERS, left: Math.max(0, totals.users - SHOWN_USERS), more };
}

/** The command that goes on after a user's queue position in the run, as it can be typed. */
export function pageCommand(command: 'report' | 'messages', runId: string, after: number, flags = ''): string {
  return `npm run ${command} -- --run ${fitted(runId, 80)} --after ${after}${flags}`;
}

/** `… and 48 more: npm run report -- --run … --after 12`; empty where nobody is left. */
export function leftLine({ left, more }: UserPage): string {
  return left > 0 ? `… and ${grouped(left)} more: ${more}` : '';
}
