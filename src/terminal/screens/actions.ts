// The screen of npm run log.
import { istIso } from '../../domain/market/india-time.ts';
import type { RecordedAction, VerifiedActions } from '../../ports/store/access.ts';
import { type Paint, table } from '../table.ts';
import { fitted } from '../width.ts';

/** A row per act: when (India), who, what, on what, what changed, why. */
export function actionsText(actions: readonly RecordedAction[], columns: number, paint: Paint): string {
  if (actions.length === 0) return 'No act is on record here.';
  const titles = [
    { title: 'No', align: 'right' as const },
    { title: 'When' },
    { title: 'Who' },
    { title: 'How', spare: true },
    { title: 'Action' },
    { title: 'On' },
    { title: 'Change' },
    { title: 'Why', spare: true },
  ];
  const rows = actions.map(({ id, atMs, who, how, action, target, before, after, why }) => {
    const when = istIso(atMs).slice(0, 16).replace('T', ' ');
    const cells = [
      String(id),
      when,
      fitted(who, 30),
      how,
      action,
      fitted(target, 40),
      fitted(changeOf(before, after), 60),
    ];
    return [...cells, fitted(why ?? '', 40)];
  });
  return table(titles, rows, columns, paint);
}

/** `active true → false, rows 5`: what was and is, or is alone. */
function changeOf(before: unknown, after: unknown): string {
  const [was, is] = [entriesOf(before), entriesOf(after)];
  const keys = [...new Set([...was.keys(), ...is.keys()])];
  return keys
    .map((key) => `${key} ${[was.get(key), is.get(key)].filter((side) => side !== undefined).join(' → ')}`)
    .join(', ');
}

function entriesOf(side: unknown): Map<string, string> {
  if (typeof side !== 'object' || side === null) return new Map();
  return new Map(
    Object.entries(side).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

const problemTexts = {
  changed: (id: number) => `Action ${id} is not what it was: it or its hash was changed.`,
  missing: (id: number) => `Action ${id} is missing.`,
  added: (id: number) => `Action ${id} was added past the head.`,
  not_as_kept: (id: number) => `Action ${id} is not the one whose hash you kept.`,
} as const;

/** The end of a check of the chain, with the head to keep elsewhere. */
export function verifiedText({ rows, headId, headHash, redacted, problems }: VerifiedActions): string {
  const lines = problems.map(({ id, kind }) => problemTexts[kind](id));
  if (redacted > 0) lines.push(`People were taken out of ${redacted} actions, each by a later one that says so.`);
  if (problems.length === 0) {
    lines.push(rows === 0 ? 'No act is on record here.' : `All ${rows} actions are as they were written.`);
    if (rows > 0) {
      lines.push(`Head: ${headId}:${headHash}`);
      lines.push(`Keep it elsewhere, and check against it later: npm run log -- --verify --kept ${headId}:${headHash}`);
    }
  }
  return lines.join('\n');
}
