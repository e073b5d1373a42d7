// The bench's cases in the order they run in.

import type { BenchCase } from './bench-case.ts';
import { growth } from './core/growth.ts';
import { ordersThrough } from './core/orders-through.ts';
import { plan } from './core/plan.ts';
import { plans } from './core/plans.ts';
import { statistics } from './core/statistics.ts';
import { hostile } from './http/hostile.ts';
import { http } from './http/http.ts';
import { floor } from './peers/floor.ts';
import { naive } from './peers/naive.ts';
import { cold } from './process/cold.ts';
import { embedded } from './process/embedded.ts';
import { memory } from './process/memory.ts';
import { notifying } from './sending/notifying.ts';
import { pickup } from './sending/pickup.ts';
import { spread } from './sending/spread.ts';
import { venue } from './sending/venue.ts';

/** Every case, in the order they run in. */
export const cases: readonly BenchCase[] = [
  plan,
  ordersThrough,
  floor,
  statistics,
  naive,
  venue,
  spread,
  notifying,
  http,
  hostile,
  pickup,
  growth,
  memory,
  embedded,
  cold,
  plans,
];
