// `npm run docs`: writes the parts of docs/ that come from the code. A test fails when they differ from what it gives.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, staleFiles } from './docs/blocks.ts';

for (const { file, text } of await staleFiles()) {
  writeFileSync(join(ROOT, file), text);
  process.stdout.write(`${file} written\n`);
}
