// The cold case's process: loads the HTTP app and measures its first answers.
import { listen, say } from '../child-process.ts';

/** Loads the HTTP app as a platform would, and asks it twice. */
export async function coldPart(): Promise<void> {
  listen(() => undefined);
  const beganMs = performance.now();
  const { default: app } = await import('../../../src/server.ts');
  const importedMs = performance.now() - beganMs;
  const health = await app.fetch(new Request('http://localhost/health'));
  const healthMs = performance.now() - beganMs;
  const ready = await app.fetch(new Request('http://localhost/ready'));
  const readyMs = performance.now() - beganMs;
  if (health.status !== 200 || ready.status !== 200) {
    throw new Error(`/health answered ${health.status}, /ready ${ready.status}: ${await ready.text()}`);
  }
  say({ importedMs, healthMs, readyMs });
}
