// Reads an account’s credentials from standard input, without showing them.
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { VenueModule } from '../../adapters/venues/module.ts';
import { type Refusal, refusal } from '../refusal.ts';

/** Asked of every account beside what its venue wants; the rest of a record comes by itself, or as JSON. */
const commonFields = ['proxyUrl', 'addressConfirmed'];

/** An account's secrets from standard input: JSON, or asked for one by one where that is a terminal. Never from flags. */
export async function readSecrets(
  { name: venue, credentials }: VenueModule,
  input: Readable & { isTTY?: boolean } = process.stdin,
): Promise<{ kind: 'secrets'; secrets: object } | Refusal> {
  const record = input.isTTY ? await prompted(credentials, input) : jsonOf(await textOf(input));
  if (record === undefined) {
    const example = JSON.stringify(Object.fromEntries(credentials.promptFields.map((name) => [name, '…'])));
    return refusal('bad_credentials', `There is no JSON object on standard input, such as ${example}.`);
  }
  const read = (await credentials.schema()).safeParse(record);
  if (read.success) return { kind: 'secrets', secrets: read.data };
  // What is wrong and where, never what was given.
  const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the object'}: ${message}`);
  const message = `The credentials for ${venue} can not be used, so nothing was stored:\n  ${wrong.join('\n  ')}`;
  return refusal('bad_credentials', message);
}

async function prompted({ promptFields }: VenueModule['credentials'], input: Readable): Promise<object> {
  const answers: Record<string, string | boolean> = {};
  for (const name of promptFields) answers[name] = await promptHidden(`${name}: `, input);
  for (const name of commonFields) {
    const answer = await promptHidden(`${name} (${name === 'proxyUrl' ? 'or nothing' : 'yes or no'}): `, input);
    if (answer !== '') answers[name] = name === 'proxyUrl' ? answer : /^y(es)?$/i.test(answer);
  }
  return answers;
}

/** Asks on stderr; what is typed is shown nowhere. */
async function promptHidden(question: string, input: Readable): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ask = createInterface({ input, output: nowhere, terminal: true });
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
