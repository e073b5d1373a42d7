// Where the records that are to be removed are written before: outside the database, and read back.

export interface RemovalExport {
  add(rows: readonly { table: string; row: unknown }[]): Promise<void>;
  /** All is written: every one of these tables has its file, also without a row. */
  finish(tables: readonly string[]): Promise<WrittenExport>;
}

/** `unlike`: what was read back from the disk is not what was written. */
export type WrittenExport =
  | { kind: 'written'; directory: string; counts: Record<string, number>; manifestHash: string }
  | { kind: 'unlike'; tables: string[] };
