import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Signal } from '../../../src/domain/types.ts';
import { tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { startService, type TestService, type TestServiceOptions } from './service.ts';

export const titan = { strategy: 'breakout-20d', symbol: 'TITAN', side: 'BUY', referencePrice: '3560.00' };

/** The id of a signal to buy. */
export function idOf(symbol: string, date = tradeDate, strategy = 'breakout-20d'): string {
  return `NSE:${date}:${strategy}:${symbol}:BUY`;
}

/** The service of a test file about signals. */
export interface SignalsService {
  /** One at 09:20, new for each test. */
  open: () => TestService;
  /** One more on the same database. */
  service: (options: TestServiceOptions) => Promise<TestService>;
  /** What an operator who sends this is answered: the body with its status. */
  answerTo: (body: unknown, at?: TestService) => Promise<{ status: number; [member: string]: unknown }>;
  /** The signals a scan of that day would find. */
  stored: (date?: string) => Promise<Signal[]>;
  /** Every row that came in, oldest first. */
  received: () => Promise<Record<string, unknown>[]>;
}

/** Sets up one database for the file, emptied before each test: five users and no signal. */
export function signalsService(): SignalsService {
  let database: TestDatabase | null = null;
  let open: TestService | null = null;
  const here = <Thing>(thing: Thing | null): Thing => {
    if (thing === null) throw new Error('the service is opened before each test');
    return thing;
  };
  const service: SignalsService['service'] = (options) =>
    startService({ database: here(database), signals: [], ...options });
  beforeAll(async () => {
    database = await freshPglite();
  });
  beforeEach(async () => {
    await emptyDatabase(here(database).session);
    // What was counted today is kept apart from the rows.
    await here(database).session.exec('delete from core.rate_days');
    open = await service({});
  });
  afterAll(() => database?.close());
  return {
    open: () => here(open),
    service,
    async answerTo(body, at = here(open)) {
      const answer = await at.ask(at.operatorKey, 'POST', '/api/signals', body);
      return { ...((await answer.json()) as object), status: answer.status };
    },
    async stored(date = tradeDate) {
      const { signals } = await here(open).store.call('read_inputs', { mode: 'paper', tradeDate: date, runId: 'none' });
      return signals;
    },
    received: () => {
      const columns = 'source, payload, signal_id, outcome, problem';
      return here(database).session.query(`select ${columns} from public.received_signals order by id`);
    },
  };
}
