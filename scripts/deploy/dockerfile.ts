// Reads a Dockerfile, so that its steps can be run without Docker.
/** One instruction of a Dockerfile, continuation lines joined: `{ name: 'COPY', text: 'src src' }`. */
export interface Instruction {
  name: string;
  text: string;
}

/** Reads the instructions. Heredocs and parser directives are not known: this project's Dockerfile has none. */
export function readDockerfile(source: string): Instruction[] {
  const lines = source.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const joined = lines.join('\n').replaceAll(/\\\n\s*/g, ' ');
  return joined.split('\n').map((line) => {
    const [, name = '', text = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    return { name: name.toUpperCase(), text };
  });
}

/** `--from=stage --x=y a b` as its options and words. */
export function wordsOf(text: string): { options: Map<string, string>; words: string[] } {
  const all = text.split(/\s+/);
  const options = all.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('='));
  return {
    options: new Map(options.map(([name = '', value = '']) => [name, value])),
    words: all.filter((word) => !word.startsWith('--')),
  };
}

/** The exec form, `["node", "src/main.ts"]`. @throws Error for the shell form, whose shell would get the signals */
export function execForm(text: string): string[] {
  const parsed: unknown = text.startsWith('[') ? JSON.parse(text) : null;
  if (!Array.isArray(parsed) || !parsed.every((word) => typeof word === 'string')) {
    throw new Error(`${text} is not in exec form: ["command", "argument"]`);
  }
  return parsed;
}

/** What an allow list of the form `*`, `!name`, … lets into the image. @throws Error for any other .dockerignore */
export function allowedBy(dockerignore: string): string[] {
  const [first, ...rest] = dockerignore.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (first !== '*' || !rest.every((line) => /^![\w.-]+$/.test(line))) {
    throw new Error('.dockerignore is not an allow list of top-level names: *, then !name for each');
  }
  return rest.map((line) => line.slice(1));
}
