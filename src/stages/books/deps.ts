// What closing and checking the books may do: add up what is past, and find what contradicts itself.
import type { Deps, StoreOf } from '../../ports/deps.ts';

export type CloseDeps = Deps<'clock' | 'emit', 'close_books' | 'read_closings'>;

/** Only reads. */
export type CheckDeps = { store: StoreOf<'check_books' | 'read_closings'> };

/** The evening's: close, then check. */
export type BooksDeps = CloseDeps & Deps<'clock' | 'emit', 'check_books'>;

/** A person's: remove what is closed and old, and read what of it there is. */
export type RemovalDeps = { store: StoreOf<'mark_removed' | 'read_removable' | 'remove_page'> };
