import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { istMs } from '../../src/domain/market/india-time.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { PATH = '', HOME = '' } = process.env;

let folder: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function launched(command: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, { cwd: ROOT, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (part) => (output.stdout += String(part)));
  child.stderr.on('data', (part) => (output.stderr += String(part)));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, ...output }));
  return { child, output, ended };
}

/** `npm run demo`, as a process; settings of real work are there, and are to be left aside. */
function demo(args: string[] = [], env: Record<string, string> = {}) {
  const real = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', HOST: '0.0.0.0', LOG_LEVEL: 'warn' };
  const run = launched(process.execPath, ['src/cli.ts', 'demo', ...args], {
    ...real,
    DATA_DIR: folder,
    PORT: '0',
    ...env,
  });
  /** Waits until it has printed it, or has ended. */
  const says = async (expected: string | RegExp): Promise<string> => {
    const printed = () =>
      typeof expected === 'string' ? run.output.stdout.includes(expected) : expected.test(run.output.stdout);
    while (!printed()) {
      const over = await Promise.race([once(run.child.stdout, 'data').then(() => null), run.ended]);
      if (over && !printed()) throw new Error(`it ended with ${over.code}: ${over.stdout}${over.stderr}`);
    }
    return run.output.stdout;
  };
  const stop = async () => {
    run.child.kill('SIGINT');
    return (await run.ended).code;
  };
  return { ...run, says, stop };
}

/** What it prints to paste into a shell, done as it stands. */
async function pasted(text: string, has: string): Promise<string> {
  const line = text.split('\n').find((one) => one.trim().startsWith('curl') && one.includes(has));
  if (!line) throw new Error(`no line to paste has ${has}: ${text}`);
  const { code, stdout, stderr } = await launched('sh', ['-c', line]).ended;
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const addressIn = (text: string) => /^Address +(http:\S+)/m.exec(text)?.[1] ?? '';
const timeIn = (text: string) => /^Clock +2025-07-23 (\S+) IST/m.exec(text)?.[1] ?? '';
const orders = z.object({ orders: z.array(z.object({ clientOrderId: z.string(), status: z.string() })) });

describe('the demo', { timeout: 180_000 }, () => {
  test('runs the bundled session, does what it prints to try, goes on after a stop, and starts over with --fresh', async () => {
    const first = demo();
    const text = await first.says('starts over at 09:15.');
    // It starts when all is ready, however long that took.
    expect(timeIn(text)).toBe('09:15:00');
    const address = addressIn(text);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(text).toContain('venue is the simulated one ("paper"), and messages are printed here and sent to nobody.');

    const placed = z.object({ clientOrderId: z.string() }).parse(JSON.parse(await pasted(text, '-X POST')));
    const stream = await pasted(text, '/stream');
    expect(stream).toMatch(/event: end\ndata: {"status":"filled"}/);
    expect(stream).toContain(placed.clientOrderId);
    expect(orders.parse(JSON.parse(await pasted(text, '?limit=5'))).orders).toContainEqual(
      expect.objectContaining({ clientOrderId: placed.clientOrderId, status: 'filled' }),
    );
    for (const path of ['/health', '/ready']) {
      expect(text).toContain(`${address}${path}\n`);
      expect([path, (await fetch(`${address}${path}`)).status]).toEqual([path, 200]);
    }
    expect(await pasted(text, '/metrics')).toContain('daily_scan_');

    await first.says('Scan XNSE:2025-07-23:open:paper: 21 decisions, 14 orders accepted, 4 skipped, 3 denied.');
    await first.says('message to Sanjay Gupta: printed, not sent');
    expect(await first.stop()).toBe(0);
    await expect(fetch(`${address}/health`)).rejects.toThrow();

    // Somebody else has its port now; its keys are new, and what was done is there.
    const taken = createServer();
    await once(taken.listen(Number(new URL(address).port), '127.0.0.1'), 'listening');
    const second = demo([], { PORT: new URL(address).port });
    const again = await second.says('starts over at 09:15.');
    expect(timeIn(again) >= '09:20').toBe(true);
    expect(addressIn(again)).not.toBe(address);
    expect(orders.parse(JSON.parse(await pasted(again, '?limit=5'))).orders).toHaveLength(5);
    const oldKey = /^Operator key +(\S+)/m.exec(text)?.[1] ?? '';
    const headers = { Authorization: `Bearer ${oldKey}` };
    expect((await fetch(`${addressIn(again)}/api/trading/orders`, { headers })).status).toBe(401);
    expect(await second.stop()).toBe(0);
    taken.close();

    const fresh = demo(['--fresh']);
    const anew = await fresh.says('starts over at 09:15.');
    expect(timeIn(anew)).toBe('09:15:00');
    expect(orders.parse(JSON.parse(await pasted(anew, '?limit=5'))).orders).toEqual([]);
    expect(await fresh.stop()).toBe(0);

    // After the close it says so, and what to do.
    writeFileSync(join(folder, 'demo-clock.json'), JSON.stringify({ atMs: istMs('2025-07-23', '15:31') }));
    const late = demo();
    await late.says(/session is over: it is 15:31:\d\d on 2025-07-23 there[\s\S]*npm run demo -- --fresh/);
    const refused = await pasted(late.output.stdout, '-X POST');
    expect(JSON.parse(refused)).toMatchObject({ status: 422, code: 'too_late' });
    expect(await late.stop()).toBe(0);

    rmSync(join(folder, 'demo-clock.json'));
    const { code, stderr } = await demo().ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('npm run demo -- --fresh starts over')]);
  });
});
