// Proves the Docker image where no Docker engine runs: `npx node scripts/deploy/image-steps.ts`.
// It carries out the Dockerfile's instructions in their order, each stage in a new folder that stands for its root, and
// then starts what the image would start. What it can't prove is said as it goes: the base image itself (this Node stands
// for it) and the isolation.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { cleanCopy, megabytesOf } from './clean-copy.ts';
import { allowedBy, execForm, type Instruction, readDockerfile, wordsOf } from './dockerfile.ts';
import { endOf, startNode, startPostgres, startService, stop } from './service.ts';

interface Stage {
  /** Stands for `/`. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  command: string[];
  healthcheck: string[];
}

/** Debian's and this machine's «nobody»: a user who owns nothing, as the image's `node` owns nothing of the program. */
const NOBODY = 65_534;
const folders: string[] = [];
const context = cleanCopy();
const stages = new Map<string, Stage>();

try {
  folders.push(context);
  const allowed = allowedBy(readFileSync(join(context, '.dockerignore'), 'utf8'));
  let stage: Stage | null = null;
  for (const instruction of readDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
    say(`${instruction.name} ${instruction.text}`);
    if (instruction.name === 'FROM') stage = begin(instruction.text);
    else if (stage) carryOut(stage, instruction, allowed);
  }
  if (!stage) throw new Error('The Dockerfile has no FROM.');
  checkContent(stage);
  await startIt(stage);
  say('Proved.');
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

function say(line: string): void {
  console.log(line);
}

function check(what: string, holds: boolean, actual: unknown): void {
  if (!holds) throw new Error(`Not so: ${what}. Seen: ${JSON.stringify(actual)}`);
  say(`  ok  ${what}`);
}

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'daily-scan-image-'));
  folders.push(root);
  // As / is: everybody may read it.
  chmodSync(root, 0o755);
  return root;
}

function begin(text: string): Stage {
  const [, image = '', name = 'final'] = /^(\S+)(?: AS (\S+))?$/i.exec(text) ?? [];
  const [, major] = /^node:(\d+)\.[\d.]+-bookworm-slim@sha256:[0-9a-f]{64}$/.exec(image) ?? [];
  check(`this is Node ${process.version}, as in ${image}`, process.version.startsWith(`v${major}.`), process.version);
  const stage = { root: newRoot(), workdir: '/', env: {}, user: 'root', command: [], healthcheck: [] };
  stages.set(name, stage);
  return stage;
}

function carryOut(stage: Stage, { name, text }: Instruction, allowed: string[]): void {
  switch (name) {
    case 'WORKDIR':
      stage.workdir = text;
      mkdirSync(join(stage.root, text), { recursive: true });
      return;
    case 'ENV':
      for (const pair of text.split(/\s+/)) stage.env[pair.split('=')[0] ?? ''] = pair.slice(pair.indexOf('=') + 1);
      return;
    case 'COPY':
      copy(stage, text, allowed);
      return;
    case 'RUN':
      execFileSync('sh', ['-c', text], { cwd: join(stage.root, stage.workdir), env: runEnv(stage), stdio: 'inherit' });
      return;
    case 'USER':
      stage.user = text;
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = execForm(text.replace(/^.*?CMD /, ''));
      return;
    case 'CMD':
      stage.command = execForm(text);
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`image-steps does not know ${name}: teach it, so that the proof stays whole.`);
  }
}

/** What this machine needs to reach a registry (proxy, certificates) stays, as a build argument would bring it. */
function runEnv({ env }: Stage): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...env };
}

function copy(stage: Stage, text: string, allowed: string[]): void {
  const { options, words } = wordsOf(text);
  const from = options.get('from');
  const source = from === undefined ? context : stages.get(from)?.root;
  const target = words.pop() ?? '';
  if (source === undefined) throw new Error(`COPY --from=${from}: no such stage`);
  for (const word of words) {
    if (from === undefined && !allowed.includes(word.split('/')[0] ?? '')) {
      throw new Error(`COPY ${word}: .dockerignore does not let it in`);
    }
    const to = join(stage.root, stage.workdir, target.endsWith('/') ? join(target, basename(word)) : target);
    cpSync(join(source, word), to, { recursive: true, verbatimSymlinks: true });
  }
}

function checkContent({ root, workdir, user }: Stage): void {
  const app = join(root, workdir);
  const there = (path: string) => existsSync(join(app, path));
  const needed = ['package.json', 'src/main.ts', 'src/cli.ts', 'supabase/migrations', 'node_modules/hono'];
  check(
    `it has ${needed.join(', ')}`,
    needed.every(there),
    needed.filter((path) => !there(path)),
  );
  const unwanted = ['.env', '.git', '.data', 'test', 'node_modules/vitest', 'node_modules/typescript'];
  check(`it has no ${unwanted.join(', ')}`, !unwanted.some(there), unwanted.filter(there));
  const megabytes = megabytesOf(app);
  check(`${megabytes} MB are added to the base image`, megabytes < 150, megabytes);
  check(`it does not run as root but as ${user}`, user !== 'root', user);
}

async function startIt(stage: Stage): Promise<void> {
  const postgres = await startPostgres();
  const home = newRoot();
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(home, NOBODY, NOBODY);
  const cwd = join(stage.root, stage.workdir);
  const port = await freePort();
  // HOST 0.0.0.0 is for inside a container; nobody wants that on the machine of a developer.
  const outside = { HOME: home, DATA_DIR: join(home, 'data'), HOST: '127.0.0.1', PORT: String(port) };
  const env = { ...stage.env, ...outside, CRON_SECRET: 'a-secret-for-this-proof-only', LOG_LEVEL: 'silent' };
  const start = (args: string[], more: Record<string, string> = {}) => {
    return { args, cwd, env: { ...env, ...more }, ...(asRoot ? { uid: NOBODY } : {}) };
  };
  const inContainer = ([node = '', ...args]: string[]) => {
    check(`${node} is the image's own Node, not a package`, node === 'node', node);
    return args;
  };
  try {
    const DATABASE_URL = postgres.blankUrl;
    const migrated = await endOf(startNode(start(['src/cli.ts', 'migrate'], { DATABASE_URL })));
    check('node src/cli.ts migrate ends with 0', migrated.code === 0, migrated);
    const service = await startService(start(inContainer(stage.command), { DATABASE_URL }));
    check(`it says ${service.line}`, true, null);
    const ready = await fetch(`${service.address}/ready`);
    check('/ready: 200', ready.status === 200, await ready.text());
    const health = inContainer(stage.healthcheck);
    const healthy = await endOf(startNode(start(health)));
    check('its HEALTHCHECK ends with 0', healthy.code === 0, healthy);
    const code = await stop(service);
    check('SIGTERM ends it with 0', code === 0, code);
    const gone = await endOf(startNode(start(health)));
    check('then its HEALTHCHECK ends with 1', gone.code === 1, gone);
    const alone = await startService(start(inContainer(stage.command)));
    check('without DATABASE_URL it keeps its own database in DATA_DIR', (await stop(alone)) === 0, null);
  } finally {
    await postgres.stop();
  }
}
