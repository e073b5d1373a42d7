// Starts the part of the bench that a child process was asked for.
/** What a case runs as a process of its own. Each is loaded only where it runs. */
const starters: Readonly<Record<string, (input: unknown) => Promise<void>>> = {
  http: async (input) => (await import('../http/server-part.ts')).serverPart(input),
  loopback: async () => (await import('../sending/loopback-part.ts')).loopbackPart(),
  'hostile-service': async (input) => (await import('../http/hostile-service-part.ts')).hostileServicePart(input),
  'hostile-callers': async (input) => (await import('../http/hostile-callers-part.ts')).hostileCallersPart(input),
  'far-database': async (input) => (await import('../peers/far-database-part.ts')).farDatabasePart(input),
  memory: async (input) => (await import('./memory-part.ts')).memoryPart(input),
  pickup: async (input) => (await import('../sending/pickup-part.ts')).pickupPart(input),
  embedded: async (input) => {
    // As the command line starts.
    (await import('../../../src/commands/code-cache.ts')).keepCompiledCode();
    await (await import('./embedded-part.ts')).embeddedPart(input);
  },
  cold: async () => (await import('./cold-part.ts')).coldPart(),
};

/** Plays a part until it ends, or its starter does. @throws Error for one there is not */
export async function playPart(name: string, input: string): Promise<void> {
  const part = starters[name];
  if (!part) throw new Error(`there is no part ${name}`);
  await part(JSON.parse(input));
}
