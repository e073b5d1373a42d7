import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { alertText } from '../../src/terminal/alert.ts';

const SRC = resolve(import.meta.dirname, '../../src');

/** The steps that are told with `alert`, as the code names them; those whose name is computed are added by hand. */
function alertsOfTheCode(): string[] {
  const named = globSync('**/*.ts', { cwd: SRC }).flatMap((file) => {
    const code = readFileSync(join(SRC, file), 'utf8');
    return [...code.matchAll(/type: '(\w+)'[^;]{0,200}?alert: true/g)].map(([, type]) => type ?? '');
  });
  return [...new Set([...named, 'messages_stopped', 'fallback_stopped'])];
}

test('what a person has to do is said in words, with the order and the command', () => {
  const left = {
    type: 'order_needs_person',
    alert: true,
    clientOrderId: 'abc1',
    venue: 'kite',
    reason: 'timeout',
  } as const;
  expect(alertText(left)).toContain(
    'stays unknown (timeout). Look it up at kite, then: npm run resolve -- --order abc1 --as',
  );
  expect(alertText({ ...left, status: 'partially_filled', reason: 'not_found_after_its_day' })).toContain(
    'Order abc1 is still partially filled in our books though its day is over (not_found_after_its_day). Look it up',
  );
  expect(alertText({ type: 'late_fill', alert: true, clientOrderId: 'abc1' })).toContain('Order abc1 was filled after');
  const counts = { failed: 6, tried: 10, waiting: 7, about: 'kite', next: 'One is tried at 09:21' };
  expect(alertText({ type: 'breaker_opened', alert: true, ...counts })).toBe(
    '6 of 10 orders got no clear answer (kite): the breaker is open, 7 orders wait unsent. One is tried at 09:21.',
  );
});

test('every alert of the code has words of its own, and says what went wrong', () => {
  const steps = alertsOfTheCode();
  expect(steps.length).toBeGreaterThan(30);
  const unspoken = steps.filter((type) => alertText({ type, alert: true }) === `${type.replaceAll('_', ' ')}.`);
  expect(unspoken).toEqual([]);
  const error = new Error('no answer', { cause: new Error('ECONNRESET') });
  expect(alertText({ type: 'notify_loop_failed', alert: true, error })).toBe(
    'Sending messages failed, and is tried again: no answer because: ECONNRESET',
  );
  expect(alertText({ type: 'something_new', alert: true, error })).toContain('something new: no answer');
});

test('an event that needs nobody is not one', () => {
  expect(alertText({ type: 'order_settled', clientOrderId: 'abc1' })).toBeNull();
});
