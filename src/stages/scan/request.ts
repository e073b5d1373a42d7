// What a run is requested with, and what a scan found of it.
import type { Actor } from '../../domain/actions.ts';
import type { RunFrame, RunLimits } from '../../domain/decision/inputs.ts';
import type { Market } from '../../domain/market/market.ts';
import type { Session } from '../../domain/market/session.ts';
import type { Instrument, Mode, Problem, Signal } from '../../domain/types.ts';
import type { UserToImport } from '../../ports/store/imports.ts';

/** What a person or a file handed to this run, beside what the database knows. */
export interface RunInputs {
  /** Where signals and users came from, for the rows they become: `import:users.csv`. */
  signalsSource: string;
  usersSource: string;
  instruments: Instrument[];
  /** All good rows of the file, whatever their date; null: the database's are used. */
  signals: Signal[] | null;
  users: UserToImport[] | null;
  problems: Problem[];
  /** Who began it. */
  by: Actor;
}

/** A scheduler hands nothing over: signals and users are the database's. */
export const noInputs: Omit<RunInputs, 'by'> = {
  signalsSource: '',
  usersSource: '',
  instruments: [],
  signals: null,
  users: null,
  problems: [],
};

export interface RunRequest {
  mode: Mode;
  /** Left out: the NSE. */
  market?: Market;
  dryRun: boolean;
  expectPlan: string | null;
  /** How long to wait for orders that are still open; on a virtual clock waiting costs nothing. */
  waitMs: number;
  /** In the market's zone. */
  cutOffTime: string;
  limits: RunLimits;
  concurrency: number;
  /** False: orders are left to a worker (EXECUTE=worker). */
  inline: boolean;
  /** Work no longer than this: a plan is left between two pages, what is not sent is handed back. Whoever comes next goes on. */
  stop?: AbortSignal;
  /** The report counts and lists nobody (`truncated`): for a caller that keeps no lists, however many users there are. */
  onlyCounts?: boolean;
  inputs: RunInputs;
}

/** The run of the session, with everything `decide` needs. */
export interface OpenRun {
  kind: 'run';
  runId: string;
  session: Session;
  nextSession: string | null;
  /** null: not opened yet, `frame` is what it will be frozen to. */
  state: 'planning' | 'decided' | 'done' | null;
  frame: RunFrame;
  /** Of a run that is not opened yet: the users it is for; null: everybody in the database. */
  users: UserToImport[] | null;
  userCount: number;
}

/** As much of a run as deciding its users needs: of one that was left, no more is known. */
export interface RunToDecide extends Pick<OpenRun, 'runId' | 'state' | 'frame' | 'users'> {
  session: Pick<Session, 'date'>;
}

/** The request can't be carried out as it stands; the process exits with 2 and writes nothing. */
export interface NotStarted {
  kind: 'refused';
  code: 'beyond_calendar' | 'market_not_traded' | 'nothing_given' | 'plan_changed';
  message: string;
}

/**
 * Why no run is made in a market; null: runs are. Whoever begins one asks before anything is opened, removed or written,
 * and before orders of other markets are swept by this one's clock.
 */
export function refusedMarket({ mic, name, notTraded }: Market): NotStarted | null {
  if (notTraded === null) return null;
  return { kind: 'refused', code: 'market_not_traded', message: `No run is made in ${mic} (${name}): ${notTraded}.` };
}
