// Takes off an account what an operator has seen of its drifts and blocks.
import type { Actor } from '../../domain/actions.ts';
import { type CurrencyCode, currencies } from '../../domain/currency.ts';
import { currencyOfExchange } from '../../domain/market/session.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { Mode } from '../../domain/types.ts';
import type { Acknowledged, Blocks } from '../../ports/store/accounts.ts';
import type { Store } from '../../ports/store/store.ts';
import { type Refusal, refusal } from '../refusal.ts';

export interface Acknowledging {
  userId: string;
  venue: string;
  mode: Mode;
  /** null: that of the only account that is blocked. */
  currency: CurrencyCode | null;
  /** What the operator has seen, by the names the list gives it: `d12,d13,b88`. */
  acknowledgedIds: string | undefined;
  nowMs: number;
  by: Actor;
}

/**
 * Takes what an operator has seen off an account, and nothing that came later. Without `seen` it changes nothing and
 * says what there is to see. Gives what was done, in sentences.
 */
export async function acknowledge(
  store: Store,
  { acknowledgedIds, ...account }: Acknowledging,
): Promise<string[] | Refusal> {
  const all = await store.call('read_blocks', { userId: account.userId });
  const [here, ...others] = all.filter(
    ({ venue, mode, currency }) =>
      venue === account.venue && mode === account.mode && currency === (account.currency ?? currency),
  );
  if (here && others.length > 0) {
    const codes = [here, ...others].map(({ currency }) => currency).join(' or ');
    return refusal('bad_flag', `Several accounts at ${account.venue} are blocked: say --currency ${codes}.`);
  }
  if (acknowledgedIds === undefined)
    return here ? refusal('not_seen', notAcknowledged(account, here)) : nothing(account);
  const named = itemsOf(acknowledgedIds);
  if (!named)
    return refusal(
      'bad_flag',
      `--seen is a list such as d12,d13,b88, as the account shows it, not ${acknowledgedIds}.`,
    );
  const currency = here?.currency ?? account.currency ?? currencies.INR.code;
  const done = await store.call('acknowledge_account', { ...account, currency, ...named });
  if (!done.changed && done.waiting.length === 0) return nothing(account);
  return sentences(account, done);
}

function notAcknowledged(account: Omit<Acknowledging, 'acknowledgedIds' | 'nowMs' | 'by'>, block: Blocks): string {
  return `Look at what blocks the ${account.mode} account at ${account.venue}, then say that you have seen it:\n${blockText(account.userId, block)}`;
}

function nothing({ venue, mode }: Pick<Acknowledging, 'venue' | 'mode'>): Refusal {
  return refusal(
    'not_acknowledged',
    `There is nothing of this to acknowledge in the ${mode} account at ${venue}: it does not exist, is not blocked, has less cash than it holds for open orders, or is blocked for something that came later.`,
  );
}

/** `d12`: the drift 12; `b88`: what blocks the account, as it was at entry 88 of its ledger. */
function itemsOf(list: string): { driftIds: number[]; snapshotEntryId: number | null } | null {
  const names = list.split(',').map((name) => /^([db])(\d{1,15})$/.exec(name.trim()));
  if (names.some((name) => name === null)) return null;
  const numbers = (prefix: string) => names.flatMap((name) => (name?.[1] === prefix ? [Number(name[2])] : []));
  const entries = numbers('b');
  return { driftIds: numbers('d'), snapshotEntryId: entries.length === 0 ? null : Math.max(...entries) };
}

function sentences({ venue }: Pick<Acknowledging, 'venue'>, done: Acknowledged): string[] {
  const { acknowledged, booked, waiting } = done;
  return [
    ...acknowledged.map((id) => `Acknowledged d${id}.`),
    ...booked.map(({ exchange, symbol, quantity, priceMinor }) => {
      const what = `${quantity} ${exchange}:${symbol}`;
      return `${what} that are not at ${venue} are out of our books, at what they cost (${formatMoney(priceMinor, currencyOfExchange(exchange))} each).`;
    }),
    ...waiting.map((id) => `d${id} stays: an order for this share is still open.`),
  ];
}

const followsVenue = '; acknowledged, our books follow the venue’s';
const leavesNothing = '; acknowledged, the missing shares count as delivered past us, at what they were sold for';

/** What blocks an account, with the command that acknowledges just this. */
export function blockText(userId: string, { venue, currency, block, snapshotEntryId, drifts }: Blocks): string {
  const which = currency === 'INR' ? '' : ` --currency ${currency}`;
  const names = [...drifts.map(({ driftId }) => `d${driftId}`), ...(block === null ? [] : [`b${snapshotEntryId}`])];
  const lines = [
    ...drifts.map(({ driftId, kind, what, ours, theirs }) => {
      const after = { position: followsVenue, oversold: leavesNothing }[String(kind)] ?? '';
      return `    d${driftId}  ${kind} ${what}: ours ${ours}, theirs ${theirs}${after}`;
    }),
    ...(block === null ? [] : [`    b${snapshotEntryId}  ${block}`]),
    `    seen: npm run account -- --user ${userId} --acknowledge ${venue}${which} --seen ${names.join(',')}`,
  ];
  return lines.join('\n');
}
