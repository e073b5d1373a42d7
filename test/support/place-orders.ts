// Orders that come together, as the HTTP server takes them.
import type { OrderRequest } from '../../src/stages/accept/order-inputs.ts';
import { orderIntake, type Placed } from '../../src/stages/accept/single-orders.ts';

/** Decides and accepts requests that came together. No two of them may share principal and key. */
export async function placeOrders(
  world: Parameters<typeof orderIntake>[0],
  settings: Parameters<typeof orderIntake>[1],
  requests: OrderRequest[],
): Promise<{ placed: Placed[] }> {
  const placed = await Promise.all(requests.map(orderIntake(world, settings)));
  return { placed: placed.map((one) => one.placed) };
}
