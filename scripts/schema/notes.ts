// Reads the comments of the migrations, which the database does not keep.

/** The comment above each thing a migration creates, by `kind name`, and of each column, by `column table.name`. */
export type Notes = ReadonlyMap<string, string>;

const CREATED = /^create (?:or replace )?(?:unique )?(\w+) ([\w.]+)/;
const ADDED_COLUMN = /^alter table ([\w.]+) add (?:column )?(\w+) /;
const COLUMN = /^ {2}(?!constraint |primary |foreign |unique |check |exclude )(\w+) /;

/** The comments of all migrations together, oldest first: what a later one creates anew has the later one's. */
export function notesOf(migrations: readonly { sql: string }[]): Notes {
  const notes = new Map<string, string>();
  for (const { sql } of migrations) readNotes(sql, notes);
  return notes;
}

function readNotes(sql: string, notes: Map<string, string>): void {
  let comment: string[] = [];
  let table: string | null = null;
  for (const line of sql.split('\n')) {
    const text = line.trim();
    if (text.startsWith('--')) {
      comment.push(text.replace(/^-- ?/, ''));
      continue;
    }
    const name = createdBy(line, table);
    if (name !== null && comment.length > 0) notes.set(name, comment.join('\n'));
    const created = CREATED.exec(line);
    if (created) table = created[1] === 'table' ? (created[2] ?? null) : null;
    if (line.startsWith(')')) table = null;
    comment = [];
  }
}

function createdBy(line: string, table: string | null): string | null {
  const [, kind, name] = CREATED.exec(line) ?? [];
  if (kind !== undefined) return `${kind} ${name}`;
  const [, altered, added] = ADDED_COLUMN.exec(line) ?? [];
  if (altered !== undefined) return `column ${altered}.${added}`;
  const [, column] = COLUMN.exec(line) ?? [];
  return table !== null && column !== undefined ? `column ${table}.${column}` : null;
}

/** A function as a migration writes it. */
export interface WrittenFunction {
  name: string;
  /** From `create` to `$$;`. */
  lines: number;
  hasComment: boolean;
  /** The settings in its head that turn the planner: `enable_…`, `plan_cache_mode`, `jit`. */
  switches: string[];
  comment: string;
}

/** The functions (and aggregates) of one migration, in their order. */
export function functionsIn(sql: string): WrittenFunction[] {
  const lines = sql.split('\n');
  return lines.flatMap((line, index) => {
    const [, name] = /^create (?:or replace )?(?:function|aggregate) ([\w.]+)/.exec(line) ?? [];
    if (name === undefined) return [];
    const rest = lines.slice(index);
    const length = rest.findIndex((one) => /(?:\$\$;|^\);|^[^']*\);)$/.test(one)) + 1;
    const head = rest.slice(0, rest.findIndex((one) => one.includes('$$')) + 1).join(' ');
    const switches = [...head.matchAll(/\bset ((?:enable_\w+|plan_cache_mode|jit) = \w+)/g)].map(([, one = '']) => one);
    let first = index;
    while (lines[first - 1]?.startsWith('--')) first -= 1;
    const comment = lines.slice(first, index).join('\n');
    return [{ name, lines: length, hasComment: first < index, switches, comment }];
  });
}
