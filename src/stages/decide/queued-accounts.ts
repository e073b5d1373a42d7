// Reads the users of a run in their queue order, page by page; for a dry run as the import would leave them.
import type { CurrencyCode } from '../../domain/currency.ts';
import { queueHash } from '../../domain/ids.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import type { UserSettings } from '../../domain/types.ts';
import type { UserToImport } from '../../ports/store/imports.ts';
import type { QueuedAccount } from '../../ports/store/runs.ts';
import type { RunToDecide } from '../scan/request.ts';
import type { DecideDeps } from './deps.ts';
import { PAGE_USERS } from './planned.ts';

/** Pages of users in queue order. */
export async function* queuedAccounts(deps: DecideDeps, run: RunToDecide): AsyncGenerator<QueuedAccount[]> {
  if (run.users) yield await overlaid(deps, run, run.users);
  else yield* storedPages(deps, run, null);
}

async function* storedPages(
  deps: DecideDeps,
  run: RunToDecide,
  userIds: string[] | null,
): AsyncGenerator<QueuedAccount[]> {
  for (let afterQueuePosition = 0; ; ) {
    const page = await deps.store.call('read_accounts', {
      runId: run.runId,
      frozen: run.state !== null,
      mode: run.frame.mode,
      tradeDate: run.session.date,
      userIds,
      signalIds: run.frame.signals.map(({ signal }) => signal.id),
      countDay: userIds !== null,
      afterQueuePosition,
      limit: PAGE_USERS,
    });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    if (page.length < PAGE_USERS) return;
    afterQueuePosition = last.queuePosition;
  }
}

/** A dry run's users as the import would leave them: stored state under the file's settings, new users with their deposit. */
async function overlaid(deps: DecideDeps, run: RunToDecide, users: readonly UserToImport[]): Promise<QueuedAccount[]> {
  const stored = new Map<string, QueuedAccount>();
  for await (const page of storedPages(
    deps,
    run,
    users.map(({ id }) => id),
  )) {
    for (const account of page) stored.set(account.settings.id, account);
  }
  return rowsOfRun(run, users)
    .map(({ user, priority }) => ({ user, priority, hash: queueHash(run.runId, user.id) }))
    .sort((a, b) => a.priority - b.priority || (a.hash < b.hash ? -1 : 1))
    .map(({ user }, index) => ({ ...overlay(run, user, stored.get(user.id)), queuePosition: index + 1 }));
}

/** Of each user's rows the one in the run's currency, else the first; their priority is that of their rupees, else of the first. */
function rowsOfRun({ runId }: RunToDecide, users: readonly UserToImport[]) {
  const { code } = currencyOfRun(runId);
  return [...Map.groupBy(users, ({ id }) => id).values()].flatMap((rows) => {
    const inCurrency = (wanted: CurrencyCode) => rows.find(({ currency = 'INR' }) => currency === wanted) ?? rows[0];
    const user = inCurrency(code);
    return user ? [{ user, priority: inCurrency('INR')?.priority ?? user.priority }] : [];
  });
}

function overlay(
  run: RunToDecide,
  user: UserToImport,
  stored: QueuedAccount | undefined,
): Omit<QueuedAccount, 'queuePosition'> {
  const { active = true, tradingEnabled = true, currency = 'INR', ...fileSettings } = user;
  const settings = { ...fileSettings, ...dailyLimits(fileSettings, stored?.settings) };
  // What a file says of another currency says nothing of the account that trades here.
  if (stored && stored.currency !== null && currency !== currencyOfRun(run.runId).code) return stored;
  // A user who changes venue gets a new account there, as the import would open it.
  if (stored && stored.accountId !== null && stored.settings.venue === settings.venue) return { ...stored, settings };
  const paper = run.frame.mode === 'paper';
  return {
    accountId: null,
    settings,
    active: stored?.active ?? active,
    tradingEnabled: stored?.tradingEnabled ?? tradingEnabled,
    strategies: stored?.strategies ?? null,
    allowSymbols: stored?.allowSymbols ?? null,
    denySymbols: stored?.denySymbols ?? [],
    currency,
    notReady: paper ? null : 'not connected yet',
    halted: stored?.halted ?? null,
    availableMinor: paper ? settings.capitalMinor : 0,
    today: { traded: [], chargesMinor: '0' },
    ordersToday: stored?.ordersToday ?? 0,
    positions: [],
    working: [],
    decidedSignalIds: [],
  };
}

/** As the import would leave them: what the file says nothing of stays. */
function dailyLimits(fileSettings: UserSettings, stored: QueuedAccount['settings'] | undefined) {
  const { maxOrdersPerDay = stored?.maxOrdersPerDay ?? null } = fileSettings;
  const { maxOrderValueMinor = stored?.maxOrderValueMinor ?? null } = fileSettings;
  return { maxOrdersPerDay, maxOrderValueMinor };
}
