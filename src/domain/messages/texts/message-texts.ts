// What a summary says, whatever its language: the texts every language has to have.
import type { Currency } from '../../currency.ts';
import type { Side } from '../../types.ts';
import type { ReasonText } from './reason-clause.ts';

/** An order as a line names it: money is written out already, names are harmless already. */
export interface OrderTexts {
  side: Side;
  quantity: number;
  name: string;
}

/** Everything a summary says in one language. Texts that come from outside are harmless single lines already. */
export interface MessageTexts {
  months: readonly string[];
  hello: (name: string) => string;
  /** Whom to greet where the name says nothing. */
  there: string;
  paper: string;
  /** After `paper`: the prices are the signals' own. */
  signalPrices: string;
  correction: string;
  /** Orders placed one by one: by whom (`ways`, each of the three below), how many, and what to do if it was not they. */
  singleOrders: {
    placed: (ways: readonly string[]) => string;
    withOwnKey: (name: string) => string;
    withOwnLogin: string;
    byOperator: string;
    count: (orders: number) => string;
    notYou: string;
  };
  noSignal: string;
  noOrder: string;
  nothingFilled: string;
  titles: { bought: string; sold: string; open: string; unknown: string; notBought: string; notSold: string };
  /** `3 of 28`: less was filled than asked for. */
  partOf: (quantity: number, ordered: number) => string;
  margin: (amount: string) => string;
  /** Where a buy's strategy would leave it; at least one is there. */
  exits: (stop: string | null, target: string | null) => string;
  /** Of a sale: what it brought beyond what was paid, before charges. */
  profit: (amount: string) => string;
  loss: (amount: string) => string;
  /** Several names, of which `more` are only counted. */
  names: (shown: readonly string[], more: number) => string;
  pending: (order: OrderTexts, price: string | null, status: 'queued' | 'working') => string;
  unknown: (order: OrderTexts) => string;
  skipped: string;
  denied: string;
  /** `rest`: some of it was filled. `said`: the broker's own words; `why`: ours; both may be empty. */
  rejected: (rest: boolean, brokerText: string, why: string) => string;
  canceled: (rest: boolean, why: string) => string;
  expired: (rest: boolean, why: string) => string;
  reason: (reason: string, limit: string | null, actual: string | null, currency: Currency) => ReasonText;
  orderReason: (reason: string) => string;
  /** An order that never got to the broker, whatever its status says. */
  notPlaced: (why: string) => string;
  totalTitle: string;
  total: (bought: number, sold: number, signals: number) => string;
  figures: { spent: string; margin: string; soldFor: string; charges: string; cash: string };
  /** Signals that were never about this user: to sell what they do not hold, or of strategies they do not follow. */
  notConcerned: (notHeld: number, notFollowed: number) => string;
  more: (count: number) => string;
}
