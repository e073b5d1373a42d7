/** Resolves when a stop is asked for, at once where it was already; never without one. For racing it against a pause. */
export function stopped(stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted) resolve();
    else stop?.addEventListener('abort', () => resolve(), { once: true });
  });
}
