// The rules a signal has to pass for a user, in the contract's order: eligibility, then limits.

import type { Currency } from '../currency.ts';
import { bandProvesBasis, corporateActionText } from '../market/corporate-actions.ts';
import { currencyOfExchange } from '../market/session.ts';
import { foldedSymbol, instrumentKey, type Listing } from '../market/share.ts';
import { formatHundredths, formatMinor, LARGEST_MINOR, LARGEST_PRICE_MINOR } from '../money.ts';
import type { Quote } from '../types.ts';
import { placesOf, valueUp } from '../value.ts';
import type { Case, Finding, Rule, RuleTable, SizedCase } from './case.ts';
import { dayResult } from './day-result.ts';
import type { OpenPosition, RunFrame } from './inputs.ts';
import { limitOutsideBand } from './limit-band.ts';
import { quoteAgeFault } from './quote-age.ts';
import { capPriceOf, exactMargin } from './sizing.ts';

const when = (applies: boolean, actual: string | null = null): Finding | null =>
  applies ? { limit: null, actual } : null;

/** Limits on entering never keep anybody from leaving. */
const forBuys =
  <C extends Case>(rule: Rule<C>): Rule<C> =>
  (c) =>
    c.planned.signal.side === 'BUY' ? rule(c) : null;

const forSells =
  <C extends Case>(rule: Rule<C>): Rule<C> =>
  (c) =>
    c.planned.signal.side === 'SELL' ? rule(c) : null;

/** Not eligible; nothing is asked of the limits. Checked in this order, which is the contract's; the first stands. */
export const skipRules = {
  user_inactive: ({ account }) => when(!account.active),
  trading_disabled: ({ account }) => when(!account.tradingEnabled),
  not_subscribed: notSubscribed,
  no_account_in_currency: noAccountInCurrency,
  account_not_ready: ({ account }) => when(account.notReady !== null, account.notReady),
  already_decided: ({ standing, planned }) => when(standing.decided.has(planned.signal.id)),
  already_holding: forBuys(alreadyHolding),
  working_order: ({ standing, planned }) => when(standing.working.has(planned.share)),
  no_position: forSells(noPosition),
  symbol_not_allowed: symbolNotAllowed,
} satisfies RuleTable<Case>;

/** Refused before anything is sized, after every skip. The contract's order. */
export const denyRules = {
  halted: ({ frame, account }) => when((frame.halted ?? account.halted) !== null, frame.halted ?? account.halted),
  cut_off: ({ frame }) => when(frame.nowMs >= frame.cutOffMs),
  signal_expired: signalExpired,
  price_unavailable: (c) => quoteFault(c.planned.quote, c.frame, currencyOf(c)) ?? forBuys(referenceOfBefore)(c),
  price_outside_band: forBuys(priceOutsideBand),
  margin_unavailable: marginUnavailable,
  instrument_restricted: instrumentRestricted,
  daily_loss_limit: forBuys(dailyLossLimit),
  max_open_positions: forBuys(maxOpenPositions),
} satisfies RuleTable<Case>;

/** Refused at the size it would have. The contract's order, after `denyRules`. */
export const sizedDenyRules = {
  quantity_zero: quantityZero,
  below_min_value: forBuys((c) => below(c.frame.limits.minOrderValueMinor, c.exposureMinor, currencyOf(c))),
  max_order_value: (c) => forBuys(maxOrderValue)(c) ?? beyondExact(c),
  max_orders_per_day: forBuys(maxOrdersPerDay),
  freeze_quantity: forBuys(freezeQuantity),
  symbol_cap: forBuys(symbolCap),
  insufficient_funds: forBuys((c) => above(c.standing.availableMinor, c.holdMinor, currencyOf(c))),
} satisfies RuleTable<SizedCase>;

/** What the amounts of a case are in: its signal's instrument is priced in it. */
const currencyOf = ({ planned }: Pick<Case, 'planned'>): Currency => currencyOfExchange(planned.signal.exchange);

function above(limitMinor: number | null, actualMinor: number | bigint, currency: Currency): Finding | null {
  if (limitMinor === null || actualMinor <= limitMinor) return null;
  return { limit: formatMinor(limitMinor, currency), actual: formatMinor(actualMinor, currency) };
}

function below(limitMinor: number, actualMinor: number | bigint, currency: Currency): Finding | null {
  if (actualMinor >= limitMinor) return null;
  return { limit: formatMinor(limitMinor, currency), actual: formatMinor(actualMinor, currency) };
}

/** Who asks for an order themselves needs no subscription. */
function notSubscribed({ account, planned }: Case): Finding | null {
  if (planned.requested) return null;
  return when(account.strategies !== null && !account.strategies.includes(planned.signal.strategy));
}

function alreadyHolding({ standing, planned }: Case): Finding | null {
  const held = standing.held.get(planned.share);
  return held ? { limit: null, actual: String(held.reduce((sum, { quantity }) => sum + BigInt(quantity), 0n)) } : null;
}

const heldOf = ({ standing, planned }: Pick<Case, 'standing' | 'planned'>): OpenPosition[] =>
  (standing.held.get(planned.share) ?? []).filter(({ quantity }) => quantity > 0);

/**
 * What a sale is taken from: one listing in one product, since an order has one of each. Of several the one that has as
 * much as is asked for, then the signal's own listing, then the largest; null where nothing is held, or where nobody said
 * how much to sell of several: one order can't close them.
 */
export function soldFrom(c: Pick<Case, 'standing' | 'planned'>): OpenPosition | null {
  const held = heldOf(c);
  const { requested, signal } = c.planned;
  const wanted = requested?.quantity ?? null;
  if (wanted === null && held.length > 1) return null;
  const rank = (one: OpenPosition) =>
    (one.quantity >= (wanted ?? 0) ? 2 : 0) + (instrumentKey(one) === instrumentKey(signal) ? 1 : 0);
  return held.toSorted((a, b) => rank(b) - rank(a) || b.quantity - a.quantity)[0] ?? null;
}

/** No shorts: who asks to sell more than is held is told what is; so is who holds it under several listings or products. */
function noPosition(c: Case): Finding | null {
  const wanted = c.planned.requested?.quantity ?? null;
  const from = soldFrom(c);
  if (wanted !== null) {
    const largest = Math.max(0, ...heldOf(c).map(({ quantity }) => quantity));
    return from && largest >= wanted ? null : { limit: String(largest), actual: String(wanted) };
  }
  if (from) return null;
  const held = heldOf(c);
  const isOneListing = new Set(held.map(instrumentKey)).size === 1;
  const names = held.map((one) => `${one.quantity} ${instrumentKey(one)}${isOneListing ? ` ${one.product}` : ''}`);
  return when(true, names.join(', ') || null);
}

/** What a user may buy; whatever they hold, they may sell. */
function symbolNotAllowed({ account, planned }: Case): Finding | null {
  // A list names shares: TITAN is TITAN-BE, too.
  const { exchange, symbol, side } = planned.signal;
  if (side === 'SELL') return null;
  const share = foldedSymbol({ exchange, symbol });
  const names = (list: readonly string[]) => {
    return list.includes(symbol) || list.some((one) => foldedSymbol({ exchange, symbol: one }) === share);
  };
  return when((account.allowSymbols !== null && !names(account.allowSymbols)) || names(account.denySymbols));
}

function signalExpired({ frame, planned }: Case): Finding | null {
  const { validUntilMs } = planned.signal;
  return when(validUntilMs !== null && validUntilMs <= frame.nowMs);
}

/** Why nobody may trade on this quote; ages are whole seconds. Reads fail closed: no guess stands in for a price. */
function quoteFault(quote: Quote | null | undefined, { nowMs, limits }: RunFrame, currency: Currency): Finding | null {
  if (!quote) return { limit: null, actual: null };
  if (quote.priceMinor <= 0) return { limit: null, actual: formatMinor(quote.priceMinor, currency) };
  if (quote.priceMinor > LARGEST_PRICE_MINOR) return above(LARGEST_PRICE_MINOR, quote.priceMinor, currency);
  const age = quoteAgeFault(quote, nowMs, limits);
  if (age) return { limit: String(age.limitSeconds), actual: String(age.ageSeconds) };
  // A price beyond its own circuit limits contradicts itself, and no order could be sent that reaches it.
  if (quote.lowerCircuitMinor !== null && quote.priceMinor < quote.lowerCircuitMinor) {
    return below(quote.lowerCircuitMinor, quote.priceMinor, currency);
  }
  return above(quote.upperCircuitMinor, quote.priceMinor, currency);
}

/**
 * On the ex-date of a corporate action: a signal's reference price was made before it, at a price the share no longer
 * has, unless the band can tell the two apart: then a price inside it proves a reference of after it. Who asks for an
 * order themselves names a price of now.
 */
function referenceOfBefore(c: Case): Finding | null {
  const { action, requested } = c.planned;
  if (!action || requested || bandProvesBasis(action, c.frame.limits.priceBandBps)) return null;
  return { limit: null, actual: corporateActionText(action) };
}

/** Percent from the reference price; exactly the band is still inside. A limit somebody named has a band of its own. */
function priceOutsideBand(c: Case): Finding | null {
  const { frame, planned, priceMinor } = c;
  const namedMinor = planned.requested?.limitPriceMinor ?? null;
  if (namedMinor !== null) return limitOutsideBand(namedMinor, c);
  const reference = planned.signal.referencePriceMinor;
  const bandBps = frame.limits.priceBandBps;
  const movedBy10k = BigInt(Math.abs(priceMinor - reference)) * 10_000n;
  if (movedBy10k <= BigInt(bandBps) * BigInt(reference)) return null;
  if (reference <= 0) return { limit: formatHundredths(bandBps), actual: null };
  const nearestBps = (2n * movedBy10k + BigInt(reference)) / (2n * BigInt(reference));
  // Never "3.00 is beyond 3.00": a move that rounds to the band is shown as the next hundredth.
  const movedBps = nearestBps > bandBps ? nearestBps : BigInt(bandBps + 1);
  return { limit: formatHundredths(bandBps), actual: formatHundredths(priceMinor < reference ? -movedBps : movedBps) };
}

/** Their account of this run is in one currency, and the signal in another; who has no account at all is not ready. */
function noAccountInCurrency(c: Case): Finding | null {
  const { currency } = c.account;
  return when(currency !== null && currency !== currencyOf(c).code, currency);
}

function marginUnavailable({ account }: Case): Finding | null {
  return when(account.settings.leverageCenti < 100 || account.settings.capitalMinor <= 0);
}

/** A restriction is on entering; an instrument nobody knows can't be sold either, its tick and lot would be a guess. */
function instrumentRestricted({ frame, planned }: Case): Finding | null {
  if (planned.instrument === null) return when(frame.mode === 'live' || frame.instrumentsKnown, 'unknown instrument');
  const { restricted, quantityScale, priceScale } = planned.instrument;
  // Sized, held and booked are whole shares at prices in minor units: nothing is traded that would be valued wrong.
  if (quantityScale + priceScale > 0) return when(true, 'trades in parts of a share or of a minor unit');
  return when(restricted !== null && planned.signal.side === 'BUY', restricted);
}

function dailyLossLimit(c: Case): Finding | null {
  const { frame, account } = c;
  const { capitalMinor, dailyLossLimitBps } = account.settings;
  if (dailyLossLimitBps === null) return null;
  const floorMinor = -((BigInt(capitalMinor) * BigInt(dailyLossLimitBps) + 9_999n) / 10_000n);
  const todayMinor = dayResult(account, (listing) => soundQuoteOf(frame, listing));
  const limit = formatMinor(floorMinor, currencyOf(c));
  if (todayMinor === null) return { limit, actual: null };
  if (todayMinor > floorMinor) return null;
  return { limit, actual: formatMinor(todayMinor, currencyOf(c)) };
}

/** The quote of that listing, else of the share as a signal names it; null where nobody may trade on it. */
function soundQuoteOf(frame: RunFrame, listing: Listing & { share: string }): Quote | null {
  const sameShare = () => frame.signals.find(({ share, quote }) => quote !== null && share === listing.share);
  const quote = frame.quotes.get(instrumentKey(listing)) ?? sameShare()?.quote ?? null;
  return quoteFault(quote, frame, currencyOfExchange(listing.exchange)) ? null : quote;
}

function maxOpenPositions({ account, standing }: Case): Finding | null {
  const max = account.settings.maxOpenPositions;
  if (max === null || standing.open.size < max) return null;
  return { limit: String(max), actual: String(standing.open.size) };
}

function quantityZero(c: SizedCase): Finding | null {
  const { account, instrument, priceMinor, quantity, budgetMinor } = c;
  if (quantity > 0) return null;
  const oneLot = valueUp(BigInt(instrument.lotSize), BigInt(priceMinor), placesOf(instrument));
  const oneLotMinor = exactMargin(oneLot, account.settings.leverageCenti);
  return { limit: formatMinor(budgetMinor, currencyOf(c)), actual: formatMinor(oneLotMinor, currencyOf(c)) };
}

/** The run's limit and the user's own, on what the order may cost: at its limit price, named or protected. */
function maxOrderValue(c: SizedCase): Finding | null {
  const { frame, account, worthMinor } = c;
  const own = account.settings.maxOrderValueMinor ?? null;
  const limits = [frame.limits.maxOrderValueMinor, own].filter((limit) => limit !== null);
  return limits.length === 0 ? null : above(Math.min(...limits), worthMinor, currencyOf(c));
}

/** Nobody's limit but arithmetic's, so it holds for sales too: what an order is worth must be told exactly everywhere. */
function beyondExact(c: SizedCase): Finding | null {
  const { worthMinor, exposureMinor } = c;
  return above(LARGEST_MINOR, worthMinor > exposureMinor ? worthMinor : exposureMinor, currencyOf(c));
}

/** Whether a decision says that its user's numbers are too large to compute with: no setting anybody means to have. */
export function isBeyondExact({ reason, limit }: { reason: string | null; limit: string | null }): boolean {
  // Whatever the currency: only where its figures have their point differs.
  return reason === 'max_order_value' && limit?.replace('.', '') === String(LARGEST_MINOR);
}

function maxOrdersPerDay({ account, standing }: SizedCase): Finding | null {
  const max = account.settings.maxOrdersPerDay ?? null;
  if (max === null || standing.ordersToday < max) return null;
  return { limit: String(max), actual: String(standing.ordersToday) };
}

function freezeQuantity({ instrument, quantity }: SizedCase): Finding | null {
  const freeze = instrument.freezeQuantity;
  return freeze === null || quantity <= freeze ? null : { limit: String(freeze), actual: String(quantity) };
}

function symbolCap(c: SizedCase): Finding | null {
  const { frame, capUsed, planned, quantity, priceMinor, instrument } = c;
  const useMinor = valueUp(quantity, BigInt(capPriceOf(planned, priceMinor)), placesOf(instrument));
  const usedMinor = BigInt(capUsed.get(planned.share) ?? 0);
  return above(frame.limits.symbolCapMinor, usedMinor + useMinor, currencyOf(c));
}
