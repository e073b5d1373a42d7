// npm run worker: sends, looks up and notifies until it is stopped.
import type { Config } from '../../config/config.ts';
import { targetToRead } from '../database-target.ts';
import { serve } from './serve.ts';

/** `npm run worker`: works until SIGTERM or SIGINT, then finishes what is with a venue and hands the rest back. */
export async function workerCommand(config: Config): Promise<number> {
  return serve(config, targetToRead(config), new Set(['worker']));
}
