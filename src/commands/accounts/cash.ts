// npm run account -- --deposit and --withdraw: moves money of a paper account.
import { randomUUID } from 'node:crypto';
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import {
  type Currency,
  type CurrencyCode,
  currencies,
  INR,
  isCurrency,
  unknownCurrency,
} from '../../domain/currency.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { formatMinor, parseMinor } from '../../domain/money.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { BookedCash, MovedCash } from '../../ports/store/money.ts';
import type { Store } from '../../ports/store/store.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type NamedUser, shown, userNamed } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { blockText } from './acknowledge.ts';

export interface CashFlags {
  user?: string;
  venue?: string;
  currency?: string;
  deposit?: string;
  withdraw?: string;
  reference?: string;
  by?: string;
  why?: string;
  json?: boolean;
}

interface CashMovement {
  kind: 'deposit' | 'withdrawal';
  /** As it is given: the account's currency says how many decimals it may have. */
  amount: string;
  venue: string | null;
  /** null: that of the only account. */
  currency: CurrencyCode | null;
  reference: string | undefined;
  why: string;
}

type CountedMovement = CashMovement & { amountMinor: number };

/**
 * `npm run account -- --user X --deposit A|--withdraw A --why …`: moves money into or out of a paper account, and says
 * what it had and has. A reference counts once; without one the same amount soon after is refused as pressed twice.
 */
export async function cashCommand(config: Config, flags: CashFlags): Promise<number | Refusal> {
  const { user: nameOrId } = flags;
  const movement = movementOf(flags);
  if ('code' in movement) return movement;
  if (nameOrId === undefined) return refusal('bad_flag', 'Give --user: name or id.');
  if (config.mode === 'live') return liveAccount;
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const user = await userNamed(store, nameOrId);
    if ('kind' in user) return user;
    const { kind, venue, reference = `cli:${randomUUID()}` } = movement;
    const money = await moneyOf(store, user, movement);
    if ('code' in money) return money;
    const { amountMinor, currency } = money;
    const by = { ...actorOf(flags), why: movement.why };
    const named = { reference, isNamed: movement.reference !== undefined };
    const about = { userId: user.id, venue, currency, kind, amountMinor, ...named };
    const answer = await store.call('move_cash', { ...about, by, nowMs: realClock().nowMs() });
    return ended(store, user, { ...movement, amountMinor }, answer, flags.json ?? false);
  });
}

const otherFlags = [
  'active',
  'trading',
  'strategies',
  'allow',
  'deny',
  'notify',
  'language',
  'auth',
  'acknowledge',
  'seen',
];

/** How much is to be moved, as far as it can be told before the account is known. */
function amountOf({
  deposit,
  withdraw,
  currency,
}: CashFlags): Pick<CashMovement, 'kind' | 'amount' | 'currency'> | Refusal {
  if (currency !== undefined && !isCurrency(currency))
    return refusal('bad_flag', `--currency ${currency} ${unknownCurrency}.`);
  const amount = deposit ?? withdraw ?? '';
  const kind = deposit === undefined ? 'withdrawal' : 'deposit';
  const inMost = currency === undefined ? mostDigits : currencies[currency];
  if (amountIn(inMost, amount) === null) return badAmount(kind, currency === undefined ? INR : currencies[currency]);
  return { kind, amount, currency: currency ?? null };
}

/** What is to be moved, or what is wrong with the flags. */
function movementOf(flags: CashFlags): CashMovement | Refusal {
  const { deposit, withdraw, venue = null, reference } = flags;
  const why = flags.why?.trim() ?? '';
  if (deposit !== undefined && withdraw !== undefined)
    return refusal('bad_flag', 'Give --deposit or --withdraw: first the one, then the other.');
  const other = otherFlags.find((name) => name in flags);
  const flag = deposit === undefined ? '--withdraw' : '--deposit';
  if (other !== undefined) return refusal('bad_flag', `${flag} goes alone: give --${other} in a command of its own.`);
  const money = amountOf(flags);
  if ('code' in money) return money;
  if (why === '') return refusal('bad_flag', `${flag} needs --why: the reason, kept on record.`);
  if (reference !== undefined && !/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._:/-]{0,79}$/u.test(reference))
    return refusal('bad_flag', '--reference is 1 to 80 letters, digits, . _ : / or -.');
  return { ...money, venue, reference, why };
}

/** The currency of the most decimals. */
const mostDigits = Object.values(currencies).reduce((most, one) => (one.minorDigits > most.minorDigits ? one : most));

/** An amount above 0 in minor units; null if it is none. */
function amountIn(currency: Currency, text: string): number | null {
  const minor = parseMinor(text, currency);
  return minor !== null && minor > 0 ? minor : null;
}

function badAmount(kind: CashMovement['kind'], { code }: Currency): Refusal {
  const flag = kind === 'deposit' ? '--deposit' : '--withdraw';
  const unit = code === 'INR' ? 'rupees' : code;
  return refusal('bad_flag', `${flag} is an amount in ${unit} above 0, such as 50000 or 50000.50.`);
}

/** The amount in the currency that is named, else in that of the user's only paper account. */
async function moneyOf(
  store: Store,
  user: NamedUser,
  { kind, amount, venue, currency: named }: CashMovement,
): Promise<{ amountMinor: number; currency: CurrencyCode } | Refusal> {
  const stored = await store.call('read_user', { userId: user.id });
  const accounts = (stored?.accounts ?? []).filter((one) => one.mode === 'paper' && one.venue === (venue ?? one.venue));
  const [first, ...others] = new Set(accounts.map((one) => one.currency));
  if (named === null && others.length > 0) return severalAccounts(user, accounts);
  const currency = named ?? first ?? INR.code;
  const amountMinor = amountIn(currencies[currency], amount);
  return amountMinor === null ? badAmount(kind, currencies[currency]) : { amountMinor, currency };
}

function severalAccounts(user: NamedUser, accounts: { venue: string; currency: CurrencyCode }[]): Refusal {
  const venues = [...new Set(accounts.map(({ venue }) => venue))];
  const codes = [...new Set(accounts.map(({ currency }) => currency))];
  const flags = [
    ...(venues.length > 1 ? [`--venue ${venues.join(' or ')}`] : []),
    ...(codes.length > 1 ? [`--currency ${codes.join(' or ')}`] : []),
  ];
  return refusal('bad_flag', `${shown(user)} has several paper accounts: say ${flags.join(', and ')}.`);
}

const liveAccount = refusal(
  'live_account',
  'A live account’s money is what its venue says: move it there, and npm run ready brings it here. A paper account’s is moved with TRADING_MODE=paper.',
);

async function ended(
  store: Store,
  user: NamedUser,
  movement: CountedMovement,
  answer: MovedCash,
  json: boolean,
): Promise<number | Refusal> {
  switch (answer.kind) {
    case 'no_account':
      return answer.liveToo ? liveAccount : noAccount(user, movement);
    case 'several_accounts':
      return severalAccounts(user, answer.accounts);
    case 'not_enough':
      return refusal('not_enough', `${availableText(answer)}: nothing was withdrawn.`);
    case 'too_much':
      return refusal('bad_flag', 'The account would have more than can be counted exactly: nothing was deposited.');
    case 'moved_just_now':
      return refusal(
        'moved_just_now',
        `Nothing was booked: ${movementText(movement, currencies[answer.currency])} was booked at ${timeOf(answer.atMs)} already (entry ${answer.entryId}; cash is ${formatMoney(answer.cashMinor, currencies[answer.currency])}). If a second one is meant, name it: --reference R (each reference counts once).`,
      );
    case 'reference_used':
      return refusal(
        'reference_used',
        `Nothing was booked: the reference ${movement.reference} stands for ${movementText({ kind: answer.moved, amountMinor: answer.amountMinor }, currencies[answer.currency])} of ${timeOf(answer.atMs)} (entry ${answer.entryId}).`,
      );
    case 'moved':
    case 'counted_before':
      process.stdout.write(
        json ? `${JSON.stringify(jsonOf(user, movement, answer))}\n` : textOf(user, movement, answer),
      );
      if (!json && answer.notReady !== null) process.stdout.write(await blockedText(store, user.id, answer));
      return 0;
  }
}

function textOf(user: NamedUser, movement: CountedMovement, answer: BookedCash): string {
  const { venue, cashBeforeMinor, cashMinor, entryId } = answer;
  const currency = currencies[answer.currency];
  if (answer.kind === 'counted_before') {
    return `${movement.reference} was counted before: ${movementText(movement, currency)} at ${timeOf(answer.atMs)} (entry ${entryId}). Nothing was booked; cash is ${formatMoney(cashMinor, currency)}.\n`;
  }
  const what = movement.kind === 'deposit' ? 'Deposited' : 'Withdrew';
  const where = `${movement.kind === 'deposit' ? 'in' : 'from'} the paper account of ${shown(user)} at ${venue}`;
  return `${what} ${formatMoney(movement.amountMinor, currency)} ${where} (entry ${entryId}): cash ${formatMoney(cashBeforeMinor, currency)} → ${formatMoney(cashMinor, currency)}. ${availableText(answer)}.\n`;
}

function jsonOf({ id }: NamedUser, movement: CountedMovement, answer: BookedCash) {
  const { kind, venue, entryId, cashBeforeMinor, cashMinor, heldMinor, notReady } = answer;
  const currency = currencies[answer.currency];
  return {
    kind,
    userId: id,
    venue,
    currency: currency.code,
    moved: movement.kind,
    amount: formatMinor(movement.amountMinor, currency),
    reference: movement.reference ?? null,
    entryId,
    cashBefore: formatMinor(cashBeforeMinor, currency),
    cash: formatMinor(cashMinor, currency),
    held: formatMinor(heldMinor, currency),
    notReady,
  };
}

/** Money alone opens no account again: who has seen why it is blocked does, with the command this names. */
async function blockedText(store: Store, userId: string, { venue, currency, notReady }: BookedCash): Promise<string> {
  const blocks = await store.call('read_blocks', { userId });
  const block = blocks.find((one) => one.venue === venue && one.mode === 'paper' && one.currency === currency);
  return `It is still blocked: ${notReady}.\n${block ? `${blockText(userId, block)}\n` : ''}`;
}

function noAccount(user: NamedUser, { venue, currency }: CashMovement): Refusal {
  const at = `${venue === null ? '' : ` at ${venue}`}${currency === null ? '' : ` in ${currency}`}`;
  return refusal('no_account', `${shown(user)} has no paper account${at}: npm run account -- --user ${user.id}`);
}

type Balance = { cashMinor: number; heldMinor: number; currency: CurrencyCode };

function availableText({ cashMinor, heldMinor, currency: code }: Balance): string {
  const currency = currencies[code];
  const held =
    heldMinor === 0
      ? ''
      : ` (cash ${formatMoney(cashMinor, currency)}, of it on hold ${formatMoney(heldMinor, currency)})`;
  return `${formatMoney(cashMinor - heldMinor, currency)} can be used${held}`;
}

function movementText(
  { kind, amountMinor }: Pick<CountedMovement, 'kind' | 'amountMinor'>,
  currency: Currency,
): string {
  return `a ${kind} of ${formatMoney(amountMinor, currency)}`;
}

function timeOf(atMs: number): string {
  return istIso(atMs).slice(0, 19).replace('T', ' ');
}
