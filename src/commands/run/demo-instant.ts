// Keeps the demo’s clock in a file, so that a demo goes on where it was stopped.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../ports/world.ts';

/** A demo that is killed goes on at most so much before where it was. */
const KEEP_MS = 5_000;

const instantShape = z.object({ atMs: z.int().positive() });

/** The instant a demo was stopped at, in milliseconds since the epoch; null: it is not there, or not readable. */
export function keptInstant(file: string): number | null {
  try {
    return instantShape.parse(JSON.parse(readFileSync(file, 'utf8'))).atMs;
  } catch {
    return null;
  }
}

/** Keeps what time it is in a file, now, every few seconds and when the returned function ends it. */
export function keepInstant(file: string, clock: Clock): () => void {
  const keep = () => {
    // Renamed: a kill in the middle leaves the one before.
    writeFileSync(`${file}.new`, `${JSON.stringify({ atMs: clock.nowMs() })}\n`);
    renameSync(`${file}.new`, file);
  };
  mkdirSync(dirname(file), { recursive: true });
  keep();
  const end = clock.every(KEEP_MS, keep);
  return () => {
    end();
    keep();
  };
}
