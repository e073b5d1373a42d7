// The settings of sending orders: how many at once, and when a breaker opens.
import type { z } from 'zod';
import type { BreakerLimits } from '../domain/decision/inputs.ts';
import { whole } from './shapes.ts';

/** How many orders go at once, and when sends that fail are stopped. */
export const sendingVariables = {
  CONCURRENCY: whole(1, 1000).prefault('50'),
  ACCOUNT_SLOTS: whole(1, 1000).prefault('5'),
  BREAKER_MIN_ORDERS: whole(1, 10_000).prefault('10'),
  BREAKER_PCT: whole(1, 100).prefault('50'),
  BREAKER_MIN_ACCOUNTS: whole(1, 10_000).prefault('3'),
  BREAKER_ACCOUNTS_PCT: whole(1, 100).prefault('50'),
  BREAKER_ACCOUNT_MIN_ORDERS: whole(1, 10_000).prefault('5'),
  BREAKER_PAUSE_SECONDS: whole(1, 300).prefault('5'),
};

type Sending = { [Name in keyof typeof sendingVariables]: z.infer<(typeof sendingVariables)[Name]> };

/** The thresholds a run is frozen with. */
export function breakerLimits(e: Sending): BreakerLimits {
  return {
    breakerMinOrders: e.BREAKER_MIN_ORDERS,
    breakerPct: e.BREAKER_PCT,
    breakerMinAccounts: e.BREAKER_MIN_ACCOUNTS,
    breakerAccountsPct: e.BREAKER_ACCOUNTS_PCT,
    breakerAccountMinOrders: e.BREAKER_ACCOUNT_MIN_ORDERS,
    breakerPauseMs: e.BREAKER_PAUSE_SECONDS * 1000,
  };
}
