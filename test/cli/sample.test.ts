import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { type ReportShape, refusalOn, reportOn } from '../stages/support/report-shape.ts';

/** The opens of the bundled day, in paise: what everybody is decided at. */
const opens: Record<string, number> = { ETERNAL: 298_00, ICICIBANK: 1482_90, 'M&M': 3260_00 };
const minor = (decimal: string) => Number(decimal.replace('.', ''));

/** The plan's hash by the contract's words, from what a dry run shows and the day's opens. */
function hashByHand({ signals, decisions, orders }: ReportShape): string {
  const lines = decisions.map(({ userId, symbol, outcome, reason }) => {
    const signal = signals.find((one) => one.symbol === symbol);
    const order = orders.find((one) => one.userId === userId && one.symbol === symbol);
    const limitMinor = minor(order?.limitPrice ?? '0.00');
    const hold = order
      ? Math.ceil((order.quantity * limitMinor * 100) / minor(order.leverage)) + minor(order.charges)
      : 0;
    return [signal?.id, userId, outcome, reason ?? '', order?.quantity ?? 0, opens[symbol], hold].join('|');
  });
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

/** Spaces and rules are as wide as the widest time. */
const squeezed = (line: string) => line.replaceAll(/\s+|─+/g, ' ').trim();

/** What a page says this command prints, line by line, but what differs from run to run: times, and where the database is. */
function shownIn(page: string, command: string): string[] {
  const text = readFileSync(resolve(import.meta.dirname, '../..', page), 'utf8');
  const [, block = ''] = text.split(`\n$ ${command}\n`);
  const [shown = ''] = block.split('\n```');
  return shown
    .split('\n')
    .filter((line) => !/\d ms\b|^Database /.test(line))
    .map(squeezed);
}

describe('the bundled sample', { timeout: 180_000 }, () => {
  test('prints its tables and messages, is done already the next time, starts over with --fresh, and can be asked about', async () => {
    const { run, runAlone } = cliSandbox();
    const first = await runAlone(['scan']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    for (const text of [
      'the bundled sample',
      'paper: no real money',
      '09:20 IST (virtual clock)',
      '13 of 14 orders filled, 1 rejected',
      'RMS: stock is in the T2T segment for this client',
      'Hello Asha Rao',
    ]) {
      expect(first.stdout).toContain(text);
    }
    const printed = new Set(first.stdout.split('\n').map(squeezed));
    const shown = [...shownIn('README.md', 'npm ci && npm run scan'), ...shownIn('docs/sample-run.md', 'npm run scan')];
    expect(shown.length).toBeGreaterThan(100);
    expect(shown.filter((line) => !printed.has(line))).toEqual([]);
    const again = await runAlone(['scan']);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toContain('is already done');
    expect(again.stdout).toContain('13 of 14 orders filled, 1 rejected');

    const json = await run(['scan', '--json']);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const done = reportOn(json.stdout);
    expect(done).toMatchObject({
      runId: 'XNSE:2025-07-23:open:paper',
      session: 'XNSE:2025-07-23:open',
      dryRun: false,
      skipped: { reason: 'already_done', nextSession: 'XNSE:2025-07-24:open' },
      totals: { users: 7, signals: 3, accepted: 14, skipped: 4, denied: 3, filled: 13, rejected: 1 },
    });
    expect(done.totals.messages).toEqual({ queued: 0, sent: 6, delivered: 0, failed: 0, unknown: 0, suppressed: 1 });

    // What a machine elsewhere makes of the same day is the same.
    const fresh = await runAlone(['scan', '--json', '--fresh'], { TZ: 'America/New_York' });
    expect(fresh).toMatchObject({ code: 0, stderr: 'Removed the database data/sample: starting over.\n' });
    const anew = reportOn(fresh.stdout);
    const { planHash, orders, decisions, messages } = done;
    expect(anew).toMatchObject({ skipped: null, planHash, orders, decisions, messages });
    expect(anew.startedAt).toMatch(/^2025-07-23T09:20:0/);

    const { runId } = done;
    expect(JSON.parse((await run(['messages', '--run', runId, '--json'])).stdout)).toEqual(messages);
    expect((await run(['messages', '--run', runId])).stdout).toMatch(/── Kavita Iyer, message \w+ ─/);
    const csv = await run(['report', '--run', runId, '--csv']);
    expect(csv.stdout.trimEnd().split('\n')).toHaveLength(15);
    const why = await run(['why', '--user', 'Kavita Iyer', '--symbol', 'M&M']);
    expect(why.code).toBe(0);
    expect(why.stdout).toMatch(/as many open positions as|max_open_positions/);
  });

  test('of New York prints what its page says, in dollars and by New York’s clock, in a database of its own', async () => {
    const { run, runAlone } = cliSandbox();
    const page = 'docs/sample-run-new-york.md';
    const printedAndShown = async (command: string, args: string[]) => {
      const { code, stdout, stderr } = await runAlone(['scan', '--market', 'XNYS', ...args]);
      expect([code, stderr]).toEqual([0, '']);
      const printed = new Set(stdout.split('\n').map(squeezed));
      const shown = shownIn(page, command);
      expect(shown.length).toBeGreaterThan(50);
      expect(shown.filter((line) => !printed.has(line))).toEqual([]);
      return stdout;
    };
    await printedAndShown('npm run scan -- --market XNYS --dry-run', ['--dry-run']);
    const text = await printedAndShown('npm run scan -- --market XNYS', []);
    expect(text).toContain('09:35 New York time (virtual clock)');
    expect(text).not.toMatch(/₹|IST/);
    const { stdout } = await run(['scan', '--market', 'XNYS', '--json']);
    const report = reportOn(stdout);
    expect(report).toMatchObject({
      runId: 'XNYS:2026-06-09:open:paper',
      skipped: { reason: 'already_done', nextSession: 'XNYS:2026-06-10:open' },
      totals: { users: 5, signals: 4, accepted: 8, filled: 8 },
    });
    // $20.60 for each million sold, rounded up to the cent; what is bought costs nothing.
    const charged = report.orders.filter(({ charges }) => charges !== '0.00');
    expect(charged).toMatchObject([{ symbol: 'XOM', side: 'SELL', charges: '0.14', currency: 'USD' }]);
    const why = await run(['why', '--user', 'Samuel Green', '--symbol', 'MSFT']);
    expect([why.code, why.stdout]).toEqual([0, expect.stringContaining('$514.05')]);
  });

  test('a dry run leaves no file where none was', async () => {
    const { run, runAlone, fingerprint } = cliSandbox(false);
    const shown = await runAlone(['scan', '--dry-run']);
    const printed = new Set(shown.stdout.split('\n').map(squeezed));
    const inThePage = shownIn('docs/sample-run.md', 'npm run scan -- --dry-run');
    expect(inThePage.length).toBeGreaterThan(50);
    expect(inThePage.filter((line) => !printed.has(line))).toEqual([]);
    const planned = await run(['scan', '--dry-run', '--json']);
    expect(planned.code).toBe(0);
    expect(fingerprint()).toEqual({});
    expect(reportOn(planned.stdout)).toMatchObject({ dryRun: true, messages: [], skipped: null });
  });

  test('a plan is shown without a byte changing, can be approved by its hash, and only that plan is placed', async () => {
    const { run, fingerprint } = cliSandbox();
    const before = fingerprint();
    const planned = await run(['scan', '--dry-run', '--json']);
    expect(fingerprint()).toEqual(before);
    const plan = reportOn(planned.stdout);
    expect(plan.orders.map(({ status }) => status)).toEqual(Array(14).fill('planned'));
    expect(plan.totals).toMatchObject({ accepted: 14, queued: 0, filled: 0, rejected: 0, unknown: 0 });
    expect(plan.planHash).toBe(hashByHand(plan));

    const wrong = await run(['scan', '--json', '--expect-plan', plan.planHash.replace(/^./, 'x')]);
    expect(wrong.code).toBe(2);
    expect(refusalOn(wrong.stdout).code).toBe('plan_changed');
    const dryAndWrong = await run(['scan', '--dry-run', '--json', '--expect-plan', 'x']);
    expect(dryAndWrong.code).toBe(2);
    expect(refusalOn(dryAndWrong.stdout).code).toBe('plan_changed');

    const narrow = reportOn(
      (await run(['scan', '--dry-run', '--json', '--user', 'Asha Rao', '--symbol', 'M&M'])).stdout,
    );
    expect(narrow.planHash).toBe(plan.planHash);
    expect(narrow.totals).toMatchObject({ users: 1, signals: 1, decisions: 1, accepted: 1 });
    expect(narrow.orders).toEqual(
      plan.orders.filter(({ userId, symbol }) => userId === 'asha-rao' && symbol === 'M&M'),
    );

    const right = await run(['scan', '--json', '--expect-plan', plan.planHash]);
    expect(right.code).toBe(0);
    const placed = reportOn(right.stdout);
    expect(placed).toMatchObject({ planHash: plan.planHash, skipped: null, totals: { filled: 13, rejected: 1 } });
    const ids = (report: ReportShape) => report.orders.map(({ clientOrderId, quantity }) => [clientOrderId, quantity]);
    expect(ids(placed)).toEqual(ids(plan));

    const stored = fingerprint();
    const dryAgain = reportOn((await run(['scan', '--dry-run', '--json'])).stdout);
    expect(dryAgain).toMatchObject({ dryRun: true, planHash: plan.planHash, skipped: { reason: 'already_done' } });
    expect(fingerprint()).toEqual(stored);
  });
});
