import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { componentsOf } from '../scripts/supply/components.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** What may be part of a program under MIT without asking more of who passes it on than its notice. */
const FITTING = new Set(['MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'BlueOak-1.0.0']);
/** Only while developing: it is in no image. */
const FITTING_TOOLS = new Set([...FITTING, 'MPL-2.0', 'CC0-1.0', 'CC-BY-4.0', 'Python-2.0', 'PostgreSQL', 'Unlicense']);

/** Whether one side of an OR, and every side of an AND, is among them. */
function fits(expression: string | null, among: ReadonlySet<string>): boolean {
  const plain = (expression ?? '').replaceAll(/[()]/g, '');
  return plain.split(' OR ').some((side) => side.split(' AND ').every((one) => among.has(one.trim())));
}

test.each([
  ['the image', false, FITTING],
  ['development', true, FITTING_TOOLS],
])('every package of %s has a license that fits MIT', (_what, withDevelopment, among) => {
  const components = componentsOf({ withDevelopment });
  expect(components.length).toBeGreaterThan(20);
  const offenders = components.filter(({ license }) => !fits(license, among));
  expect(offenders.map(({ name, version, license }) => `${name}@${version}: ${license}`)).toEqual([]);
});

test.each([
  ['GPL-3.0', false],
  ['AGPL-3.0 OR MIT', true],
  ['(MIT AND GPL-2.0)', false],
  ['(MIT OR Apache-2.0)', true],
  ['SEE LICENSE IN LICENSE.txt', false],
  [null, false],
])('the license %s is judged: %s', (license, good) => {
  expect(fits(license, FITTING)).toBe(good);
});

describe('the list of what the image is made of', () => {
  const shape = z.object({
    bomFormat: z.literal('CycloneDX'),
    specVersion: z.literal('1.6'),
    components: z.array(
      z.looseObject({
        name: z.string(),
        purl: z.string().regex(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d/),
        hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) })),
        licenses: z.array(z.object({ expression: z.string() })).min(1),
      }),
    ),
  });
  const made = () => execFileSync(process.execPath, ['scripts/supply/sbom.ts'], { cwd: ROOT, encoding: 'utf8' });

  test('is CycloneDX, names each package with its digest and license, and none that is for development', () => {
    const text = made();
    const { components } = shape.parse(JSON.parse(text));
    const names = components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['hono', 'pg', 'zod', '@electric-sql/pglite']));
    expect(names).not.toContain('vitest');
    expect(new Set(components.map(({ purl }) => purl)).size).toBe(components.length);
    expect(made()).toBe(text);
  });
});
