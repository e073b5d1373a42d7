// Writes the reference of the settings from .env.example.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings as shapes } from '../../src/config/config.ts';
import { secretNames } from '../../src/config/secrets.ts';
import { asCode, markdownTable } from './markdown.ts';

interface Described {
  name: string;
  standard: string;
  /** What .env.example says above it; for the second and later ones below one comment, the first one's name. */
  description: { text: string } | { see: string };
}

/** The settings of .env.example in its order, each with the comment it stands below. */
function described(root: string): Described[] {
  const settings: Described[] = [];
  let comment: string[] = [];
  let first: string | null = null;
  for (const line of readFileSync(join(root, '.env.example'), 'utf8').split('\n')) {
    const [, name, standard = ''] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      settings.push({ name, standard, description: first === null ? { text: comment.join(' ') } : { see: first } });
      first ??= name;
    } else if (line.startsWith('#')) {
      if (first !== null) comment = [];
      first = null;
      comment.push(line.replace(/^#\s?/, ''));
    } else {
      comment = [];
      first = null;
    }
  }
  return settings;
}

const shape = new Map(Object.entries(shapes));

/** What a setting takes, in the words with which it refuses something else. */
function takes(name: string): string {
  const messages = ['\u0001', '0', '99999999999'].flatMap((probe) => {
    return (
      shape
        .get(name)
        ?.safeParse(probe)
        .error?.issues.map(({ message }) => message) ?? []
    );
  });
  const rules = messages.map((message) => message.replace(/^must (be|have) /, '').replace(/(, not)?: ".*"$/, ''));
  return [...new Set(rules)].join('; ');
}

/** Every setting with its default, what it takes and what it means. */
export function settingsText(root: string): string {
  const rows = described(root).map(({ name, standard, description }) => {
    const secret = secretNames.includes(name) ? ' (secret)' : '';
    const meaning = 'text' in description ? description.text : `see ${asCode([description.see])}`;
    return [`\`${name}\`${secret}`, standard === '' ? '' : `\`${standard}\``, takes(name), meaning];
  });
  return markdownTable(['setting', 'default', 'what it takes', 'meaning'], rows);
}
