/** What a case runs as a process of its own. Each is loaded only where it runs. */
const parts: Readonly<Record<string, (told: unknown) => Promise<void>>> = {
  door: async (told) => (await import('../http/server-part.ts')).doorPart(told),
  loopback: async () => (await import('../sending/loopback-part.ts')).loopbackPart(),
  'hostile-service': async (told) => (await import('../http/hostile-service-part.ts')).hostileServicePart(told),
  'hostile-strangers': async (told) => (await import('../http/hostile-callers-part.ts')).hostileStrangersPart(told),
  memory: async (told) => (await import('./memory-part.ts')).memoryPart(told),
  pickup: async (told) => (await import('../sending/pickup-part.ts')).pickupPart(told),
  embedded: async (told) => (await import('./embedded-part.ts')).embeddedPart(told),
  cold: async () => (await import('./cold-part.ts')).coldPart(),
};

/** Plays a part until it ends, or its starter does. @throws Error for one there is not */
export async function playPart(name: string, told: string): Promise<void> {
  const part = parts[name];
  if (!part) throw new Error(`there is no part ${name}`);
  await part(JSON.parse(told));
}
