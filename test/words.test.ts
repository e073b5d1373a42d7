import { globSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const files = globSync('{src,scripts,test}/**/*.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));

/** What docs/GLOSSARY.md says never to say, as a part of a name; a lookup of an order or a message is one. */
const NEVER = new Set(
  'tell tells told telling said desk desks door doors letter letters street weather crew look looks looked looking seen office mood moods asked given heard stranger strangers'.split(
    ' ',
  ),
);
/** Names that are fixed from outside: JSON and flags that others rely on, a constraint that is a sentence. */
const FIXED = new Set(['asked', 'seen', 'a_signal_is_given_once']);
const FIXED_IN =
  /^(src\/http\/routes\/cron|src\/commands\/accounts\/account|src\/cli|test\/http|test\/commands|test\/contract\/database)/;

/** The words of a name: `lookedUpAt` is looked, up, at. */
function wordsOf(name: string): string[] {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_\-.]/g, ' ')
    .toLowerCase()
    .split(' ');
  return words.filter((word, index) => !(word.startsWith('look') && words[index + 1] === 'up'));
}

/** Declared names: after const, function, type …, as a parameter, a member or a key. Comments and texts are left out. */
function namesIn(text: string): string[] {
  const code = text
    .replaceAll(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''");
  const declared =
    /\b(?:const|let|function\*?|class|interface|type)\s+([A-Za-z_]\w*)|[{,(]\s*(?:\.\.\.)?([A-Za-z_]\w*)(?=\s*[,:?})=])|^\s*([A-Za-z_]\w*)\??:/gm;
  return [...code.matchAll(declared)].map(([, made, listed, member]) => made ?? listed ?? member ?? '');
}

function forbidden(name: string): boolean {
  return wordsOf(name).some((word) => NEVER.has(word));
}

test('no name and no file says what the glossary says never to say', () => {
  const names = files.flatMap((file) => {
    const wrong = new Set(namesIn(readFileSync(join(ROOT, file), 'utf8')).filter(forbidden));
    const left = [...wrong].filter(
      (name) => !(FIXED.has(name) && FIXED_IN.test(file)) && file !== 'test/words.test.ts',
    );
    return left.map((name) => `${file}: ${name}`);
  });
  expect(names).toEqual([]);
  expect(files.filter((file) => forbidden(basename(file, '.ts')))).toEqual([]);
});

test('a name that is not to be said is found (the rule itself works)', () => {
  const text = `const { told, fine: x } = f(orderDesk);\n// a letter\nfunction lookAt(seenAt: number) { return 'door'; }\nconst lookedUp = 1;`;
  expect(namesIn(text).filter(forbidden)).toEqual(['told', 'orderDesk', 'lookAt', 'seenAt']);
});

test('every file of src and scripts begins with what it is for', () => {
  const own = files.filter((file) => !file.startsWith('test/'));
  expect(own.filter((file) => !/^(?:#!.*\n)?\/\/ \S.{20,}/.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test('events are named without them, too', () => {
  const types = globSync('src/ports/events/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const events = types.flatMap((text) => [...text.matchAll(/^ {2}(\w+): /gm)].map(([, name = '']) => name));
  expect(events.length).toBeGreaterThan(90);
  expect(events.filter(forbidden)).toEqual([]);
});
