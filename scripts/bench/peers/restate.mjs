// Empty handlers of a durable engine, Restate: each call is written to its log before it is carried out, and its outcome is.
// Called by HTTP, 64 at once. Told as JSON {jobs}; says the milliseconds until every call is answered.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http2';
import { createRequire } from 'node:module';
import { createServer as probe } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';

const { jobs } = JSON.parse(process.argv[2] ?? '{}');
const AT_ONCE = 64;
const directory = mkdtempSync(join(tmpdir(), 'daily-scan-restate-'));

function freePort() {
  return new Promise((resolve) => {
    const server = probe().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const [ingress, admin, node, handlers] = [await freePort(), await freePort(), await freePort(), await freePort()];
const empty = restate.service({ name: 'bench', handlers: { empty: async () => 'done' } });
const endpoint = restate
  .endpoint()
  .setLogger(() => undefined)
  .bind(empty)
  .http2Handler();
await new Promise((resolve) => createServer(endpoint).listen(handlers, '127.0.0.1', resolve));

const require = createRequire(import.meta.url);
const program = require.resolve(`@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
const server = spawn(program, ['--base-dir', directory], {
  stdio: ['ignore', 'ignore', 'ignore'],
  env: {
    PATH: process.env.PATH,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
    RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
    RESTATE_DISABLE_TELEMETRY: 'true',
    RESTATE_LOG_FILTER: 'error',
  },
});
const end = () => {
  server.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
};
process.once('exit', end);

const post = (port, path, body) =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The server is there once it knows our handlers. */
async function registered() {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await post(admin, '/deployments', { uri: `http://127.0.0.1:${handlers}` });
      if (answer.ok) return;
      if (tries > 100) throw new Error(`Restate did not take the handlers: ${answer.status} ${await answer.text()}`);
    } catch (error) {
      if (tries > 100 || server.exitCode !== null) throw error;
    }
    await pause(200);
  }
}

async function called(count) {
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) {
        const answer = await post(ingress, '/bench/empty', null);
        if (!answer.ok) throw new Error(`Restate answered ${answer.status}: ${await answer.text()}`);
        await answer.arrayBuffer();
      }
    }),
  );
}

await registered();
await called(500);
const beganMs = performance.now();
await called(jobs);
const ms = performance.now() - beganMs;
end();
process.send?.({ ms });
process.exit();
