import { expect, test } from 'vitest';
import { type Command, runBeside } from '../scripts/support/beside.ts';

const node = (script: string): Command => [process.execPath, '-e', script];
const good = { name: 'good', command: node('console.log("all is well")') };
const bad = { name: 'bad', command: node('console.log("line 3"); console.error("is wrong"); process.exitCode = 2') };

test('a check that fails beside the tests is reported at once, and in its own words at the end', async () => {
  const named: string[] = [];
  const ended = await runBeside(node(''), [bad, good], (name) => named.push(name));
  expect(ended).toEqual({ mainCode: 0, failed: [{ name: 'bad', output: 'line 3\nis wrong\n' }] });
  expect(named).toEqual(['bad']);
});

test('tests that fail, or are killed, are reported as such, and checks that pass say nothing', async () => {
  expect(await runBeside(node('process.exitCode = 1'), [good], () => undefined)).toEqual({ mainCode: 1, failed: [] });
  const killed = await runBeside(node('process.kill(process.pid, "SIGKILL")'), [good], () => undefined);
  expect(killed).toEqual({ mainCode: null, failed: [] });
});

test('a program that is not there is an error and no success', async () => {
  const absent = { name: 'absent', command: ['/no/such/program'] as const };
  await expect(runBeside(node(''), [absent], () => undefined)).rejects.toThrow('ENOENT');
});
