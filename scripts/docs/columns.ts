// Writes the reference of the CSV columns from the tables that read them.
import { calendarTable } from '../../src/adapters/files/calendar-file.ts';
import { corporateActionsTable } from '../../src/adapters/files/corporate-actions-file.ts';
import type { Table } from '../../src/adapters/files/csv/table.ts';
import { instrumentsTable, restrictionsTable } from '../../src/adapters/files/instruments-file.ts';
import { pricesTable } from '../../src/adapters/files/prices-file.ts';
import { signalsTable } from '../../src/adapters/files/signals-file.ts';
import { usersTable } from '../../src/adapters/files/users-file.ts';
import { accountVenues } from '../../src/adapters/venues/module.ts';
import { venueModules } from '../../src/adapters/venues/registry.ts';
import { symbolReader } from '../../src/domain/market/symbols.ts';
import { markdownTable } from './markdown.ts';

const readSymbol = symbolReader([]);

/** Each kind of file with the command that takes it. */
const files: readonly [string, Pick<Table<unknown>, 'columns' | 'optional' | 'schema'>, string][] = [
  ['Signals', signalsTable(readSymbol), '`import -- signals`, `scan -- --signals`'],
  ['Users', usersTable(accountVenues(venueModules)), '`import -- users`, `scan -- --users`'],
  ['Prices', pricesTable(readSymbol), '`import -- prices`, `scan -- --prices`'],
  ['Instruments', instrumentsTable, '`import -- instruments`, which takes Kite’s dump as well'],
  ['Restrictions', restrictionsTable, '`import -- restrictions`'],
  ['Corporate actions', corporateActionsTable(readSymbol), '`import -- corporate-actions`'],
  ['Calendar', calendarTable, '`calendar -- import`'],
];

/** What the schema says of each column when every cell holds this text. */
function complaints({ columns, optional = [], schema }: (typeof files)[number][1], text: string): Map<string, string> {
  const row = Object.fromEntries([...columns, ...optional].map((column) => [column, text]));
  const issues = schema.safeParse(row).error?.issues ?? [];
  return new Map(issues.map(({ path, message }) => [String(path[0]), message]));
}

/** Every column of every file, as the schemas themselves judge a cell that is wrong, too long or empty. */
export function columnsText(): string {
  return files
    .map(([name, table, command]) => {
      const [wrong, tooLong, empty] = ['?', 'x'.repeat(1000), ''].map((text) => complaints(table, text));
      const rows = [...table.columns, ...(table.optional ?? [])].map((column) => {
        const rule = wrong?.get(column) ?? tooLong?.get(column) ?? '';
        const mayLack = table.columns.includes(column) ? 'required' : 'optional';
        return [`\`${column}\``, mayLack, empty?.has(column) ? 'no' : 'yes', rule];
      });
      const optional = (table.optional ?? []).map((column) => `[,${column}]`).join('');
      const header = `\`\`\`text\n${table.columns.join(',')}${optional}\n\`\`\``;
      const heads = ['column', 'in the file', 'may be empty', 'rule, as a wrong cell gets it'];
      return `## ${name}\n\nFor ${command}.\n\n${header}\n\n${markdownTable(heads, rows)}`;
    })
    .join('\n\n');
}
