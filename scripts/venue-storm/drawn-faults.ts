// Draws the faults a simulated venue has in a storm from its seed.
import { createHash } from 'node:crypto';
import { type Chance, chanceOf } from '../../test/simulation/common/chance.ts';
import {
  type Exchange,
  type FaultName,
  type FaultPlan,
  faultNames,
  readFaultNames,
} from '../../test/simulators/venues/exchange.ts';

/** Faults that were drawn, with what each order and each kind of read had to suffer. */
export interface DrawnFaults extends FaultPlan {
  /** By client order id, one for each time it was sent. */
  orders: ReadonlyMap<string, readonly (FaultName | null)[]>;
  reads: { all: number; faulty: number };
}

/** What a lookup reads at the three venues; readiness and the evening's comparison read some of it, too. */
const lookups = new Set([
  ...['/orders', '/trades', '/orderbook', '/tradebook'],
  ...['/v2/orders:by_client_order_id', '/v2/account/activities/FILL'],
]);

/**
 * Faults for `percent` of all submissions and lookups. Each is drawn from the seed, the order (or the account) and how
 * often it has come, so that the order in which requests happen to arrive changes nothing.
 */
export function drawFaults({ unsupported }: Exchange, seed: number, percent: number): DrawnFaults {
  const kinds = faultNames.filter((name) => unsupported[name] === undefined);
  const orders = new Map<string, (FaultName | null)[]>();
  const read = new Map<string, number>();
  const reads = { all: 0, faulty: 0 };
  return {
    orders,
    reads,
    order(clientOrderId) {
      const before = orders.get(clientOrderId) ?? [];
      const chance = chanceFor(`${seed} ${clientOrderId} ${before.length}`);
      const fault = chance.happens(percent / 100) ? chance.pick(kinds) : null;
      orders.set(clientOrderId, [...before, fault]);
      return fault;
    },
    read(account, path) {
      if (!lookups.has(path)) return null;
      const times = (read.get(`${account} ${path}`) ?? 0) + 1;
      read.set(`${account} ${path}`, times);
      reads.all += 1;
      const chance = chanceFor(`${seed} ${account} ${path} ${times}`);
      if (!chance.happens(percent / 100)) return null;
      reads.faulty += 1;
      return chance.pick(readFaultNames);
    },
  };
}

function chanceFor(what: string): Chance {
  return chanceOf(createHash('sha256').update(what).digest().readUInt32LE());
}
