// Starts a Redis for the job queues that need one.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../support/free-port.ts';

/** A Redis of its own that keeps what it is told, as its documentation advises for queues: synced every second. */
export async function startRedis(): Promise<{ port: number; stop: () => Promise<void> }> {
  const program = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (program === undefined) throw new Error('no redis-server is installed (Debian: apt install redis-server)');
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'daily-scan-bench-redis-'));
  const where = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory];
  const kept = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
  const child = spawn(program, [...where, ...kept], { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve();
    });
    child.once('close', () => reject(new Error(`${program} did not start`)));
  });
  return {
    port,
    async stop() {
      const gone = once(child, 'close');
      end();
      await gone;
      process.off('exit', end);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
