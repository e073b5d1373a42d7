// Removes the records of closed months, closing by closing: exported and read back first, then marked, then deleted in pages.
import type { Actor } from '../../domain/actions.ts';
import type { RemovalExport } from '../../ports/removal-export.ts';
import type { MarkedRemoved, RemovablePlace } from '../../ports/store/books/removal.ts';
import type { Answer } from '../../ports/store/store.ts';
import type { RemovalDeps } from './deps.ts';

/** Orders, or users of a run, per call of the export: a few megabytes. */
const EXPORTED = 200;
/** Orders, or rows of another kind, per transaction: it holds nothing a run needs, and is over in a moment. */
const REMOVED = 1_000;

export interface RemovalOptions {
  /** Financial years that are kept: eight at least. */
  years: number;
  by: Actor;
}

type Refused = Exclude<MarkedRemoved, { kind: 'would_remove' | 'marked' }>;

export type Removal =
  | { kind: 'removed'; rows: number }
  /** The export is not what the database has, or not what was written to the disk: nothing was removed. */
  | { kind: 'not_written'; what: string }
  | Refused;

/** The closings up to the end of a month whose records are there yet, the oldest first; and whether the month is closed. */
export function closingsToRemove(
  { closings, removedThrough }: Answer<'read_closings'>,
  monthEnd: string,
): { isClosed: boolean; through: string[] } {
  const upTo = closings.map(({ through }) => through).filter((through) => through <= monthEnd);
  return {
    isClosed: upTo.includes(monthEnd),
    through: upTo.filter((through) => removedThrough === null || through > removedThrough),
  };
}

/** What would go with a closing, or why nothing would. */
export function previewRemoval(
  { store }: RemovalDeps,
  through: string,
  { years, by }: RemovalOptions,
): Promise<MarkedRemoved> {
  return store.call('mark_removed', { through, years, manifestHash: null, counts: null, by });
}

/** Exports the records of a closing and removes them; broken off anywhere, it is asked again and goes on. */
export async function removeClosing(
  deps: RemovalDeps,
  through: string,
  options: RemovalOptions,
  begin: (through: string) => Promise<RemovalExport>,
): Promise<Removal> {
  const { store } = deps;
  const { years, by } = options;
  const expected = await previewRemoval(deps, through, options);
  if (expected.kind !== 'would_remove') return expected.kind === 'marked' ? removePages(deps) : expected;
  const written = await exported(deps, await begin(through), through, Object.keys(expected.counts));
  if (written.kind === 'unlike') return { kind: 'not_written', what: written.tables.join(', ') };
  const unlike = Object.entries(expected.counts).filter(([table, n]) => written.counts[table] !== n);
  if (unlike.length > 0) return { kind: 'not_written', what: unlike.map(([table]) => table).join(', ') };
  const { manifestHash, counts } = written;
  const marked = await store.call('mark_removed', { through, years, manifestHash, counts, by });
  if (marked.kind === 'would_remove') throw new Error('the database said what would go where it was told to mark it');
  return marked.kind === 'marked' ? removePages(deps) : marked;
}

async function exported({ store }: RemovalDeps, to: RemovalExport, through: string, tables: string[]) {
  for (let after: RemovablePlace | null = null; ; ) {
    const page: Answer<'read_removable'> = await store.call('read_removable', { through, after, limit: EXPORTED });
    await to.add(page.rows);
    after = page.next;
    if (after === null) return to.finish(tables);
  }
}

/** Deletes what is marked until nothing is left of it. */
export async function removePages({ store }: RemovalDeps): Promise<Removal> {
  for (let rows = 0; ; ) {
    const page = await store.call('remove_page', { limit: REMOVED });
    if (page.kind !== 'removed') return page;
    if (page.rows === 0) return { kind: 'removed', rows };
    rows += page.rows;
  }
}
