// The generated parts of docs/reference, and where in which file each stands.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cliText } from './cli.ts';
import { columnsText } from './columns.ts';
import { alertsText, eventsText } from './events.ts';
import { problemsText } from './problems.ts';
import { decisionReasonsText, orderReasonsText, runSkipsText } from './reasons.ts';
import { routesText } from './routes.ts';
import { settingsText } from './settings.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Each block stands between `<!-- generated: NAME -->` and `<!-- end -->`; the text around it is written by hand. */
async function blocks(): Promise<{ file: string; name: string; text: string }[]> {
  return [
    { file: 'docs/reference/cli.md', name: 'commands', text: await cliText() },
    { file: 'docs/reference/http.md', name: 'routes', text: routesText() },
    { file: 'docs/reference/http.md', name: 'codes', text: problemsText(ROOT) },
    { file: 'docs/reference/csv.md', name: 'columns', text: columnsText() },
    { file: 'docs/reference/settings.md', name: 'settings', text: settingsText(ROOT) },
    { file: 'docs/reference/reasons.md', name: 'runs', text: runSkipsText() },
    { file: 'docs/reference/reasons.md', name: 'decisions', text: decisionReasonsText() },
    { file: 'docs/reference/reasons.md', name: 'orders', text: orderReasonsText() },
    { file: 'docs/reference/events.md', name: 'alerts', text: alertsText(ROOT) },
    { file: 'docs/reference/events.md', name: 'events', text: eventsText(ROOT) },
  ];
}

/** The files whose generated parts differ from what the code gives, as they must be. */
export async function staleFiles(): Promise<{ file: string; text: string }[]> {
  const texts = new Map<string, string>();
  for (const { file, name, text } of await blocks()) {
    const before = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
    texts.set(file, withBlock(before, file, name, text));
  }
  return [...texts]
    .map(([file, text]) => ({ file, text }))
    .filter(({ file, text }) => text !== readFileSync(join(ROOT, file), 'utf8'));
}

function withBlock(page: string, file: string, name: string, text: string): string {
  const start = `<!-- generated: ${name} -->\n`;
  const from = page.indexOf(start);
  const to = page.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) throw new Error(`${file} has no "${start.trim()}" with an "<!-- end -->" below it`);
  return `${page.slice(0, from + start.length)}\n${text.trim()}\n\n${page.slice(to)}`;
}
