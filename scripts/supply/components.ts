// Lists the installed packages with versions and licences, for the bill of materials.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');

/** One installed package, as the lock file and its own package.json say. */
export interface Component {
  name: string;
  version: string;
  integrity: string;
  /** Its SPDX expression; null: it names none. */
  license: string | null;
  isDevelopment: boolean;
}

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      name: z.string().optional(),
      version: z.string().optional(),
      integrity: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
    }),
  ),
});
const packageFile = z.looseObject({
  license: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
  licenses: z.array(z.looseObject({ type: z.string() })).optional(),
});

/** Every package of the lock file, each version once, by name. One that is not installed here has the lock's license. */
export function componentsOf({ withDevelopment }: { withDevelopment: boolean }): Component[] {
  const { packages } = lockFile.parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  const found = new Map<string, Component>();
  for (const [path, entry] of Object.entries(packages)) {
    const isDevelopment = entry.dev === true || entry.devOptional === true;
    if (path === '' || (isDevelopment && !withDevelopment)) continue;
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const { version = '', integrity = '' } = entry;
    const license = licenseAt(path) ?? entry.license ?? null;
    found.set(`${name}@${version}`, { name, version, integrity, license, isDevelopment });
  }
  return [...found.values()].toSorted((a, b) => `${a.name}@${a.version}`.localeCompare(`${b.name}@${b.version}`, 'en'));
}

function licenseAt(path: string): string | null {
  const file = join(ROOT, path, 'package.json');
  if (!existsSync(file)) return null;
  const { license, licenses } = packageFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (typeof license === 'string') return license;
  return license?.type ?? (licenses?.map(({ type }) => type).join(' OR ') || null);
}
