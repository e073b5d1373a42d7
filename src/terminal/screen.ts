// The screen of a run: header, progress, plan, report and messages.
import { styleText } from 'node:util';
import { runSkipTexts } from '../domain/messages/texts/reasons-en.ts';
import type { RunReport } from '../domain/report.ts';
import type { Problem } from '../domain/types.ts';
import type { RunTimings } from '../ports/store/runs.ts';
import type { Exits } from './exits.ts';
import { grouped, problemLine, sessionLabel } from './format.ts';
import { type HeaderFacts, headerText } from './header.ts';
import type { UserPage } from './pages.ts';
import { barProgress, type ProgressSignal, plainProgress, type SignalProgress } from './progress.ts';
import { matrixText } from './screens/matrix.ts';
import { messagesText } from './screens/messages.ts';
import { type ReasonCount, reasonsOf, reasonsText } from './screens/reasons.ts';
import { planTable, signalsTable, usersTable } from './screens/tables.ts';
import { attentionText, headline, type MoneySums, totalsText } from './screens/totals.ts';
import { type Paint, plain, type Tone } from './table.ts';
import { timingsText } from './timings.ts';
import { fitted } from './width.ts';

/** What is known of a run beside its report: of all its users where the report lists a page of them. */
export interface ReportFacts {
  page?: UserPage;
  reasons?: readonly ReasonCount[];
  sums?: MoneySums;
  exits?: Exits;
  /** Positions that missed their exit, as text. */
  missed?: string;
}

/** What a person at a terminal, or the reader of a pipe, gets to see. Every method writes at once. */
export interface Screen {
  /** What is about to happen. */
  header(facts: HeaderFacts): void;
  progress: { signalProgress(signals: ProgressSignal[]): SignalProgress };
  /** What happened: matrix, signals, users, totals, and what needs a person. */
  report(report: RunReport, facts?: ReportFacts): void;
  /** When a run did what, and what went wrong how often. */
  timings(timings: RunTimings, report: RunReport): void;
  /** Every user's message exactly as it is sent. */
  messages(report: RunReport, names?: ReadonlyMap<string, string>, page?: UserPage): void;
  /** A dry run: what would happen, and the hash that pins it. `narrowed`: a part of it, which no hash pins. */
  plan(report: RunReport, how?: { narrowed?: boolean; exits?: Exits }): void;
  /** The report of a session that was finished before. */
  alreadyDone(report: RunReport, facts?: ReportFacts): void;
  /** Why no run opened, and when the next one will. Nothing where the report was not skipped. */
  skipped(report: RunReport): void;
  /** Lines of input files that can't be used; nothing where there are none. */
  problems(problems: Problem[]): void;
  note(text: string): void;
}

export interface ScreenOptions {
  stream: NodeJS.WritableStream;
  /** False: plain lines, no colours, no cursor moves, whatever the environment says. */
  isTerminal: boolean;
  /** Width of the terminal in columns; 120 where it is not known. */
  columns?: number | undefined;
}

const MAX_PROBLEMS_SHOWN = 20;

/** A screen on one stream. Colours only on a terminal that has them and with no NO_COLOR (util.styleText checks). */
export function makeScreen({ stream, isTerminal, columns: width }: ScreenOptions): Screen {
  const columns = width || 120; // some terminals say 0
  let running: SignalProgress | null = null;
  const paint = isTerminal ? painter(stream) : plain;
  const say = (...sections: string[]) => {
    const text = sections.filter((part) => part !== '').join('\n\n');
    if (text !== '') stream.write(`${text}\n\n`);
  };
  const line = (text: string) => stream.write(`${text}\n`);
  const reported = (report: RunReport, facts: ReportFacts = {}) => say(...reportParts(report, facts, columns, paint));
  return {
    header: (facts) => say(headerText(facts, columns, paint)),
    progress: {
      signalProgress(signals) {
        const progress = isTerminal ? barProgress(signals, stream, columns) : plainProgress(signals, line);
        running = endingWith(progress, () => {
          running = null;
          line('');
        });
        return running;
      },
    },
    report: reported,
    timings: (timings, report) => say(timingsText(timings, report, columns, paint)),
    messages: (report, names, page) => say(messagesText(report, paint, names, page)),
    plan: (report, { narrowed = false, exits } = {}) =>
      say(...planParts(report, exits, columns, paint), approvalText(report, narrowed)),
    alreadyDone(report, facts) {
      const when = `${sessionLabel(report.session)} is already done (finished ${fitted(report.finishedAt, 40)}).`;
      say(`${when} Nothing was placed now. This is its report again:`);
      reported(report, facts);
    },
    skipped: ({ skipped, session }) => skipped && say(skippedText(skipped, session, paint)),
    problems: (problems) => say(problemsText(problems, paint)),
    note: (text) => (running ? running.note(fitted(text, 400)) : line(fitted(text, 400))),
  };
}

function painter(stream: NodeJS.WritableStream): Paint {
  const formats = { good: 'green', bad: 'red', notice: 'yellow', quiet: 'dim', strong: 'bold' } as const;
  return (tone: Tone, text) => styleText(formats[tone], text, { stream, validateStream: true });
}

/** Progress that does something after its first stop, and nothing after a second. */
function endingWith(progress: SignalProgress, afterwards: () => void): SignalProgress {
  let stopped = false;
  return {
    ...progress,
    stop() {
      if (stopped) return;
      stopped = true;
      progress.stop();
      afterwards();
    },
  };
}

function reportParts(report: RunReport, facts: ReportFacts, columns: number, paint: Paint): string[] {
  const { page, sums, exits, reasons = reasonsOf(report), missed = '' } = facts;
  const head = paint('strong', headline(report));
  const end = [totalsText(report, paint, sums), [attentionText(report, paint), missed].filter(Boolean).join('\n')];
  if (report.truncated && report.decisions.length === 0 && page === undefined) {
    return [head, ...end, `The lists are left out here: npm run report -- --run ${fitted(report.runId, 80)}`];
  }
  if (report.decisions.length === 0) return [head, reasonsText(reasons, columns, paint), ...end];
  return [
    head,
    matrixText(report, columns, paint, page),
    reasonsText(reasons, columns, paint),
    ...[signalsTable(report, columns, paint, exits), usersTable(report, columns, paint, page)],
    ...end,
  ];
}

function planParts(report: RunReport, exits: Exits | undefined, columns: number, paint: Paint): string[] {
  return [
    paint('strong', headline(report)),
    matrixText(report, columns, paint),
    reasonsText(reasonsOf(report), columns, paint),
    planTable(report, columns, paint, exits),
    totalsText(report, paint),
  ];
}

function approvalText({ planHash }: RunReport, narrowed: boolean): string {
  if (narrowed) {
    return 'This is a part of the plan, and only the whole can be placed: scan --dry-run without --user and --symbol shows it, with its hash.';
  }
  const hash = fitted(planHash, 80);
  return `Plan hash ${hash}\nTo place exactly this plan, scan again with the same flags, without --dry-run and with\n  --expect-plan ${hash}`;
}

function skippedText(skipped: NonNullable<RunReport['skipped']>, session: string, paint: Paint): string {
  const head = paint('notice', `Not run: ${runSkipTexts[skipped.reason]}.`);
  const next = skipped.nextSession === null ? '' : `\nNext session: ${sessionLabel(skipped.nextSession)}`;
  return `${head}\nSession: ${sessionLabel(session)}${next}`;
}

function problemsText(problems: Problem[], paint: Paint): string {
  if (problems.length === 0) return '';
  const lines = problems.slice(0, MAX_PROBLEMS_SHOWN).map(problemLine);
  const left = problems.length - lines.length;
  const head = problems.length === 1 ? '1 problem in the input' : `${grouped(problems.length)} problems in the input`;
  return [paint('notice', head), ...lines, ...(left > 0 ? [`and ${grouped(left)} more`] : [])].join('\n');
}
