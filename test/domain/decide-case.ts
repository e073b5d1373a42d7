// Inputs of `decide` with plain defaults: accounts, signals, quotes and rates.
import type { CapUse } from '../../src/domain/decision/case.ts';
import { decide } from '../../src/domain/decision/decide.ts';
import type { Decision } from '../../src/domain/decision/decision.ts';
import type {
  AccountState,
  ChargeRate,
  OpenPosition,
  PlannedSignal,
  RunFrame,
} from '../../src/domain/decision/inputs.ts';
import type { Instrument, Product, Quote, Side } from '../../src/domain/types.ts';
import { instrument, nowMs, quote, signal, user } from '../support/builders.ts';

const capitalMinor = 1_00_000_00;

function rate(product: Product, side: Side): ChargeRate {
  return {
    id: 1,
    product,
    side,
    transactionTaxPpb: 1_000_000,
    exchangePpb: 30_700,
    regulatorPpb: 1_000,
    stampPpb: side === 'BUY' ? 150_000 : 0,
    brokeragePpb: product === 'mtf' ? 3_000_000 : 0,
    brokerageCapMinor: 2000,
    gstBps: 1800,
  };
}

/** A price of a second ago. */
export function quoteNow(symbol: string, priceMinor: number, previousCloseMinor: number | null = null): Quote {
  return { ...quote(symbol, priceMinor, nowMs - 1000), previousCloseMinor };
}

/** A signal whose reference price is its quote, of a plain instrument with a tick of 0.10. */
export function planned(side: Side, symbol: string, priceMinor: number, rank = 1): PlannedSignal {
  const change = { rank, side, referencePriceMinor: priceMinor };
  return {
    signal: { ...signal(symbol, change), id: `sig-${rank}-${symbol}-${side}` },
    instrument: instrument(symbol, { fno: true }),
    share: symbol,
    quote: quoteNow(symbol, priceMinor),
  };
}

export function frame(signals: PlannedSignal[]): RunFrame {
  return {
    mode: 'paper',
    nowMs,
    cutOffMs: nowMs + 15 * 60_000,
    halted: null,
    instrumentsKnown: false,
    limits: {
      priceBandBps: 300,
      protectionBps: 50,
      minOrderValueMinor: 0,
      maxOrderValueMinor: null,
      symbolCapMinor: null,
      quoteMaxAgeMs: 60_000,
    },
    signals,
    quotes: new Map(),
    rates: [rate('mtf', 'BUY'), rate('mtf', 'SELL'), rate('delivery', 'BUY'), rate('delivery', 'SELL')],
    capUsed: {},
  };
}

/** An account that may trade everything: 1,00,000 at 20 % and leverage 5, all of it available. */
export function account(id = 'user-1'): AccountState {
  return {
    settings: user(id, { capitalMinor, leverageCenti: 500 }),
    active: true,
    tradingEnabled: true,
    strategies: null,
    allowSymbols: null,
    denySymbols: [],
    currency: 'INR',
    notReady: null,
    halted: null,
    availableMinor: capitalMinor,
    ordersToday: 0,
    today: { traded: [], chargesMinor: '0' },
    positions: [],
    working: [],
    decidedSignalIds: [],
  };
}

export function holding(symbol: string, quantity = 5, product: Product = 'delivery'): OpenPosition {
  return { exchange: 'NSE', symbol, share: symbol, product, quantity };
}

/** One signal and one user, with the parts a test changes at hand. */
export interface DecideCase {
  frame: RunFrame;
  account: AccountState;
  planned: PlannedSignal;
  instrument: Instrument;
}

/** TITAN at 3564.80, which everybody may trade; a SELL holds 5 of it. */
export function decideCase(side: Side): DecideCase {
  const titan = planned('BUY', 'TITAN', 3564_80);
  titan.signal.side = side;
  if (titan.instrument === null) throw new Error('the decideCase needs an instrument');
  const trader = account();
  if (side === 'SELL') trader.positions = [holding('TITAN')];
  return { frame: frame([titan]), account: trader, planned: titan, instrument: titan.instrument };
}

/** Changes some fields of a part of a decideCase. */
export function set<T extends object>(target: T, change: Partial<T>): void {
  Object.assign(target, change);
}

/** The one decision of a decideCase. */
export function decideOne(one: DecideCase): Decision | undefined {
  return decide(one.frame, one.account, new Map())[0];
}

/** `decide` for a page of users in their queue order: the symbol cap goes to who comes first. */
export function decidePage(frame: RunFrame, accounts: readonly AccountState[], capUsed: CapUse): Decision[] {
  return accounts.flatMap((account) => decide(frame, account, capUsed));
}
