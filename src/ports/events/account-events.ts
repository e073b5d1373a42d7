// What happens to accounts: readiness, logins, and the comparison of our books with the venues' and with themselves.
import type { Drift } from '../store/accounts.ts';
import type { Alert, Failure } from './severity.ts';

type AccountIds = { accountId: number; userId: string; venue: string };

export interface AccountEvents {
  /** the readiness check is over, with its counts */
  readiness_checked: { tradeDate: string; accounts: number; notReady: number; adjusted: number; external: number };
  /** a live account failed the readiness check and gets no orders; the reason says why */
  account_not_ready: AccountIds & { reason: string | null };
  /** accounts have no login today, and get no orders until they have one */
  login_missing: Alert<{ count: number; first: string }>;
  /** the readiness check failed: live accounts get no orders without it */
  ready_failed: Alert<Failure>;
  /** a user came back from a venue’s login; how it ended */
  venue_login: { venue: string; accountId: number; ended: string; reason: string | null };
  /** an account was checked right after its user logged in */
  checked_after_login: { accountId: number; ended: 'ready' | 'not_ready' | 'not_checked'; reason: string | null };
  /** the check that follows a login at a venue could not be made; `npm run ready` makes it */
  check_after_login_failed: Failure & { accountId: number };
  /** rows of a venue’s list are none of ours or can’t be read, and decide nothing */
  rows_left_out: AccountIds & { rows: number; first: string };
  /** one difference between an account’s books and its venue’s */
  drift: Pick<Drift, keyof Drift>;
  /** the books of accounts differ from their venue’s; the worst of it first */
  drift_found: Alert<{
    count: number;
    accounts: number;
    unknownOrders: number;
    first: string | undefined;
    corporateActions?: string;
  }>;
  /** the evening’s comparison of books and venues is over, with its counts */
  books_compared: { tradeDate: string; compared: number; notCompared: number; drifts: number };
  /** the evening’s comparison got no answer from the venue about this account; the reason says why */
  account_not_compared: AccountIds & { reason: string };
  /** accounts were not compared with their venue */
  books_not_compared: Alert<{ count: number; first: string }>;
  /** the books of a month that is over were closed, of how many accounts */
  books_closed: { through: string; accounts: number };
  /** the books of months that are over could not be closed */
  books_not_closed: Alert<Failure>;
  /** the books were checked against themselves; how many rules are broken */
  books_checked: { rules: number };
  /** the books break a rule: the first case of it, and how many more there are */
  books_broken: Alert<{
    about: string;
    subject: string;
    userId: string | undefined;
    ours: string;
    should: string;
    settle: string;
    more: number;
  }>;
  /** the books could not be checked against themselves */
  books_not_checked: Alert<Failure>;
  /** the evening’s comparison with the venues failed */
  sync_failed: Alert<Failure>;
}
