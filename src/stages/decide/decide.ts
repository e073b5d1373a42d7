// Decides a run page by page along the queue and hands each page to accept.
import type { CapUse } from '../../domain/decision/case.ts';
import { rateFor } from '../../domain/decision/charges.ts';
import type { RunFrame } from '../../domain/decision/inputs.ts';
import { clientOrderIdOf, planHashOf, planLine, queueHash } from '../../domain/ids.ts';
import type { UserSettings } from '../../domain/types.ts';
import type { DecisionToAccept } from '../../ports/store/arguments.ts';
import type { UserToImport } from '../../ports/store/import-arguments.ts';
import type { World } from '../../ports/world.ts';
import { acceptance, PAGE_USERS, type UserDecisions } from '../accept/accept.ts';
import type { RunToDecide } from '../scan/request.ts';
import { taskPool } from '../task-pool.ts';
import { decidedPage } from './decide-page.ts';
import type { Planned, QueuedAccount } from './planned.ts';
import { withVenueMargins } from './venue-margins.ts';

/** Pages that may be under way to the database while the next one is read and decided. */
const PAGES_BESIDE_NEXT = 2;

/**
 * Decides page by page and accepts each page: decisions, orders and holds in one transaction. Ends with the run decided,
 * or, once stopped, with the run still planning (false): the next call goes on with who is undecided.
 */
export async function decideAndAccept(world: World, run: RunToDecide, stop?: AbortSignal): Promise<boolean> {
  const { store, clock, emit } = world;
  const { runId, frame } = run;
  const pages = acceptance(world, runId);
  const accepting = taskPool(async (page: Planned[]) => {
    await pages.page(page.map((planned) => decisionsOf(frame, planned)));
    return true;
  });
  // A cap is used up along the queue, so there one page waits for the one before it.
  const besideNext = frame.limits.symbolCapMinor === null ? PAGES_BESIDE_NEXT : 0;
  let isStopped = false;
  try {
    for await (const page of planPages(world, run)) {
      isStopped = stop?.aborted === true;
      if (isStopped) break;
      accepting.start(page);
      await accepting.atMost(besideNext);
    }
  } catch (error) {
    // Where a page could not be accepted either, that came first and is what is told.
    await accepting.atMost(0);
    throw error;
  }
  await accepting.atMost(0);
  if (isStopped) return false;
  await pages.finish();
  const decided = await store.call('decide_run', { runId, nowMs: clock.nowMs() });
  emit({ type: 'run_decided', runId, planHash: decided.planHash });
  return true;
}

function decisionsOf(frame: RunFrame, planned: Planned): UserDecisions {
  const { accountId, settings } = planned.account;
  return { userId: settings.id, accountId, decisions: toAccept(frame, planned) };
}

/** The whole plan without writing anything: of a run that is not open yet, or what is left of an open one. */
export async function planOnly(world: World, run: RunToDecide): Promise<Planned[]> {
  const plan: Planned[] = [];
  for await (const page of planPages(world, run)) plan.push(...page);
  return plan;
}

/** The hash of a plan, with what an open run has already written of it. */
export async function hashOf(world: World, run: RunToDecide, plan: readonly Planned[]): Promise<string> {
  const written = await world.store.call('read_plan_lines', { runId: run.runId });
  return planHashOf([...written, ...plan.flatMap(({ decisions }) => decisions.map(planLine))]);
}

/** Pages of users in queue order, decided. Symbol caps are used up along the queue. */
async function* planPages(world: World, run: RunToDecide): AsyncGenerator<Planned[]> {
  const capUsed: CapUse = new Map(Object.entries(run.frame.capUsed));
  const pages = run.users ? [await overlaid(world, run, run.users)] : storedPages(world, run, null);
  for await (const page of pages) {
    const plan = decidedPage(world.emit, frameNow(world, run.frame), page, capUsed);
    yield await withVenueMargins(world, run.frame, plan);
  }
}

/** Time passes between pages: the cut-off and the age of prices are looked at anew for each. */
function frameNow(world: World, frame: RunFrame): RunFrame {
  return { ...frame, nowMs: world.clock.nowMs() };
}

async function* storedPages(world: World, run: RunToDecide, userIds: string[] | null): AsyncGenerator<QueuedAccount[]> {
  for (let afterQueuePosition = 0; ; ) {
    const page = await world.store.call('read_accounts', {
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
async function overlaid(world: World, run: RunToDecide, users: readonly UserToImport[]): Promise<QueuedAccount[]> {
  const stored = new Map<string, QueuedAccount>();
  for await (const page of storedPages(
    world,
    run,
    users.map(({ id }) => id),
  )) {
    for (const account of page) stored.set(account.settings.id, account);
  }
  return users
    .map((user) => ({ user, hash: queueHash(run.runId, user.id) }))
    .sort((a, b) => a.user.priority - b.user.priority || (a.hash < b.hash ? -1 : 1))
    .map(({ user }, index) => ({ ...overlay(run, user, stored.get(user.id)), queuePosition: index + 1 }));
}

function overlay(
  run: RunToDecide,
  user: UserToImport,
  stored: QueuedAccount | undefined,
): Omit<QueuedAccount, 'queuePosition'> {
  const { active = true, tradingEnabled = true, ...fileSettings } = user;
  const settings = { ...fileSettings, ...dailyLimits(fileSettings, stored?.settings) };
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

/** One user's decisions as `accept` wants them. */
export function toAccept(frame: RunFrame, { account, decisions }: Planned): DecisionToAccept[] {
  const { settings, accountId, queuePosition } = account;
  return decisions.map((decision) => {
    const side = frame.signals.find(({ signal }) => signal.id === decision.signalId)?.signal.side;
    const accepted = decision.outcome === 'accepted' && side !== undefined;
    return {
      ...decision,
      queuePosition,
      accountId,
      leverageCenti: settings.leverageCenti,
      rateId: accepted && decision.product ? rateFor(frame.rates, side, decision.product).id : null,
      clientOrderId: accepted ? clientOrderIdFor(frame, settings, decision.signalId) : null,
    };
  });
}

/** One id per account (user × venue × mode) and signal, whichever run or process makes it. */
export function clientOrderIdFor(frame: RunFrame, settings: UserSettings, signalId: string): string {
  return clientOrderIdOf(frame.mode, settings.venue, settings.id, signalId);
}
