// Does the worst at the worst moment: halts, repeated calls, processes that stand still.
import type { Arguments } from '../../../../src/ports/store/store.ts';
import type { Plan } from '../plan.ts';
import { callNow, ifTaken, type Scene } from '../scene.ts';
import type { Life } from '../turns/fates.ts';

/** «Not sent» is told a second time, by a repeated call, when the order is under way again. */
export function echoLater(
  { turns, chance, plan, echoes }: Scene,
  outcomes: Arguments['settle_orders']['outcomes'],
): void {
  for (const outcome of outcomes) {
    if (outcome.venueStatus !== 'queued' || turns.isCalm() || !chance.happens(3 * plan.cueShare)) continue;
    echoes.set(outcome.orderId, outcome);
  }
}

export function echo(scene: Scene, orderId: number): void {
  const { turns, chance, echoes } = scene;
  const outcome = echoes.get(orderId);
  if (!outcome) return;
  echoes.delete(orderId);
  scene.count('fault settled_twice');
  turns.at(
    turns.nowMs() + chance.between(0, chance.pick([20, 100, 2000])),
    `order ${orderId} is settled a second time as not sent`,
    async () => {
      const nowMs = turns.nowMs();
      await ifTaken(callNow(scene, 'settle_orders', { outcomes: [outcome], nowMs }));
    },
  );
}

/** Between asking and acting: a halt comes, or the process stands still until others have taken over. */
export function atTheWorstMoment(scene: Scene, life: Life): void {
  const { turns, chance, plan } = scene;
  if (turns.isCalm() || !chance.happens(plan.cueShare)) return;
  if (chance.happens(0.6)) turns.freeze(life, stillMs(scene));
  if (chance.happens(0.5)) {
    const scope = chance.pick(['all', 'venue', 'user'] as const);
    const target = { all: '', venue: chance.pick(plan.venues).name, user: chance.pick(plan.users).id }[scope];
    const resumeAfterMs = chance.happens(0.7) ? chance.between(500, 120_000) : null;
    operate(scene, { afterMs: turns.nowMs() - plan.startMs, scope, target, resumeAfterMs });
  }
}

/** Until others have taken over, or until an order that waits may no longer be sent. */
function stillMs({ turns, chance, tables }: Scene): number {
  const lastMs = tables.orders
    .filter(({ status, sendBeforeMs }) => status === 'queued' && sendBeforeMs > turns.nowMs())
    .map(({ sendBeforeMs }) => sendBeforeMs - turns.nowMs());
  const soonestMs = Math.min(...lastMs);
  if (soonestMs < 80_000 && chance.happens(0.5)) return soonestMs + chance.between(0, 3000);
  return chance.between(9000, 80_000);
}

/** An operator halts something, and may resume it. */
export function operate(scene: Scene, { afterMs, scope, target, resumeAfterMs }: Plan['operator'][number]): void {
  const { turns, promises, plan } = scene;
  const order = (): Arguments['halt'] => ({
    scope,
    target,
    why: 'simulated',
    by: { who: 'operator', how: 'cli' },
    nowMs: turns.nowMs(),
  });
  turns.at(plan.startMs + afterMs, `operator halts ${scope} ${target}`, async () => {
    scene.count('fault halt');
    await callNow(scene, 'halt', order());
    promises.halted({ scope, target, sinceMs: turns.nowMs() });
  });
  if (resumeAfterMs === null) return;
  turns.at(plan.startMs + afterMs + resumeAfterMs, `operator resumes ${scope} ${target}`, async () => {
    await callNow(scene, 'resume', order());
    promises.resumed(scope, target);
  });
}
