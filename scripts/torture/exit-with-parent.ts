// Ends a child process with the one that started it.
/** A part that lost its director ends: nothing is left running. */
export function exitWithParent(): void {
  process.on('disconnect', () => process.exit(1));
}
