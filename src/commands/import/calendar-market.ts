// npm run calendar -- --market M: the market, its clock, and its days ahead.
import { realClock } from '../../adapters/clock.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Market } from '../../domain/market/market.ts';
import { showTarget, withStore } from '../database-target.ts';
import { marketFacts, marketScreen } from './market-screen.ts';

/** Prints what is known of a market, with the days operators set; `json`: as one document. */
export async function showMarket(config: Config, market: Market, json: boolean): Promise<number> {
  const target = targetOf(config, 'main');
  showTarget(target);
  const days = await withStore(config, target, (store) => {
    return store.call('read_calendar_days', { exchange: market.calendar.name });
  });
  const facts = marketFacts(market, realClock().nowMs(), days);
  process.stdout.write(json ? `${JSON.stringify(facts)}\n` : marketScreen(market, facts));
  return 0;
}
