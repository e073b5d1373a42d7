// npm run account -- --deposit and --withdraw: moves money of a paper account.
import { randomUUID } from 'node:crypto';
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { INR } from '../../domain/currency.ts';
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
  deposit?: string;
  withdraw?: string;
  reference?: string;
  by?: string;
  why?: string;
  json?: boolean;
}

interface CashMovement {
  kind: 'deposit' | 'withdrawal';
  amountMinor: number;
  venue: string | null;
  reference: string | undefined;
  why: string;
}

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
    const { kind, amountMinor, venue, reference = `cli:${randomUUID()}` } = movement;
    const by = { ...actorOf(flags), why: movement.why };
    const named = { reference, isNamed: movement.reference !== undefined };
    const about = { userId: user.id, venue, kind, amountMinor, ...named };
    const answer = await store.call('move_cash', { ...about, by, nowMs: realClock().nowMs() });
    return ended(store, user, movement, answer, flags.json ?? false);
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

/** What is to be moved, or what is wrong with the flags. */
function movementOf(flags: CashFlags): CashMovement | Refusal {
  const { deposit, withdraw, venue = null, reference } = flags;
  const why = flags.why?.trim() ?? '';
  if (deposit !== undefined && withdraw !== undefined)
    return refusal('bad_flag', 'Give --deposit or --withdraw: first the one, then the other.');
  const other = otherFlags.find((name) => name in flags);
  const flag = deposit === undefined ? '--withdraw' : '--deposit';
  if (other !== undefined) return refusal('bad_flag', `${flag} goes alone: give --${other} in a command of its own.`);
  const amountMinor = parseMinor(deposit ?? withdraw ?? '', INR);
  if (amountMinor === null || amountMinor <= 0)
    return refusal('bad_flag', `${flag} is an amount in rupees above 0, such as 50000 or 50000.50.`);
  if (why === '') return refusal('bad_flag', `${flag} needs --why: the reason, kept on record.`);
  if (reference !== undefined && !/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._:/-]{0,79}$/u.test(reference))
    return refusal('bad_flag', '--reference is 1 to 80 letters, digits, . _ : / or -.');
  return { kind: deposit === undefined ? 'withdrawal' : 'deposit', amountMinor, venue, reference, why };
}

const liveAccount = refusal(
  'live_account',
  'A live account’s money is what its venue says: move it there, and npm run ready brings it here. A paper account’s is moved with TRADING_MODE=paper.',
);

async function ended(
  store: Store,
  user: NamedUser,
  movement: CashMovement,
  answer: MovedCash,
  json: boolean,
): Promise<number | Refusal> {
  switch (answer.kind) {
    case 'no_account':
      return answer.liveToo ? liveAccount : noAccount(user, movement);
    case 'several_accounts':
      return refusal(
        'bad_flag',
        `${shown(user)} has several paper accounts: say --venue ${answer.venues.join(' or ')}.`,
      );
    case 'not_enough':
      return refusal('not_enough', `${availableText(answer)}: nothing was withdrawn.`);
    case 'too_much':
      return refusal('bad_flag', 'The account would have more than can be counted exactly: nothing was deposited.');
    case 'moved_just_now':
      return refusal(
        'moved_just_now',
        `Nothing was booked: ${movementText(movement)} was booked at ${timeOf(answer.atMs)} already (entry ${answer.entryId}; cash is ${formatMoney(answer.cashMinor, INR)}). If a second one is meant, name it: --reference R (each reference counts once).`,
      );
    case 'reference_used':
      return refusal(
        'reference_used',
        `Nothing was booked: the reference ${movement.reference} stands for ${movementText({ kind: answer.moved, amountMinor: answer.amountMinor })} of ${timeOf(answer.atMs)} (entry ${answer.entryId}).`,
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

function textOf(user: NamedUser, movement: CashMovement, answer: BookedCash): string {
  const { venue, cashBeforeMinor, cashMinor, entryId } = answer;
  if (answer.kind === 'counted_before') {
    return `${movement.reference} was counted before: ${movementText(movement)} at ${timeOf(answer.atMs)} (entry ${entryId}). Nothing was booked; cash is ${formatMoney(cashMinor, INR)}.\n`;
  }
  const what = movement.kind === 'deposit' ? 'Deposited' : 'Withdrew';
  const where = `${movement.kind === 'deposit' ? 'in' : 'from'} the paper account of ${shown(user)} at ${venue}`;
  return `${what} ${formatMoney(movement.amountMinor, INR)} ${where} (entry ${entryId}): cash ${formatMoney(cashBeforeMinor, INR)} → ${formatMoney(cashMinor, INR)}. ${availableText(answer)}.\n`;
}

function jsonOf({ id }: NamedUser, movement: CashMovement, answer: BookedCash) {
  const { kind, venue, entryId, cashBeforeMinor, cashMinor, heldMinor, notReady } = answer;
  return {
    kind,
    userId: id,
    venue,
    moved: movement.kind,
    amount: formatMinor(movement.amountMinor, INR),
    reference: movement.reference ?? null,
    entryId,
    cashBefore: formatMinor(cashBeforeMinor, INR),
    cash: formatMinor(cashMinor, INR),
    held: formatMinor(heldMinor, INR),
    notReady,
  };
}

/** Money alone opens no account again: who has seen why it is blocked does, with the command this names. */
async function blockedText(store: Store, userId: string, { venue, notReady }: BookedCash): Promise<string> {
  const blocks = await store.call('read_blocks', { userId });
  const block = blocks.find((one) => one.venue === venue && one.mode === 'paper');
  return `It is still blocked: ${notReady}.\n${block ? `${blockText(userId, block)}\n` : ''}`;
}

function noAccount(user: NamedUser, { venue }: CashMovement): Refusal {
  const at = venue === null ? '' : ` at ${venue}`;
  return refusal('no_account', `${shown(user)} has no paper account${at}: npm run account -- --user ${user.id}`);
}

function availableText({ cashMinor, heldMinor }: { cashMinor: number; heldMinor: number }): string {
  const held =
    heldMinor === 0 ? '' : ` (cash ${formatMoney(cashMinor, INR)}, of it on hold ${formatMoney(heldMinor, INR)})`;
  return `${formatMoney(cashMinor - heldMinor, INR)} can be used${held}`;
}

function movementText({ kind, amountMinor }: Pick<CashMovement, 'kind' | 'amountMinor'>): string {
  return `a ${kind} of ${formatMoney(amountMinor, INR)}`;
}

function timeOf(atMs: number): string {
  return istIso(atMs).slice(0, 19).replace('T', ' ');
}
