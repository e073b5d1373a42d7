import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take longest or wait most, in that order: nothing long is left over at the end. */
const LONG = [
  '/simulation/day/',
  '/simulation/week/',
  '/store/pglite.test',
  '/database-outages',
  '/locked-',
  '/cli/',
  '/bench',
  '/commands/doctor',
  '/abandoned',
  '/commands/cash',
  '/outage',
  '/settle-at-once',
  '/demo',
  '/silent',
  '/schedule',
  '/http/server/',
  '/concurrency/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONG.findIndex((part) => moduleId.includes(part));
      return place < 0 ? LONG.length : place;
    };
    return files.toSorted((a, b) => placeOf(a) - placeOf(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Files share their worker's modules and command process, and nothing else: each opens databases of its own.
    isolate: false,
    // Node reads TypeScript itself: Vite's runner would evaluate the whole tree a second way, for a tenth more processor.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // Two cores and tests that wait for processes, locks and pauses: four more workers fill the gaps.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
  },
});
