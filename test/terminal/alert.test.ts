import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { alertWords } from '../../src/terminal/alert.ts';

const SRC = resolve(import.meta.dirname, '../../src');

/** The steps that are told with `alert`, as the code names them; those whose name is computed are added by hand. */
function alertsOfTheCode(): string[] {
  const named = globSync('**/*.ts', { cwd: SRC }).flatMap((file) => {
    const code = readFileSync(join(SRC, file), 'utf8');
    return [...code.matchAll(/step: '(\w+)'[^;]{0,200}?alert: true/g)].map(([, step]) => step ?? '');
  });
  return [...new Set([...named, 'messages_stopped', 'fallback_stopped'])];
}

test('what a person has to do is said in words, with the order and the command', () => {
  const left = {
    step: 'order_left_to_a_person',
    alert: true,
    clientOrderId: 'abc1',
    venue: 'kite',
    reason: 'timeout',
  } as const;
  expect(alertWords(left)).toContain(
    'stays unknown (timeout). Look it up at kite, then: npm run resolve -- --order abc1 --as',
  );
  expect(alertWords({ ...left, status: 'partially_filled', reason: 'not_found_after_its_day' })).toContain(
    'Order abc1 is still partially filled in our books though its day is over (not_found_after_its_day). Look it up',
  );
  expect(alertWords({ step: 'late_fill', alert: true, clientOrderId: 'abc1' })).toContain(
    'Order abc1 was filled after',
  );
  const counts = { failed: 6, tried: 10, waiting: 7, about: 'kite', next: 'One is tried at 09:21' };
  expect(alertWords({ step: 'breaker_opened', alert: true, ...counts })).toBe(
    '6 of 10 orders got no clear answer (kite): the breaker is open, 7 orders wait unsent. One is tried at 09:21.',
  );
});

test('every alert of the code has words of its own, and says what went wrong', () => {
  const steps = alertsOfTheCode();
  expect(steps.length).toBeGreaterThan(30);
  const unspoken = steps.filter((step) => alertWords({ step, alert: true }) === `${step.replaceAll('_', ' ')}.`);
  expect(unspoken).toEqual([]);
  const error = new Error('no answer', { cause: new Error('ECONNRESET') });
  expect(alertWords({ step: 'telling_failed', alert: true, error })).toBe(
    'Sending messages failed, and is tried again: no answer because: ECONNRESET',
  );
  expect(alertWords({ step: 'something_new', alert: true, error })).toContain('something new: no answer');
});

test('a step that needs nobody is not one', () => {
  expect(alertWords({ step: 'order_settled', clientOrderId: 'abc1' })).toBeNull();
});
