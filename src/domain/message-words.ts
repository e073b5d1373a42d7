import { hindi } from './message-words-hi.ts';
import { orderReasonSentence, reasonSentence } from './reason-words.ts';
import type { Side } from './words.ts';

/** The languages a user can be written to in. */
export const languages = ['en', 'hi'] as const;
export type Language = (typeof languages)[number];

/** An order as a line names it: money is written out already, names are harmless already. */
export interface OrderWords {
  side: Side;
  quantity: number;
  name: string;
}

/** Everything a summary says in one language. Texts that come from outside are harmless single lines already. */
export interface MessageWords {
  months: readonly string[];
  hello: (name: string) => string;
  /** Whom to greet where the name says nothing. */
  there: string;
  paper: string;
  correction: string;
  noSignal: string;
  noOrder: string;
  nothingFilled: string;
  titles: { bought: string; sold: string; open: string; unknown: string; notBought: string; notSold: string };
  /** `3 of 28`: less was filled than asked for. */
  partOf: (quantity: number, asked: number) => string;
  margin: (amount: string) => string;
  pending: (order: OrderWords, price: string | null, status: 'queued' | 'working') => string;
  unknown: (order: OrderWords) => string;
  skipped: string;
  denied: string;
  /** `rest`: some of it was filled. `said`: the broker's own words; `why`: ours; both may be empty. */
  rejected: (rest: boolean, said: string, why: string) => string;
  canceled: (rest: boolean, why: string) => string;
  expired: (rest: boolean, why: string) => string;
  reason: (reason: string, limit: string | null, actual: string | null) => string;
  orderReason: (reason: string) => string;
  /** An order that never got to the broker, whatever its status says. */
  notPlaced: (why: string) => string;
  totalTitle: string;
  total: (bought: number, sold: number, signals: number) => string;
  figures: { spent: string; margin: string; soldFor: string; charges: string };
  freeMoney: (amount: string) => string;
  more: (count: number) => string;
}

const english: MessageWords = {
  months: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
  hello: (name) => `Hello ${name}`,
  there: 'there',
  paper: 'Paper trading: no real money',
  correction: 'Correction: this replaces what we wrote before',
  noSignal: 'There was no signal today, so no order was placed.',
  noOrder: 'No order was placed for you today.',
  nothingFilled: 'Nothing was filled today.',
  titles: {
    bought: 'Bought',
    sold: 'Sold',
    open: 'Still open',
    unknown: 'Not confirmed yet',
    notBought: 'Not bought',
    notSold: 'Not sold',
  },
  partOf: (quantity, asked) => `${quantity} of ${asked}`,
  margin: (amount) => ` (margin ${amount})`,
  pending({ side, quantity, name }, price, status) {
    const bound = side === 'BUY' ? 'for at most' : 'for at least';
    const at = price === null ? ' at the market' : ` ${bound} ${price}`;
    const where = status === 'queued' ? 'waiting to be sent' : 'waiting at the exchange';
    return `${verb(side)} ${quantity} × ${name}${at}: ${where}`;
  },
  unknown: ({ side, quantity, name }) =>
    `${verb(side)} ${quantity} × ${name}: the broker's answer is missing; we are checking and will not send it again`,
  skipped: 'skipped',
  denied: 'denied',
  rejected: (rest, said, why) => `${restWas(rest)}rejected by the broker${said ? `: "${said}"` : after(why)}`,
  canceled: (rest, why) => `${restWas(rest)}canceled${after(why)}`,
  expired: (rest, why) =>
    `${restWas(rest)}${why ? `expired${after(why)}` : 'not filled in time, so the order has expired'}`,
  reason: reasonSentence,
  orderReason: orderReasonSentence,
  notPlaced: (why) => `not placed${after(why)}`,
  totalTitle: 'Total',
  total(bought, sold, signals) {
    const of = `of ${signals} ${signals === 1 ? 'signal' : 'signals'}`;
    return `bought ${bought}${sold > 0 ? `, sold ${sold}` : ''} ${of}`;
  },
  figures: { spent: 'spent', margin: 'margin', soldFor: 'sold for', charges: 'charges' },
  freeMoney: (amount) => `Free money now: ${amount}`,
  more: (count) => `+${count} more`,
};

/** What is said in each language. */
export const messageWords: Readonly<Record<Language, MessageWords>> = { en: english, hi: hindi };

function verb(side: Side): string {
  return side === 'BUY' ? 'Buy' : 'Sell';
}

function restWas(rest: boolean): string {
  return rest ? 'the rest was ' : '';
}

function after(why: string): string {
  return why ? `: ${why}` : '';
}
