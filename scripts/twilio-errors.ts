// Writes src/adapters/notifiers/twilio-errors.ts from scripts/twilio-errors/facts.csv, once every code of Twilio's
// dictionary that is about sending has a class there: `node scripts/twilio-errors.ts DICTIONARY.json`. The dictionary is
// published at https://www.twilio.com/docs/api/errors/twilio-error-codes.json.
import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { parsed, refuse } from './support/flags.ts';
import { moduleText, readFacts, unclassed } from './twilio-errors/generate.ts';

const [path = ''] = parsed(
  new Command('twilio-errors')
    .description("Writes the classes of Twilio's error codes, once every code of its dictionary has one.")
    .argument('<DICTIONARY.json>', "Twilio's error dictionary"),
).args;

const here = (name: string) => new URL(name, import.meta.url);
const facts = readFacts(readFileSync(here('twilio-errors/facts.csv'), 'utf8'));
const missing = unclassed(readFileSync(path, 'utf8'), facts);
if (missing.length > 0) {
  refuse(`Without a class in scripts/twilio-errors/facts.csv:\n${missing.join('\n')}\nGive each one, or - .`);
}
writeFileSync(here('../src/adapters/notifiers/twilio-errors.ts'), moduleText(facts));
process.stdout.write(`${facts.filter((row) => row.class !== '-').length} codes written.\n`);
