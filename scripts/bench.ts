// Measures what the goals are about, each case alone or all together: `npm run bench -- [case...]`. Figures of one run
// are compared with figures of the same run only. The processes it starts are this file with `--part`.
const [, , flag, part = '', input = ''] = process.argv;
if (flag === '--part') {
  // Nothing else is loaded: some parts are about how long loading takes.
  const { playPart } = await import('./bench/process/play-part.ts');
  await playPart(part, input);
} else {
  const { bench } = await import('./bench/command.ts');
  await bench();
}
