import { expect, test } from 'vitest';
import { alertWords } from '../../src/terminal/alert.ts';

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
  expect(alertWords({ step: 'late_fill', alert: true, clientOrderId: 'abc1' })).toContain(
    'Order abc1 was filled after',
  );
  const counts = { failed: 6, tried: 10, waiting: 7, about: 'kite', next: 'One is tried at 09:21' };
  expect(alertWords({ step: 'breaker_opened', alert: true, ...counts })).toBe(
    '6 of 10 orders got no clear answer (kite): the breaker is open, 7 orders wait unsent. One is tried at 09:21.',
  );
  expect(alertWords({ step: 'something_new', alert: true })).toBe('Please look: something_new');
});

test('a step that needs nobody is not one', () => {
  expect(alertWords({ step: 'order_settled', clientOrderId: 'abc1' })).toBeNull();
});
