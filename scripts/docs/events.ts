// The tables of events in docs/reference/events.md, from the types of the events and the code that emits them.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Event, isAlert } from '../../src/ports/events/events.ts';
import { alertText } from '../../src/terminal/alert.ts';
import { asCode, markdownTable } from './markdown.ts';

interface DocumentedEvent {
  name: string;
  /** The first comment line over its type. */
  meaning: string;
  /** A person has to see it, always or in some cases. */
  isAlert: boolean;
  /** The files that emit it. */
  files: string[];
}

/** Events whose name is put together from what happened. */
const namedBy: Readonly<Record<string, string[]>> = {
  messages_stopped: ['src/stages/notify/rejected-message.ts'],
  fallback_stopped: ['src/stages/notify/rejected-message.ts'],
};

/** `/** meaning *​/` over `name: Alert<…>`, as src/ports/events/ has them. */
const DOCUMENTED = /^ {2}\/\*\* (.+) \*\/\n {2}(\w+): (Alert|MaybeAlert)?/gm;

/** Every event there is, by name. */
export function documentedEvents(root: string): DocumentedEvent[] {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .toSorted()
    .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const);
  const types = sources.filter(([file]) => file.startsWith('src/ports/events/'));
  const code = sources.filter(([file]) => !file.startsWith('src/ports/events/'));
  const events = types.flatMap(([, text]) => {
    return [...text.slice(text.search(/^export interface \w+Events /m)).matchAll(DOCUMENTED)].map(
      ([, meaning = '', name = '', severity]) => {
        const files =
          namedBy[name] ?? code.filter(([, file]) => file.includes(`type: '${name}'`)).map(([file]) => file);
        return { name, meaning, isAlert: severity !== undefined, files };
      },
    );
  });
  return events.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** An alert's sentence with the names of its facts in place of their values. */
function sentenceOf(name: string): string {
  const facts: object = new Proxy(
    { type: name, alert: true as const },
    { get: (event, fact) => (fact in event ? Reflect.get(event, fact) : `‹${spaced(String(fact))}›`) },
  );
  return isEvent(facts) && isAlert(facts) ? (alertText(facts) ?? '') : '';
}

/** What stands for an event here has any fact it is asked for. */
function isEvent(facts: object): facts is Event {
  return 'type' in facts;
}

function spaced(fact: string): string {
  return fact.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
}

/** The alerts, each with its sentence as a terminal, a log and the operators' messages have it. */
export function alertsText(root: string): string {
  const rows = documentedEvents(root)
    .filter((event) => event.isAlert)
    .map(({ name, files }) => [`\`${name}\``, sentenceOf(name), asCode(files)]);
  return markdownTable(['alert', 'what is shown', 'emitted by'], rows);
}

/** The events nobody has to look at. */
export function eventsText(root: string): string {
  const rows = documentedEvents(root)
    .filter((event) => !event.isAlert)
    .map(({ name, meaning, files }) => [`\`${name}\``, meaning, asCode(files)]);
  return markdownTable(['event', 'meaning', 'emitted by'], rows);
}
