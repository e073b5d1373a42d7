import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const start = promisify(execFile);
const src = new URL('../../src/', import.meta.url).href;

/** Starts the command line with a directory for compiled code of the test's own, and gives what it printed. */
async function helpWith(directory: string): Promise<string> {
  const script = `
    import { keepCompiledCode } from '${src}commands/code-cache.ts';
    const directory = process.argv.pop();
    keepCompiledCode(directory);
    process.argv.push('cli', '--help');
    await import('${src}commands/program.ts');`;
  const { PATH = '' } = process.env;
  const { stdout } = await start(process.execPath, ['--input-type=module', '-e', script, directory], { env: { PATH } });
  return stdout;
}

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'daily-scan-code-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('a start leaves the compiled code of the program’s files for the next one', async () => {
  const directory = emptyDirectory();
  expect(await helpWith(join(directory, 'code'))).toContain('Usage: daily-scan');
  const kept = readdirSync(join(directory, 'code'), { recursive: true, withFileTypes: true });
  expect(kept.filter((entry) => entry.isFile()).length).toBeGreaterThan(50);
});

test('where no compiled code can be kept the program starts all the same', async () => {
  const directory = emptyDirectory();
  const file = join(directory, 'a-file');
  writeFileSync(file, '');
  expect(await helpWith(join(file, 'code'))).toContain('Usage: daily-scan');
});
