// Waits until every process that can go on has gone on.
import { setImmediate as eventLoopTurn } from 'node:timers/promises';

/**
 * Resolves once everybody who can go on has gone on: a batch starts one round of events after its first item, and what it
 * gives may make others start.
 */
export async function drained(): Promise<void> {
  for (let rounds = 0; rounds < 4; rounds += 1) await eventLoopTurn();
}
