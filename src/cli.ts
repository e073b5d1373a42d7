// Entry of the command line. It imports the program late, so that Node finds or keeps the compiled code of all of it.
import { keepCompiledCode } from './commands/code-cache.ts';

keepCompiledCode();
await import('./commands/program.ts');
