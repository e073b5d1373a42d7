// Every sentence of the messages, in English, and the languages there are.
import type { Side } from '../../types.ts';
import { hindi } from './hi.ts';
import type { MessageTexts } from './message-texts.ts';
import { decisionReason, orderReason } from './reason-clause.ts';
import { englishReasons } from './reasons-en.ts';

/** The languages a user can be written to in. */
export const languages = ['en', 'hi'] as const;
export type Language = (typeof languages)[number];

const english: MessageTexts = {
  months: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
  hello: (name) => `Hello ${name}`,
  there: 'there',
  paper: 'Paper trading: no real money',
  signalPrices: 'at the signal’s own price: no prices were given',
  correction: 'Correction: this replaces what we wrote before',
  singleOrders: {
    placed: (ways) => `Placed ${ways.join(', ')}`,
    withOwnKey: (name) => `with your own key “${name}”`,
    withOwnLogin: 'with your own login',
    byOperator: 'by your operator',
    count: (orders) => (orders === 1 ? '1 order' : `${orders} orders`),
    notYou:
      'Not you, or not agreed? Tell whoever runs daily-scan for you at once: they can change the key and stop your trading',
  },
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
  partOf: (quantity, ordered) => `${quantity} of ${ordered}`,
  margin: (amount) => ` (margin ${amount})`,
  exits: (stop, target) =>
    `; not placed: ${[stop && `stop ${stop}`, target && `target ${target}`].filter(Boolean).join(', ')}`,
  profit: (amount) => ` (profit ${amount})`,
  loss: (amount) => ` (loss ${amount})`,
  names: (shown, more) => `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
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
  rejected: (rest, brokerText, why) =>
    `${restWas(rest)}rejected by the broker${brokerText ? `: "${brokerText}"` : after(why)}`,
  canceled: (rest, why) => `${restWas(rest)}canceled${after(why)}`,
  expired: (rest, why) =>
    `${restWas(rest)}${why ? `expired${after(why)}` : 'not filled in time, so the order has expired'}`,
  reason: (reason, limit, actual, currency) => decisionReason(englishReasons, reason, limit, actual, currency),
  orderReason: (reason) => orderReason(englishReasons, reason),
  notPlaced: (why) => `not placed${after(why)}`,
  totalTitle: 'Total',
  total(bought, sold, signals) {
    const of = `of ${signals} ${signals === 1 ? 'signal' : 'signals'}`;
    return `bought ${bought}${sold > 0 ? `, sold ${sold}` : ''} ${of}`;
  },
  figures: { spent: 'spent', margin: 'margin', soldFor: 'sold for', charges: 'charges', cash: 'cash available' },
  notConcerned(notHeld, notFollowed) {
    const clauses = [
      ...(notHeld > 0 ? [`${notHeld} to sell what you do not hold`] : []),
      ...(notFollowed > 0 ? [`${notFollowed} of strategies you do not follow`] : []),
    ];
    return ` (${clauses.join(', ')})`;
  },
  more: (count) => `+${count} more`,
};

/** What is said in each language. */
export const messageTexts: Readonly<Record<Language, MessageTexts>> = { en: english, hi: hindi };

function verb(side: Side): string {
  return side === 'BUY' ? 'Buy' : 'Sell';
}

function restWas(rest: boolean): string {
  return rest ? 'the rest was ' : '';
}

function after(why: string): string {
  return why ? `: ${why}` : '';
}
