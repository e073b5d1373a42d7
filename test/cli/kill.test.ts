import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openPglite } from '../../src/adapters/store/pglite/pglite.ts';
import { type CliSandbox, cliSandbox } from '../stages/support/cli-sandbox.ts';
import { reportOn } from '../stages/support/report-shape.ts';
import { violations } from '../support/invariants.ts';

const columns = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
/** Four pages of users, one in sixteen with money for more than nothing: much to decide, little to send. */
const users = Array.from({ length: 1600 }, (_, n) => {
  return `User ${n},+9199999${10_000 + n},${n % 16 === 0 ? 100_000 : 100},20,5,,,,paper`;
});
const signals = `trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target
2025-08-28,1,breakout-20d,TITAN,NSE,BUY,3564.80,,
2025-08-28,2,breakout-20d,SBICARD,NSE,BUY,800.00,,
`;

/** The process is killed within moments of saying this for the n-th time, wherever it is by then. */
const killAfter: [step: string, times: number][] = [
  ['scanned', 1],
  ['page_accepted', 1],
  ['page_accepted', 1],
  ['run_decided', 1],
  ['order_settled', 30],
  ['order_settled', 60],
  ['message_settled', 700],
];

async function killed({ child, ended }: ReturnType<CliSandbox['start']>, step: string, times: number): Promise<void> {
  let log = '';
  const reached = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: string) => {
      log += chunk;
      if (log.split(`"${step}"`).length > times) resolve();
    });
  });
  await Promise.race([reached, ended]);
  await pause(Math.random() * 100);
  child.kill('SIGKILL');
  expect((await ended).code, `the process ended by itself before its ${step} no. ${times}`).toBeNull();
}

/** At the signals’ own prices. */
const noPrices = { PAPER_PRICES: 'signal' };

describe('a process', { timeout: 240_000 }, () => {
  test('killed again and again is finished by the same command, with nothing doubled', async () => {
    const { run, start, file, dataDir } = cliSandbox();
    const files = [
      '--signals',
      file('signals.csv', signals),
      '--users',
      file('users.csv', [columns, ...users].join('\n')),
    ];
    const scan = ['scan', '--json', '--date', '2025-08-28', ...files];
    const planned = reportOn((await run([...scan, '--dry-run'], noPrices)).stdout);
    expect(planned.totals).toMatchObject({ users: 1600, accepted: 200 });

    // Few at once, so that there is something left to be killed at.
    const slow = { ...noPrices, LOG_LEVEL: 'info', CONCURRENCY: '10' };
    for (const [step, times] of killAfter) await killed(start(scan, slow), step, times);
    const last = await run(scan, noPrices);
    expect(last).toMatchObject({ code: 0 });
    const report = reportOn(last.stdout);
    expect(report.planHash).toBe(planned.planHash);
    expect(report.totals).toMatchObject({ users: 1600, decisions: 3200, accepted: 200, filled: 200, unknown: 0 });
    const { sent, unknown, ...others } = report.totals.messages;
    expect(sent + unknown).toBe(1600);
    expect(others).toEqual({ queued: 0, delivered: 0, failed: 0, suppressed: 0 });

    const options = { path: join(dataDir, 'main'), cacheDir: dataDir, saveCache: false };
    const database = await openPglite({ ...options, onSlowStart: () => undefined });
    expect(await violations(database.session)).toEqual([]);
    const atVenue = await database.session.query('select client_order_id as id from paper_venue.orders order by 1');
    const ours = planned.orders.map(({ clientOrderId }) => clientOrderId).toSorted();
    expect(atVenue.map(({ id }) => id)).toEqual(ours);
    const money = await database.session.query(
      "select count(*)::int from public.ledger_entries where kind = 'deposit'",
    );
    expect(money).toEqual([{ count: 1600 }]);
    await database.close();
  });
});
