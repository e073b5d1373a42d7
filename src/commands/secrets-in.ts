import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { type RealVenue, venueSecrets } from '../adapters/venues/secrets.ts';
import { type Refusal, refusal } from './refusal.ts';

/** What a person is asked for on a terminal; the rest of a record comes by itself, or as JSON. */
const asked: Record<RealVenue, string[]> = {
  kite: ['clientId', 'apiKey', 'apiSecret'],
  lemonn: ['clientId', 'apiKey', 'privateKey', 'flow'],
  alpaca: ['keyId', 'secretKey'],
};
const forEverybody = ['proxyUrl', 'addressConfirmed'];

/** An account's secrets from standard input: JSON, or asked for one by one where that is a terminal. Never from flags. */
export async function readSecrets(venue: RealVenue): Promise<{ kind: 'secrets'; secrets: object } | Refusal> {
  const given = process.stdin.isTTY ? await askedFor(venue) : jsonOf(await textOf(process.stdin));
  if (given === undefined) {
    const example = JSON.stringify(Object.fromEntries(asked[venue].map((name) => [name, '…'])));
    return refusal('bad_credentials', `There is no JSON object on standard input, such as ${example}.`);
  }
  const read = venueSecrets[venue].safeParse(given);
  if (read.success) return { kind: 'secrets', secrets: read.data };
  // What is wrong and where, never what was given.
  const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the object'}: ${message}`);
  const message = `The credentials for ${venue} can not be used, so nothing was stored:\n  ${wrong.join('\n  ')}`;
  return refusal('bad_credentials', message);
}

async function askedFor(venue: RealVenue): Promise<object> {
  const answers: Record<string, string | boolean> = {};
  for (const name of asked[venue]) answers[name] = await askedHidden(`${name}: `);
  for (const name of forEverybody) {
    const answer = await askedHidden(`${name} (${name === 'proxyUrl' ? 'or nothing' : 'yes or no'}): `);
    if (answer !== '') answers[name] = name === 'proxyUrl' ? answer : /^y(es)?$/i.test(answer);
  }
  return answers;
}

/** Asks on stderr; what is typed is shown nowhere. */
async function askedHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ask = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return (await ask.question('')).trim();
  } finally {
    ask.close();
    process.stderr.write('\n');
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
