// Reads the exchange that a signal or an order over HTTP names.
import { z } from 'zod';
import { exchangesByCode, exchangesWithRuns } from '../../domain/market/market.ts';

const codes = [...exchangesByCode.keys()].filter((code) => exchangesWithRuns.includes(exchangesByCode.get(code) ?? ''));

/** An exchange runs are made at, under any code of its market, as the first of them (NASDAQ is US); left out: the NSE. */
export const exchange = z
  .enum(codes, { error: `must be ${exchangesWithRuns.join(' or ')}` })
  .transform((code) => exchangesByCode.get(code) ?? code)
  .default('NSE');
