import { cold } from './cold.ts';
import { embedded } from './embedded.ts';
import type { BenchCase } from './frame.ts';
import { growth } from './growth.ts';
import { hostile } from './hostile.ts';
import { http } from './http.ts';
import { memory } from './memory.ts';
import { naive } from './naive.ts';
import { ordersThrough } from './orders-through.ts';
import { pickup } from './pickup.ts';
import { plan } from './plan.ts';
import { plans } from './plans.ts';
import { spread } from './spread.ts';
import { venue } from './venue.ts';

/** Every case, in the order they run in. */
export const cases: readonly BenchCase[] = [
  plan,
  ordersThrough,
  naive,
  venue,
  spread,
  http,
  hostile,
  pickup,
  growth,
  memory,
  embedded,
  cold,
  plans,
];
