import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { venueModules } from '../src/adapters/venues/registry.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Source {
  /** From the root: `src/stages/scan/scan.ts`. */
  path: string;
  text: string;
  /** What it imports: packages by name, own files by their path from the root. */
  imports: string[];
}

const IMPORT = /^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

function sourcesIn(directory: string): Source[] {
  const files = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const path = join(directory, file).replaceAll('\\', '/');
      const text = readFileSync(join(ROOT, path), 'utf8');
      const imports = [...text.matchAll(IMPORT)].map(([, from, called]) => importedBy(path, from ?? called ?? ''));
      return { path, text, imports };
    });
}

function importedBy(path: string, name: string): string {
  return name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(path), name)) : name;
}

const sources = sourcesIn('src');

interface Room {
  /** Path prefixes of the files it is about. */
  files: string[];
  /** Prefixes of what they may import: own files and packages. */
  may: string[];
}

/** The dependency rule: domain ← ports ← stages ← run; each adapter sees ports and domain only. */
const rooms: Record<string, Room> = {
  domain: { files: ['src/domain/'], may: ['src/domain/', 'node:crypto', 'temporal-polyfill'] },
  ports: { files: ['src/ports/'], may: ['src/ports/', 'src/domain/', 'zod'] },
  concurrency: { files: ['src/concurrency/'], may: ['src/concurrency/'] },
  stages: {
    files: ['src/stages/'],
    may: ['src/stages/', 'src/ports/', 'src/concurrency/', 'src/domain/', 'node:crypto', 'p-limit'],
  },
  'the path and the loop of a worker': {
    files: ['src/run.ts', 'src/work.ts'],
    may: ['src/stages/', 'src/ports/', 'src/domain/'],
  },
  'the HTTP server': {
    files: ['src/http/'],
    may: [
      'src/http/',
      'src/run.ts',
      'src/work.ts',
      'src/stages/',
      'src/ports/',
      'src/concurrency/',
      'src/domain/',
      'hono',
      '@hono/node-server',
      'ws',
      'hono-rate-limiter',
      'ipaddr.js',
      'lru-cache',
      'zod',
      'node:crypto',
      'node:http',
      'node:net',
      'node:stream',
      'prom-client',
    ],
  },
  'what a person sees': {
    files: ['src/terminal/'],
    may: ['src/terminal/', 'src/ports/', 'src/domain/', 'node:util', 'cli-table3', 'cli-progress'],
  },
  'what the clock of the exchange calls for': {
    files: ['src/schedule.ts'],
    may: ['src/run.ts', 'src/stages/', 'src/ports/', 'src/domain/', 'node-cron'],
  },
  configuration: {
    files: ['src/config/'],
    // A venue says what its settings are; nothing else of it is seen here, and its code is not loaded.
    may: [
      'src/config/',
      'src/adapters/venues/registry.ts',
      'src/adapters/venues/module.ts',
      'src/ports/web-address.ts',
      'src/domain/',
      'ipaddr.js',
      'zod',
      'node:fs',
    ],
  },
  log: { files: ['src/log.ts'], may: ['src/ports/', 'src/domain/', 'pino'] },
};

/** Adapters may see these beside ports, domain and their own folder. */
const bent: Record<string, string[]> = {
  // Prices of a file are quotes: the file's rows are read by the one reader of such files.
  'src/adapters/quotes/': ['src/adapters/files/prices-file.ts'],
};

/** Where all rooms meet, to build the real parts or to carry out what a person asked for. */
const meetingPlaces = ['src/compose/', 'src/cli.ts', 'src/main.ts', 'src/server.ts', 'src/commands/', 'src/sample/'];

const startsWithOne = (path: string, prefixes: string[]) => prefixes.some((prefix) => path.startsWith(prefix));

/** `src/stages/scan/scan.ts imports pg`, for every import that is not allowed. */
function trespasses(of: Source[], may: string[]): string[] {
  return of.flatMap(({ path, imports }) => {
    return imports.filter((name) => !startsWithOne(name, may)).map((name) => `${path} imports ${name}`);
  });
}

/** The adapter a file belongs to: its folder, or the file itself where it lies in none. */
function adapterOf(path: string): string {
  const [, , folder = '', ...rest] = path.split('/');
  return rest.length > 0 ? `src/adapters/${folder}/` : path;
}

describe('the dependency rule', () => {
  test.each(Object.entries(rooms))('%s', (_name, { files, may }) => {
    const inside = sources.filter(({ path }) => startsWithOne(path, files));
    expect(inside).not.toEqual([]);
    expect(trespasses(inside, may)).toEqual([]);
  });

  test('an adapter sees ports, concurrency, domain and packages, and no other adapter', () => {
    const own = sources.filter(({ path }) => path.startsWith('src/adapters/'));
    const wrong = own.flatMap((source) => {
      const adapter = adapterOf(source.path);
      const may = [adapter, 'src/ports/', 'src/concurrency/', 'src/domain/', ...(bent[adapter] ?? [])];
      return trespasses([source], may).filter((line) => line.includes(' imports src/'));
    });
    expect(wrong).toEqual([]);
  });

  test('nobody but the meeting places imports the wiring, the commands or the configuration', () => {
    const others = sources.filter(({ path }) => !startsWithOne(path, meetingPlaces));
    const private_ = ['src/compose/', 'src/cli.ts', 'src/commands/', 'src/sample/', 'src/config/'];
    const outsiders = others.filter(({ path }) => !path.startsWith('src/config/'));
    const wrong = outsiders.flatMap(({ path, imports }) => {
      return imports.filter((name) => startsWithOne(name, private_)).map((name) => `${path} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  test('every file of src is in a room', () => {
    const known = [...Object.values(rooms).flatMap(({ files }) => files), 'src/adapters/', ...meetingPlaces];
    expect(sources.filter(({ path }) => !startsWithOne(path, known)).map(({ path }) => path)).toEqual([]);
  });

  test('a trespass is found (the rule itself works)', () => {
    const text =
      "import { x } from '../adapters/clock.ts';\nimport type { Y } from 'pg';\nimport { readFileSync } from 'node:fs';";
    const imports = [...text.matchAll(IMPORT)].map(([, from]) => importedBy('src/domain/new.ts', from ?? ''));
    expect(trespasses([{ path: 'src/domain/new.ts', text, imports }], rooms['domain']?.may ?? [])).toEqual([
      'src/domain/new.ts imports src/adapters/clock.ts',
      'src/domain/new.ts imports pg',
      'src/domain/new.ts imports node:fs',
    ]);
  });
});

/** Files that import one another in a circle, each circle once: `a.ts > b.ts > a.ts`. */
function circlesIn(of: Source[]): string[] {
  const importsOf = new Map(of.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' > '));
    if (above.includes(path) || done.has(path)) return;
    for (const name of importsOf.get(path) ?? []) walk(name, [...above, path]);
    done.add(path);
  };
  for (const path of importsOf.keys()) walk(path, []);
  return circles;
}

describe('no circles', () => {
  test('no two files of src lead to one another, not for a type either', () => {
    expect(circlesIn(sources)).toEqual([]);
  });

  test('a circle is found (the rule itself works), and two ways to one file are none', () => {
    const source = (path: string, ...imports: string[]): Source => ({ path, text: '', imports });
    const circle = [source('a', 'b', 'c'), source('b', 'c'), source('c', 'd', 'zod'), source('d', 'b')];
    expect(circlesIn(circle)).toEqual(['b > c > d > b']);
    expect(circlesIn([source('a', 'b', 'c'), source('b', 'c'), source('c')])).toEqual([]);
  });
});

/** The files of a list whose code says something, comments left out. */
function saying(of: Source[], pattern: RegExp): string[] {
  const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/.*$/gm, '');
  return of.filter(({ text }) => pattern.test(code(text))).map(({ path }) => path);
}

/** The code of a stage's folder in one text, and that of its `deps.ts`. */
function stageOf(stage: string): { deps: string; code: string } {
  const own = sources.filter(({ path }) => path.startsWith(`src/stages/${stage}/`));
  const isDeps = ({ path }: Source) => path.endsWith('/deps.ts');
  const code = own.filter((source) => !isDeps(source)).map(({ text }) => text);
  return { deps: own.find(isDeps)?.text ?? '', code: code.join('\n') };
}

const all = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort();

describe('least authority', () => {
  const stages = readdirSync(join(ROOT, 'src/stages'), { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test('no stage is handed the whole world, or a store that takes everything', () => {
    const files = sources.filter(({ path }) => path.startsWith('src/stages/'));
    expect(saying(files, /(?<!\/)\b(World|Store)\b/)).toEqual([]);
    expect(saying(sources, /(?<!\/)\bWorld\b/)).toContain('src/ports/world.ts');
  });

  test.each(stages.map(({ name }) => name))('%s may call the functions it calls, and no others', (stage) => {
    const { deps, code } = stageOf(stage);
    const called = all(code, /\bcall\(\s*'(\w+)'/g);
    expect(called).not.toEqual([]);
    expect(all(deps, /'([a-z]+(?:_[a-z]+)+)'/g)).toEqual(called);
  });

  test('only accept calls what places orders, and only execute what sends them', () => {
    const callers = (name: string) => saying(sources, new RegExp(`\\bcall\\(\\s*'${name}'`));
    expect(callers('accept_page')).toEqual(['src/stages/accept/accept.ts']);
    expect(callers('place_orders')).toEqual(['src/stages/accept/single-orders.ts']);
    expect(callers('take_orders')).toEqual(['src/stages/execute/execute.ts']);
    expect(callers('mark_resend')).toEqual(['src/stages/execute/reconcile.ts']);
    expect(saying(sources, /\.submit\(/)).toEqual(['src/stages/execute/execute.ts']);
  });
});

describe('one place for each', () => {
  test('a folder holds at most twelve files', () => {
    const all = [...sources, ...sourcesIn('test'), ...sourcesIn('scripts')].filter(
      ({ path }) => !path.includes('.test.'),
    );
    const folders = Map.groupBy(all, ({ path }) => dirname(path));
    expect([...folders].filter(([, files]) => files.length > 12).map(([folder]) => folder)).toEqual([]);
    expect(folders.get('src/domain/decision')?.length).toBeGreaterThan(5);
  });

  test('only config.ts reads the environment', () => {
    expect(saying(sources, /process\s*\.\s*env|from 'node:process'/)).toEqual(['src/config/config.ts']);
  });

  test('only the clock knows the time', () => {
    const clockReads = /Date\.now\(|new Date\(\s*\)|performance\.now\(|Temporal\.Now|hrtime|\bDate\(\s*\)/;
    expect(saying(sources, clockReads)).toEqual(['src/adapters/clock.ts']);
  });

  test('a venue is named by its own folder and the registry only', () => {
    // A file format of Kite's and the help about it; the sample of a message that Meta is shown.
    const mayName =
      /^src\/(adapters\/(venues\/|files\/(kite-dump|instruments-file))|commands\/program\.ts|domain\/messages\/login-reminder)/;
    const names = new RegExp(`(?<![a-z])(${Object.keys(venueModules).join('|')})(?![a-z])`, 'i');
    const outside = sources.filter(({ path }) => !mayName.test(path));
    expect(saying(outside, names)).toEqual([]);
    expect(saying(sources, names)).toContain('src/adapters/venues/registry.ts');
  });

  test('a venue’s code is loaded when it is opened: its module imports none of it before', () => {
    const modules = sources.filter(({ path }) => /^src\/adapters\/venues\/[\w-]+\/module\.ts$/.test(path));
    expect(modules).toHaveLength(Object.keys(venueModules).length);
    const light = /^\.\.\/module\.ts$|^zod$|\/ports\/[\w/-]+\.ts$/;
    const heavy = modules.flatMap(({ path, text }) => {
      const loaded = [...text.matchAll(/^import (?!type)(?:[^;']*? from )?'([^']+)'/gm)].map(([, from = '']) => from);
      expect(loaded).toContain('../module.ts');
      return loaded.filter((from) => !light.test(from)).map((from) => `${path} loads ${from}`);
    });
    expect(heavy).toEqual([]);
  });

  test('nothing reads what lies outside the project', () => {
    // Put together so that this file does not say it itself.
    const outside = new RegExp(['\\.\\.', 'shared\\b'].join('/'));
    const all = [...sources, ...sourcesIn('test'), ...sourcesIn('scripts')];
    expect(saying(all, outside)).toEqual([]);
  });
});
