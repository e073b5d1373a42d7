// Computes every account's books from its facts and compares them with the database's.
import {
  type AccountFacts,
  type AccountModel,
  modelOf,
  type Position,
  positionKey,
} from '../../domain/account-model.ts';
import type { Audit, AuditDay, Difference } from '../../domain/audit.ts';
import type { CurrencyCode } from '../../domain/currency.ts';
import { addDays } from '../../domain/market/india-time.ts';
import { marketOfCurrency, msIn } from '../../domain/market/session.ts';
import type { FactsPage, StoredFacts } from '../../ports/store/money.ts';
import type { AuditStore } from './deps.ts';

/** Entries of the ledger per call: a few megabytes. */
const ENTRIES_PER_PAGE = 5_000;

/** Cash that a person or the venue's word on its funds moved; every other entry is of an order. */
const cashKinds: readonly string[] = ['deposit', 'withdrawal', 'adjustment'];

/**
 * Computes the books of every account a second time, from its facts up to the end of a day where its currency is traded, and compares. Where
 * nothing was told of an account since, the figures compared are those of the database now; else those its entries and
 * fills came to by then (it keeps no quantity, cost and margin of an earlier day).
 */
export async function audit(
  store: AuditStore,
  { tradeDate, mode, userId }: { tradeDate: string; mode: string | null; userId: string | null },
): Promise<Audit> {
  const days = new Map<CurrencyCode, AuditDay>();
  const done = { tradeDate, accounts: 0, orders: 0, fills: 0, entries: 0, figures: 0, days, differences: [] };
  for (let after: number | null = null; ; ) {
    const page: FactsPage = await store.call('read_facts', {
      mode,
      userId,
      after,
      entries: ENTRIES_PER_PAGE,
    });
    for (const account of page.accounts) auditAccount(account, done);
    if (page.next === null) return done;
    after = page.next;
  }
}

type Auditing = Audit & { days: Map<CurrencyCode, AuditDay> };

function auditAccount(account: StoredFacts, done: Auditing): void {
  const untilMs = msIn(marketOfCurrency(account.currency), addDays(done.tradeDate, 1), '00:00') - 1;
  const facts = factsOf(account);
  const model = modelOf(facts, untilMs);
  const entries = account.entries.filter((entry) => entry.atMs <= untilMs);
  const fills = account.fills.filter((fill) => fill.reportedAtMs <= untilMs);
  done.accounts += 1;
  done.orders += model.orders.size;
  done.fills += fills.length;
  done.entries += entries.length;
  addDay(account, model, done);
  const compared = new Compared(account, done);
  const isPresent =
    entries.length === account.entries.length &&
    fills.length === account.fills.length &&
    model.orders.size === account.orders.length;
  compareLedger(compared, entries, account, model);
  compareFills(compared, fills, account, model);
  if (isPresent) comparePresent(compared, account, model);
}

/** Writes down what differs, of one account. */
class Compared {
  readonly #of: Pick<Difference, 'userId' | 'venue' | 'mode' | 'currency'>;
  readonly #done: Audit;

  constructor({ userId, venue, mode, currency }: StoredFacts, done: Audit) {
    this.#of = { userId, venue, mode, currency };
    this.#done = done;
  }

  money(what: string, database: number | bigint, model: bigint | undefined): void {
    this.#compare(what, 'money', BigInt(database), model ?? 0n);
  }

  shares(what: string, database: number | bigint, model: bigint | undefined): void {
    this.#compare(what, 'shares', BigInt(database), model ?? 0n);
  }

  #compare(what: string, unit: Difference['unit'], database: bigint, model: bigint): void {
    this.#done.figures += 1;
    if (database !== model) this.#done.differences.push({ ...this.#of, what, unit, database, model });
  }
}

/** Cash and held as the entries say, of the account and of each order. */
function compareLedger(
  compared: Compared,
  entries: StoredFacts['entries'],
  account: StoredFacts,
  model: AccountModel,
): void {
  const removedMinor = BigInt(account.opening?.cashMinor ?? 0);
  const cashMinor = sum(entries.map((entry) => entry.cashMinor)) + removedMinor;
  compared.money('cash by its entries', cashMinor, model.cashMinor);
  compared.money('held by its entries', sum(entries.map((entry) => entry.heldMinor)), model.heldMinor);
  const names = orderNames(account);
  const ofOrders = Map.groupBy(
    entries.filter(({ kind }) => !cashKinds.includes(kind)),
    ({ orderId }) => orderId,
  );
  for (const orderId of new Set([...model.orders.keys(), ...ofOrders.keys()])) {
    const booked = ofOrders.get(orderId) ?? [];
    const expected = orderId === null ? undefined : model.orders.get(orderId);
    const cash = sum(booked.map((entry) => entry.cashMinor));
    const held = sum(booked.map((entry) => entry.heldMinor));
    compared.money(`cash of ${names(orderId)}`, cash, expected?.cashMinor);
    compared.money(`held of ${names(orderId)}`, held, expected?.heldMinor);
  }
}

/** What each fill is said to have realised and freed, and what each position realised with them. */
function compareFills(
  compared: Compared,
  fills: StoredFacts['fills'],
  account: StoredFacts,
  model: AccountModel,
): void {
  const names = orderNames(account);
  for (const fill of fills) {
    const expected = model.fills.get(fill.fillId);
    const name = `fill ${fill.fillId} of ${names(fill.orderId)}`;
    compared.money(`value of ${name}`, fill.valueMinor, expected?.valueMinor);
    compared.money(`profit or loss of ${name}`, fill.realisedMinor, expected?.realisedMinor);
    compared.money(`margin freed by ${name}`, fill.freedMarginMinor, expected?.freedMarginMinor);
  }
  for (const [key, rows] of Map.groupBy(fills, positionKey)) {
    const realised = sum(rows.map((fill) => fill.realisedMinor));
    const before = account.opening?.positions.find((one) => positionKey(one) === key)?.realisedMinor ?? 0;
    const expected = (model.positions.get(key)?.realisedMinor ?? 0n) - BigInt(before);
    compared.money(`profit or loss of ${listingOf(rows[0])}`, realised, expected);
  }
}

/** The figures the database keeps up to date. */
function comparePresent(compared: Compared, account: StoredFacts, model: AccountModel): void {
  compared.money('cash', account.cashMinor, model.cashMinor);
  compared.money('held', account.heldMinor, model.heldMinor);
  for (const order of account.orders) {
    const expected = model.orders.get(order.orderId);
    const name = `order ${order.clientOrderId}`;
    compared.shares(`filled of ${name}`, order.filledQuantity, expected?.filledQuantity);
    compared.money(`value filled of ${name}`, order.filledValueMinor, expected?.filledValueMinor);
    compared.money(`given back by ${name}`, order.releasedMinor, expected?.releasedMinor);
    if (order.endedAtMs !== null) compared.money(`charges of ${name}`, order.chargesMinor, expected?.chargesMinor);
  }
  const kept = new Map(account.positions.map((position) => [positionKey(position), position]));
  const named = new Map([...account.fills, ...account.positions].map((row) => [positionKey(row), listingOf(row)]));
  for (const [key, name] of named) {
    const position = kept.get(key) ?? { quantity: 0, costMinor: 0, marginMinor: 0 };
    const expected = model.positions.get(key);
    compared.shares(`quantity of ${name}`, position.quantity, expected?.quantity);
    compared.money(`cost of ${name}`, position.costMinor, expected?.costMinor);
    compared.money(`margin of ${name}`, position.marginMinor, expected?.marginMinor);
  }
}

/** Adds what happened to the account on the day: its orders and fills by their trade date, money by when it moved. */
function addDay(account: StoredFacts, model: AccountModel, { tradeDate, days }: Auditing): void {
  const none = { orders: 0, fills: 0, cashInMinor: 0n, cashOutMinor: 0n, chargesMinor: 0n, realisedMinor: 0n };
  const day = days.get(account.currency) ?? none;
  days.set(account.currency, day);
  const market = marketOfCurrency(account.currency);
  const fromMs = msIn(market, tradeDate, '00:00');
  const untilMs = msIn(market, addDays(tradeDate, 1), '00:00');
  for (const { kind, cashMinor, atMs } of account.entries) {
    if (!cashKinds.includes(kind) || atMs < fromMs || atMs >= untilMs) continue;
    if (cashMinor > 0) day.cashInMinor += BigInt(cashMinor);
    else day.cashOutMinor -= BigInt(cashMinor);
  }
  for (const order of account.orders.filter((one) => one.tradeDate === tradeDate)) {
    day.orders += 1;
    day.chargesMinor += model.orders.get(order.orderId)?.chargesMinor ?? 0n;
  }
  for (const fill of account.fills.filter((one) => one.tradeDate === tradeDate)) {
    day.fills += 1;
    day.realisedMinor += model.fills.get(fill.fillId)?.realisedMinor ?? 0n;
  }
}

function factsOf({ entries, orders, fills, opening }: StoredFacts): AccountFacts {
  return {
    opening: new Map(opening?.positions.map((one) => [positionKey(one), heldOf(one)])),
    cash: entries
      .filter(({ kind }) => cashKinds.includes(kind))
      .map(({ cashMinor, atMs }) => ({ cashMinor: BigInt(cashMinor), atMs }))
      .concat(opening ? [{ cashMinor: BigInt(opening.cashMinor), atMs: 0 }] : []),
    orders: orders.map(({ rate, ...order }) => ({
      ...order,
      leverageCenti: BigInt(order.leverageCenti),
      holdMinor: BigInt(order.holdMinor),
      rate: {
        transactionTaxPpb: BigInt(rate.transactionTaxPpb),
        exchangePpb: BigInt(rate.exchangePpb),
        regulatorPpb: BigInt(rate.regulatorPpb),
        stampPpb: BigInt(rate.stampPpb),
        brokeragePpb: BigInt(rate.brokeragePpb),
        brokerageCapMinor: BigInt(rate.brokerageCapMinor),
        gstBps: BigInt(rate.gstBps),
      },
    })),
    fills: fills.map((fill) => ({ ...fill, quantity: BigInt(fill.quantity), priceMinor: BigInt(fill.priceMinor) })),
  };
}

/** `order abc`; `nothing ordered` for what came from outside; by its number where there is no such order. */
function orderNames({ orders }: StoredFacts): (orderId: number | null) => string {
  const names = new Map(orders.map(({ orderId, clientOrderId }) => [orderId, clientOrderId]));
  return (orderId) =>
    orderId === null ? 'nothing ordered' : `order ${names.get(orderId) ?? `number ${orderId}, which is not there`}`;
}

function listingOf(row: { exchange: string; symbol: string; product: string } | undefined): string {
  return row === undefined ? '' : `${row.exchange}:${row.symbol} ${row.product}`;
}

function sum(amounts: readonly number[]): bigint {
  return amounts.reduce((total, amount) => total + BigInt(amount), 0n);
}

function heldOf(one: NonNullable<StoredFacts['opening']>['positions'][number]): Position {
  return {
    quantity: BigInt(one.quantity),
    costMinor: BigInt(one.costMinor),
    marginMinor: BigInt(one.marginMinor),
    realisedMinor: BigInt(one.realisedMinor),
    boundMinor: BigInt(one.marginMinor) + BigInt(one.freedMarginMinor),
  };
}
