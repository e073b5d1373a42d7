import { describe, expect, test } from 'vitest';
import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { startService } from '../../http/support/service.ts';
import { type CliSandbox, cliSandbox } from '../support/cli-sandbox.ts';
import { reportOn } from '../support/report-shape.ts';

const note = 'at the signal’s own price: no prices were given';
const signalsCsv = `trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target
2025-08-28,1,breakout-20d,MADEUP,NSE,BUY,3560.00,,
`;
const usersCsv = `name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue
Asha Rao,+919999900001,100000,20,5,,,1,paper
`;

function scanning({ file, run }: CliSandbox, env: Record<string, string>) {
  const files = ['--signals', file('signals.csv', signalsCsv), '--users', file('users.csv', usersCsv)];
  return (...more: string[]) => run(['scan', '--date', '2025-08-28', ...files, ...more], env);
}

describe('paper trading without any prices', { timeout: 120_000 }, () => {
  test('decides nothing, and says what to do', async () => {
    const scan = scanning(cliSandbox(), {});
    const dry = reportOn((await scan('--json', '--dry-run')).stdout);
    expect(dry.totals).toMatchObject({ accepted: 0, denied: 1 });
    const { code, stdout } = await scan();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Prices +none of this day: import them \(npm run import -- prices F.csv\)/m);
    expect(stdout).toContain('PAPER_PRICES=signal');
    expect(stdout).toMatch(/^ +1 {2}no price {2}denied {2}price_unavailable {2}Asha Rao$/m);
  });

  test('with PAPER_PRICES=signal fills at the signal’s price, and every screen and message says so', async () => {
    const cli = cliSandbox();
    const env = { PAPER_PRICES: 'signal' };
    const scan = scanning(cli, env);
    const plan = await scan('--dry-run');
    expect(plan.stdout.match(new RegExp(`^Prices +${note}$`, 'gm'))).toHaveLength(2);
    const { stdout } = await scan();
    // The head, the totals, and the message.
    expect(stdout.match(new RegExp(`^Prices +${note}$`, 'gm'))).toHaveLength(2);
    expect(stdout).toContain(`Paper trading: no real money, ${note}`);
    expect(stdout).toContain('1 of 1 order filled');
    // What was frozen with the run is said, whatever is set later.
    const why = await cli.run(['why', '--user', 'Asha Rao', '--symbol', 'MADEUP']);
    expect(why.stdout).toContain(`price     ₹3,560.00 (${note})`);
    const again = await cli.run(['report', '--run', 'XNSE:2025-08-28:open:paper', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ pricesFrom: 'signal', totals: { filled: 1 } });
  });

  test('has no price for a single order either, and takes one at its own limit only with the setting', async () => {
    const open = await startService({
      time: '10:30',
      change: (world) => ({ ...world, quotes: storedQuotes(world.store) }),
    });
    try {
      const body = { symbol: 'TITAN', side: 'BUY', quantity: 1, limitPrice: '3560.00', userId: 'asha-rao' };
      const ask = (key: string) =>
        open.ask(open.operatorKey, 'POST', '/api/trading/orders', body, { 'Idempotency-Key': key });
      const answer = await ask('a');
      expect([answer.status, await answer.json()]).toMatchObject([422, { code: 'price_unavailable' }]);
    } finally {
      await open.close();
    }
    const allowing = await startService({ time: '10:30' });
    try {
      const body = { symbol: 'TITAN', side: 'BUY', quantity: 1, limitPrice: '3560.00', userId: 'asha-rao' };
      const headers = { 'Idempotency-Key': 'a' };
      expect((await allowing.ask(allowing.operatorKey, 'POST', '/api/trading/orders', body, headers)).status).toBe(202);
      const [run] = await allowing.session.query('select limits from public.scan_runs');
      expect(run).toMatchObject({ limits: { pricesFrom: 'signal' } });
    } finally {
      await allowing.close();
    }
  });
});
