// What reports may do: read. Only the deletion of what is old writes.
import type { Deps, StoreOf } from '../../ports/deps.ts';
import type { DecideDeps } from '../decide/deps.ts';

type ReportCalls = 'read_report' | 'read_report_decisions' | 'read_report_messages' | 'read_report_page';

export type ReportStore = StoreOf<ReportCalls>;

/** The report of what is stored, or of what would be decided now. */
export type ReportDeps = DecideDeps & { store: ReportStore };

export type AuditStore = StoreOf<'read_facts'>;

export type RetentionDeps = Deps<'clock' | 'emit', 'forget_old'>;
