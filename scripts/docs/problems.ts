// Finds every HTTP problem the code answers with, and writes their reference.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { webhooksOf } from '../../src/adapters/venues/module.ts';
import { venueModules } from '../../src/adapters/venues/registry.ts';
import { markdownTable } from './markdown.ts';

const PROBLEM = /status: (\d{3}),?\s*code: '(\w+)'(?:,\s*detail:\s*(?:'([^']*)'|`([^`]*)`)(?!\s*\+))?/g;

/** A text of the code as it is said: once, or once for each venue whose words it has. What else is put in is not known. */
function detailsOf(text: string): string[] {
  const entries = webhooksOf(venueModules).map(({ title, form }) => {
    return text.replaceAll(/\$\{title\}/g, title).replaceAll(/\$\{form\}/g, form);
  });
  return [...new Set(entries)].filter((detail) => detail !== '' && !detail.includes('${'));
}

/** Every code of a problem the HTTP service answers with, and its words where they are always the same. */
export function problemsText(root: string): string {
  // Made of another problem, so that no text of the code has both.
  const found = new Map([['invalid_query', { statuses: new Set(['400']), details: new Set<string>() }]]);
  for (const file of globSync('src/http/**/*.ts', { cwd: root }).toSorted()) {
    for (const [, status = '', code = '', plain, put = ''] of readFileSync(join(root, file), 'utf8').matchAll(
      PROBLEM,
    )) {
      const problem = found.get(code) ?? { statuses: new Set(), details: new Set() };
      problem.statuses.add(status);
      for (const detail of detailsOf(plain ?? put)) problem.details.add(detail);
      found.set(code, problem);
    }
  }
  const rows = [...found]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { statuses, details }]) => [
      `\`${code}\``,
      [...statuses].toSorted().join(', '),
      [...details].toSorted().join(' · '),
    ]);
  return markdownTable(['code', 'status', 'what it says, where that is always the same'], rows);
}
