// Reads limits in money, by currency: MIN_ORDER_VALUE, MAX_ORDER_VALUE, SYMBOL_CAP.
import { z } from 'zod';
import { type Currency, type CurrencyCode, currencies, INR, isCurrency, unknownCurrency } from '../domain/currency.ts';
import type { RunLimits } from '../domain/decision/inputs.ts';
import type { Market } from '../domain/market/market.ts';
import { parseMinor } from '../domain/money.ts';
import { cut } from '../domain/text/text.ts';
import type { Mode } from '../domain/types.ts';
import type { VenueSessions } from './venues.ts';

/** Of each currency that is named, in its minor units. */
type Amounts = ReadonlyMap<CurrencyCode, number>;

/** The limits in money as they are set. */
export interface OrderLimits {
  min: Amounts;
  max: Amounts;
  symbolCap: Amounts;
}

const rule =
  'must be an amount in rupees with at most two decimals, such as 3 or 0.50, or amounts by currency, such as INR=500000,USD=5000.00';

/** `500000` (rupees), or for each currency its own, `INR=500000,USD=5000.00`; in minor units, `least` of them or more. */
export function amounts(least = 0) {
  return z.string().transform((text, context): Amounts => {
    const read = new Map<CurrencyCode, number>();
    for (const part of text.split(/, */)) {
      const [, code, amount = ''] = /^(?:([^=]*)=)?(.*)$/.exec(part) ?? [];
      // Only the first may go without its currency: the second half of 1,500 is no amount of its own.
      const fault = code === undefined && read.size > 0 ? rule : setAmount(read, code ?? INR.code, amount, least);
      if (fault !== null) {
        context.addIssue({ code: 'custom', message: fault });
        return z.NEVER;
      }
    }
    return read;
  });
}

function setAmount(read: Map<CurrencyCode, number>, code: string, text: string, least: number): string | null {
  if (!isCurrency(code)) return `names "${cut(code, 20)}", which ${unknownCurrency}`;
  const minor = parseMinor(text, currencies[code]);
  if (minor === null || minor < least) return code === INR.code ? rule : amountRule(currencies[code]);
  if (read.has(code)) return `names an amount in ${code} twice`;
  read.set(code, minor);
  return null;
}

function amountRule({ code, minorDigits }: Currency): string {
  return `must have an amount above 0 in ${code} with at most ${minorDigits} decimals, such as ${code}=5000.00`;
}

/** The limits in money as the environment says them. */
export function orderLimitsOf(set: Settings): OrderLimits {
  const none: Amounts = new Map();
  return { min: set.MIN_ORDER_VALUE, max: set.MAX_ORDER_VALUE ?? none, symbolCap: set.SYMBOL_CAP ?? none };
}

interface Settings {
  MIN_ORDER_VALUE: Amounts;
  MAX_ORDER_VALUE?: Amounts | undefined;
  SYMBOL_CAP?: Amounts | undefined;
}

type MoneyLimits = Pick<RunLimits, 'minOrderValueMinor' | 'maxOrderValueMinor' | 'symbolCapMinor'>;

/** A market's limits in money beside its others, in its currency: what is set in another currency says nothing of it. */
export function limitsIn(
  mode: Mode,
  { min, max, symbolCap }: OrderLimits,
  { currency }: Market,
  others: Omit<RunLimits, keyof MoneyLimits>,
): RunLimits {
  return {
    ...others,
    minOrderValueMinor: min.get(currency) ?? 0,
    // Live money in a currency that no largest order was set for buys nothing: fail closed.
    maxOrderValueMinor: max.get(currency) ?? (mode === 'live' ? 0 : null),
    symbolCapMinor: symbolCap.get(currency) ?? null,
  };
}

/** The limits a market's runs and orders have in this process. */
export function marketLimits(
  config: { mode: Mode; limits: RunLimits; orderLimits: OrderLimits },
  market: Market,
): RunLimits {
  return limitsIn(config.mode, config.orderLimits, market, config.limits);
}

/** The currencies of the scheduled markets in which live trading would have no largest order. */
export function unlimitedProblems(
  set: (Settings & { TRADING_MODE: Mode; MARKETS: readonly Market[] }) | undefined,
  sessions: VenueSessions = 'open',
): string[] {
  const max = set?.MAX_ORDER_VALUE;
  if (!set || !max || set.TRADING_MODE !== 'live' || sessions === 'none') return [];
  const byCurrency = Map.groupBy(set.MARKETS, ({ currency }) => currency);
  return [...byCurrency]
    .filter(([currency]) => !max.has(currency))
    .map(([code, of]) => {
      const mics = of.map(({ mic }) => mic).join(', ');
      return `MAX_ORDER_VALUE has no amount in ${code}, and TRADING_MODE=live needs it for MARKETS ${mics}, such as ${code}=5000`;
    });
}
