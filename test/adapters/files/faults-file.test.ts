import { expect, test } from 'vitest';
import { readFaults } from '../../../src/adapters/files/faults-file.ts';
import { fileWith, good, unusable } from './temp-file.ts';

const read = (content: string) => readFaults(fileWith(content, 'faults.json'));

test('a list of faults is read as written', () => {
  const faults = [
    { user: 'Asha Rao', symbol: 'TITAN', fault: 'reject', message: 'RMS: margin exceeds' },
    { fault: 'delay', delayMs: 1500 },
    { symbol: 'TCS', fault: 'partial', quantity: 3 },
    { fault: 'timeout_before' },
    { fault: 'timeout_after' },
    { fault: 'garbage' },
  ];
  expect(good(read(JSON.stringify(faults))).rows).toEqual(faults);
  expect(good(read('\ufeff[]')).rows).toEqual([]);
});

test.each([
  ['{"fault":"reject"}', null],
  ['not json', null],
  ['[{"fault":"explode"}]', '[0].fault'],
  ['[{"fault":"reject"},{"symbol":"TITAN"}]', '[1].fault'],
  ['[{"fault":"reject","symbl":"TITAN"}]', '[0]'],
  ['[{"fault":"delay","delayMs":-1}]', '[0].delayMs'],
  ['[{"fault":"partial","quantity":0}]', '[0].quantity'],
  ['[{"fault":"reject","user":""}]', '[0].user'],
])('%s is unusable and the message names the place', (content, field) => {
  const { code, message, problems } = unusable(read(content));
  expect(code).toBe('unreadable_file');
  expect(problems.map((problem) => problem.field)).toEqual([field]);
  expect(message).toContain(field === null ? "faults.json can't be used: " : ` at ${field}: `);
});

test('a file that is not there is unusable', () => {
  expect(unusable(readFaults('no/such.json')).message).toContain('no/such.json');
});
