// The market a command is about: --market, or the one that is meant where none is named.
import { type Market, marketOf, markets } from '../domain/market/market.ts';
import { type Refusal, refusal } from './refusal.ts';

/** The market of `--market CODE` (a MIC or an exchange code). */
export function namedMarket(code: string | undefined): Market | Refusal {
  const found = marketOf(code ?? markets[0].mic);
  return found.kind === 'market' ? found.market : refusal('bad_flag', `--market: ${found.message}.`);
}
