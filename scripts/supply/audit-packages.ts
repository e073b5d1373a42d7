// `npm run audit:packages`: known faults of the packages in the image, asked of the registry. Three ends, never a hidden pass:
// 0 the registry answered and knows none that is high; 1 it knows some, listed here; 3 it did not answer, so nobody knows.
import { spawnSync } from 'node:child_process';
import { z } from 'zod';

const report = z.object({
  metadata: z.object({ vulnerabilities: z.record(z.string(), z.number()) }),
  vulnerabilities: z.record(z.string(), z.looseObject({ severity: z.string(), range: z.string().optional() })),
});
const refusal = z.object({ error: z.object({ summary: z.string() }) });
const NOT_ANSWERED = 3;

const audit = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: 120_000 });
const read = report.safeParse(jsonOf(audit.stdout));
if (!read.success) {
  const summary = refusal.safeParse(jsonOf(audit.stdout)).data?.error.summary;
  const why = (summary || audit.stderr || String(audit.error ?? 'no answer')).trim().split('\n')[0];
  console.error(`NOT AUDITED: the registry did not answer an audit (${why}). Nothing is known of the packages.`);
  process.exitCode = NOT_ANSWERED;
} else {
  const grave = Object.entries(read.data.vulnerabilities).filter(([, { severity }]) => /high|critical/.test(severity));
  for (const [name, { severity, range }] of grave) console.error(`${severity}: ${name} ${range ?? ''}`);
  const counts = Object.entries(read.data.metadata.vulnerabilities).map(([level, count]) => `${count} ${level}`);
  console.log(`AUDITED: ${counts.join(', ')}`);
  process.exitCode = grave.length > 0 ? 1 : 0;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
