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

/** 2025-08-28 09:20 IST. */
export const nowMs = Date.parse('2025-08-28T09:20:00+05:30');
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

export function quote(symbol: string, priceMinor: number, previousCloseMinor: number | null = null): Quote {
  return {
    exchange: 'NSE',
    symbol,
    priceMinor,
    previousCloseMinor,
    lowerCircuitMinor: null,
    upperCircuitMinor: null,
    atMs: nowMs - 1000,
  };
}

/** A signal whose reference price is its quote, of a plain instrument with a tick of 0.10. */
export function planned(side: Side, symbol: string, priceMinor: number, rank = 1): PlannedSignal {
  return {
    signal: {
      id: `sig-${rank}-${symbol}-${side}`,
      tradeDate: '2025-08-28',
      rank,
      strategy: 'breakout-20d',
      exchange: 'NSE',
      symbol,
      side,
      referencePriceMinor: priceMinor,
      stopLossMinor: null,
      targetMinor: null,
      validUntilMs: null,
    },
    instrument: {
      exchange: 'NSE',
      symbol,
      isin: null,
      name: symbol,
      tickMinor: 10,
      lotSize: 1,
      freezeQuantity: null,
      fno: true,
      restricted: null,
    },
    share: symbol,
    quote: quote(symbol, priceMinor),
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
    settings: {
      id,
      name: id,
      whatsapp: null,
      capitalMinor,
      allocationBps: 2000,
      leverageCenti: 500,
      maxOpenPositions: null,
      dailyLossLimitBps: null,
      priority: 100,
      venue: 'paper',
    },
    active: true,
    tradingEnabled: true,
    strategies: null,
    allowSymbols: null,
    denySymbols: [],
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
export interface Scene {
  frame: RunFrame;
  account: AccountState;
  planned: PlannedSignal;
  instrument: Instrument;
}

/** TITAN at 3564.80, which everybody may trade; a SELL holds 5 of it. */
export function scene(side: Side): Scene {
  const titan = planned('BUY', 'TITAN', 3564_80);
  titan.signal.side = side;
  if (titan.instrument === null) throw new Error('the scene needs an instrument');
  const user = account();
  if (side === 'SELL') user.positions = [holding('TITAN')];
  return { frame: frame([titan]), account: user, planned: titan, instrument: titan.instrument };
}

/** Changes some fields of a part of a scene. */
export function set<T extends object>(target: T, change: Partial<T>): void {
  Object.assign(target, change);
}

/** The one decision of a scene. */
export function decideScene(one: Scene): Decision | undefined {
  return decide(one.frame, one.account, new Map())[0];
}

/** `decide` for a page of users in their queue order: the symbol cap goes to who comes first. */
export function decidePage(frame: RunFrame, accounts: readonly AccountState[], capUsed: CapUse): Decision[] {
  return accounts.flatMap((account) => decide(frame, account, capUsed));
}
