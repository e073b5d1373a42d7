// Finds every event the code emits, and writes the reference of the events.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertText } from '../../src/terminal/alert.ts';
import { eventTexts } from './event-texts.ts';
import { asCode, markdownTable } from './markdown.ts';

interface Emitted {
  name: string;
  /** Somebody has to look at it, always or in some cases. */
  isAlert: boolean;
  files: string[];
}

/** Events whose name is put together, so that no text of the code has it. */
const computed: Emitted[] = [
  { name: 'messages_stopped', isAlert: true, files: ['src/stages/notify/rejected-message.ts'] },
  { name: 'fallback_stopped', isAlert: true, files: ['src/stages/notify/rejected-message.ts'] },
  { name: 'stream_listening', isAlert: false, files: ['src/stages/execute/order-updates.ts'] },
  { name: 'stream_lost', isAlert: false, files: ['src/stages/execute/order-updates.ts'] },
];

/** Every event the code emits, by name. */
export function emittedEvents(root: string): Emitted[] {
  const found = new Map(computed.map((one) => [one.name, { ...one, files: [...one.files] }]));
  for (const file of globSync('src/**/*.ts', {
    cwd: root,
    exclude: ['src/adapters/venues/*/**', 'src/adapters/venues/module.ts'],
  }).toSorted()) {
    const code = readFileSync(join(root, file), 'utf8');
    for (const [, name = '', rest = ''] of code.matchAll(/\btype: '(\w+)'(?=([^;]{0,300}))/g)) {
      const event = found.get(name) ?? { name, isAlert: false, files: [] };
      event.isAlert ||= rest.split(/\btype: '/, 1)[0]?.includes('alert: true') === true;
      if (!event.files.includes(file)) event.files.push(file);
      found.set(name, event);
    }
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** An alert's sentence with the names of its facts in place of their values. */
function sentenceOf(name: string): string {
  const facts = new Proxy(
    { type: name, alert: true as const },
    { get: (event, fact) => (fact in event ? Reflect.get(event, fact) : `‹${spaced(String(fact))}›`) },
  );
  return alertText(facts) ?? '';
}

function spaced(fact: string): string {
  return fact.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
}

/** The alerts, each with its sentence as a terminal, a log and the operators' messages have it. */
export function alertsText(root: string): string {
  const rows = emittedEvents(root)
    .filter(({ isAlert }) => isAlert)
    .map(({ name, files }) => [`\`${name}\``, sentenceOf(name), asCode(files)]);
  return markdownTable(['alert', 'what is shown', 'emitted by'], rows);
}

/** The events nobody has to look at. */
export function eventsText(root: string): string {
  const rows = emittedEvents(root)
    .filter(({ isAlert }) => !isAlert)
    .map(({ name, files }) => [`\`${name}\``, eventTexts[name] ?? '', asCode(files)]);
  return markdownTable(['event', 'meaning', 'emitted by'], rows);
}
