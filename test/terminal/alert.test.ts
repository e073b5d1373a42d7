import { expect, test } from 'vitest';
import { alertText } from '../../src/terminal/alert.ts';
import { anEvent } from '../support/any-event.ts';

const sentence = (facts: Record<string, unknown> & { type: string }) => alertText(anEvent({ alert: true, ...facts }));

test('what a person has to do is said in words, with the order and the command', () => {
  const left = { type: 'order_needs_person', clientOrderId: 'abc1', venue: 'kite' };
  expect(sentence({ ...left, status: 'unknown', reason: 'timeout' })).toContain(
    'stays unknown (timeout). Look it up at kite, then: npm run resolve -- --order abc1 --as',
  );
  expect(sentence({ ...left, status: 'partially_filled', reason: 'not_found_after_its_day' })).toContain(
    'Order abc1 is still partially filled in our books though its day is over (not_found_after_its_day). Look it up',
  );
  expect(sentence({ type: 'late_fill', clientOrderId: 'abc1' })).toContain('Order abc1 was filled after');
  const counts = { failed: 6, tried: 10, waiting: 7, about: 'kite', next: 'One is tried at 09:21' };
  expect(sentence({ type: 'breaker_opened', ...counts })).toBe(
    '6 of 10 orders got no clear answer (kite): the breaker is open, 7 orders wait unsent. One is tried at 09:21.',
  );
});

test('an alert says what went wrong, with the cause', () => {
  const error = new Error('no answer', { cause: new Error('ECONNRESET') });
  expect(sentence({ type: 'notify_loop_failed', error })).toBe(
    'Sending messages failed, and is tried again: no answer because: ECONNRESET',
  );
});

test('an event that needs nobody is not one, nor is one that needs somebody in other cases only', () => {
  expect(alertText(anEvent({ type: 'order_settled', clientOrderId: 'abc1' }))).toBeNull();
  expect(alertText(anEvent({ type: 'scan_failed', tries: 2, error: new Error('busy') }))).toBeNull();
});
