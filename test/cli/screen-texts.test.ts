import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { startChild } from '../adapters/store/children.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { refusalOn, reportOn } from '../stages/support/report-shape.ts';

describe('what commands say', { timeout: 180_000 }, () => {
  test('a reader that stops reading ends nothing: no stack trace, the work is done, exit 0', async () => {
    const { start, run } = cliSandbox();
    const { child, ended } = start(['scan']);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(reportOn((await run(['scan', '--json'])).stdout).totals).toMatchObject({ filled: 13, rejected: 1 });
  });

  test('a part of a plan shows no hash, and names nobody the plan does not have', async () => {
    const { run } = cliSandbox();
    const narrow = await run(['scan', '--dry-run', '--user', 'asha-rao', '--symbol', 'm&m']);
    expect(narrow.code).toBe(0);
    expect(narrow.stdout).toContain('This is a part of the plan');
    expect(narrow.stdout).not.toMatch(/[0-9a-f]{64}|same flags/);
    const nobody = await run(['scan', '--dry-run', '--json', '--user', 'Asha Roy']);
    expect([nobody.code, refusalOn(nobody.stdout).code]).toEqual([2, 'no_such_user']);
    const nothing = await run(['scan', '--dry-run', '--json', '--symbol', 'TITEN']);
    expect([nothing.code, refusalOn(nothing.stdout).code]).toEqual([2, 'no_such_symbol']);
  });

  test('a user is named by id or name in any case, and who is meant is said', async () => {
    const { run } = cliSandbox();
    await run(['scan']);
    const byId = await run(['halt', '--user', 'asha-rao', '--why', 'drill']);
    expect(byId).toMatchObject({ code: 0, stdout: 'User Asha Rao (asha-rao) is now halted.\n' });
    const byName = await run(['resume', '--user', 'ASHA rao', '--why', 'over']);
    expect(byName).toMatchObject({ code: 0, stdout: 'User Asha Rao (asha-rao) is now running.\n' });
    expect(byName.stderr).toContain('User: Asha Rao (asha-rao)');
    const near = await run(['halt', '--user', 'Asha Roy', '--why', 'drill']);
    expect(near.code).toBe(2);
    expect(near.stderr).toContain('Near it: Asha Rao (asha-rao). Nobody was changed.');
  });

  test('who waits for another process says so at once', async () => {
    const { start, dataDir } = cliSandbox();
    const holder = startChild('lock', join(dataDir, 'sample'), inject('databases').cacheDir);
    await holder.says('held');
    const { child, ended } = start(['scan']);
    const [firstLine] = await once(child.stdout, 'data');
    expect(String(firstLine)).toContain(`Waiting for process ${holder.pid}`);
    await holder.kill();
    expect((await ended).code).toBe(0);
  });
});
