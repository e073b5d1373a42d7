import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT, staleFiles } from '../scripts/docs/blocks.ts';
import { documentedEvents } from '../scripts/docs/events.ts';
import { routeTexts } from '../scripts/docs/routes.ts';
import { denyReasons, skipReasons } from '../src/domain/decision/decision.ts';
import { runSkipTexts } from '../src/domain/messages/texts/reasons-en.ts';
import { orderReasons } from '../src/domain/order.ts';
import { routes } from './http/routes.ts';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...globSync('docs/**/*.md', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/')),
];

/** A page without what stands in it as code. */
const prose = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): Set<string> {
  const headings = read(page)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) => {
      const text = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '');
      return text.replaceAll(' ', '-');
    }),
  );
}

/** Every link of a page that leads nowhere. */
function brokenLinks(page: string): string[] {
  return [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, to = '']) => {
    if (/^https?:/.test(to)) return [];
    const [path = '', anchor] = to.split('#');
    const file = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
    if (!existsSync(join(ROOT, file))) return [`${page}: ${to}`];
    return anchor === undefined || anchorsOf(file).has(anchor) ? [] : [`${page}: ${to}`];
  });
}

/** What a page names in code, such as `src/run.ts`. */
const named = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
const isPath = (code: string) => /^(src|test|scripts|supabase|docs)\/[\w./-]*$/.test(code);

describe('the documents', () => {
  test('have in their generated parts what the code gives: npm run docs writes them', async () => {
    expect((await staleFiles()).map(({ file }) => file)).toEqual([]);
  });

  test('lead somewhere with every link', () => {
    expect(pages.length).toBeGreaterThan(5);
    expect(pages.flatMap(brokenLinks)).toEqual([]);
  });

  test('name files that are there', () => {
    const missing = pages.flatMap((page) => {
      const paths = named(read(page).replaceAll(/^```[\s\S]*?^```/gm, '')).filter(isPath);
      return paths.filter((path) => !existsSync(join(ROOT, path))).map((path) => `${page}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  test('say what each route and each event is, and of no other', () => {
    expect(Object.keys(routeTexts).toSorted()).toEqual(routes.map(({ route }) => route).toSorted());
    const events = documentedEvents(ROOT);
    expect(events.length).toBeGreaterThan(90);
    expect(events.filter(({ files }) => files.length === 0).map(({ name }) => name)).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = read('README.md');

  test('has at most 8,000 characters', () => {
    expect(readme.length).toBeLessThanOrEqual(8_000);
  });

  test('has the two commands: one runs the main job, one all tests', () => {
    const commands = [...readme.matchAll(/^\$ (.+)$/gm)].map(([, command]) => command);
    expect(commands).toEqual(['npm ci && npm run scan', 'npm ci && npm test']);
  });

  test('or a page it leads to names every npm script', () => {
    const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
    const text = pages.map(read).join('\n');
    const unnamed = Object.keys(scripts).filter(
      (name) => !text.includes(`npm run ${name}`) && !text.includes(`npm ${name}`),
    );
    expect(unnamed).toEqual([]);
  });
});

describe('docs/ARCHITECTURE.md', () => {
  const stations = [...read('docs/ARCHITECTURE.md').matchAll(/^\| \d+ \| (.+) \|$/gm)]
    .map(([, row = '']) => row.split(' | '))
    .filter((cells) => cells.length === 3);

  test('has eleven stations, with functions that are in their files and in the database', () => {
    const sql = globSync('supabase/migrations/*.sql', { cwd: ROOT }).map(read).join('\n');
    expect(stations).toHaveLength(11);
    for (const [, files = '', functions = ''] of stations) {
      let text = '';
      for (const name of named(files)) {
        if (isPath(name)) text = read(name);
        else expect(text).toMatch(new RegExp(`\\b(function\\*?|const|type) ${name}\\b`));
      }
      for (const name of named(functions)) expect(sql).toContain(`function public.${name}(`);
    }
  });

  test('names a test for each of twelve promises', () => {
    const promises = [...read('docs/ARCHITECTURE.md').matchAll(/^\| \d+ \| \*\*[^|]+\| ([^|]+) \|$/gm)];
    expect(promises).toHaveLength(12);
    for (const [, tests = ''] of promises)
      expect(named(tests).filter((name) => name.endsWith('.test.ts'))).not.toEqual([]);
  });
});

describe('docs/operate/troubleshooting.md', () => {
  const first = named(
    [...read('docs/operate/troubleshooting.md').matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell).join('\n'),
  );

  test('says of every alert what it means and what to do, and of no other', () => {
    const alerts = documentedEvents(ROOT).filter(({ isAlert }) => isAlert);
    const page = read('docs/operate/troubleshooting.md');
    const section = page.slice(page.indexOf('## By alert'), page.indexOf('## By reason'));
    const described = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
    expect(described.toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });

  test('says of every reason where to look', () => {
    const reasons = [...skipReasons, ...denyReasons, ...orderReasons, ...Object.keys(runSkipTexts)];
    expect(reasons.filter((reason) => !first.includes(reason))).toEqual([]);
  });
});
