// `npm test`: lint, types and dead code are checked beside the tests; any that fails makes the whole fail.
import { type Check, runBeside } from './support/beside.ts';

const checks: Check[] = ['lint', 'types', 'dead'].map((name) => ({ name, command: ['npm', 'run', '-s', name] }));

const { mainCode, failed } = await runBeside(['vitest', 'run', ...process.argv.slice(2)], checks, (name) =>
  console.error(`\nnpm run ${name} failed: what it says follows the tests\n`),
);
for (const { name, output } of failed) console.error(`\nnpm run ${name} failed:\n${output}`);
process.exitCode = mainCode === 0 && failed.length === 0 ? 0 : 1;
