import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../../services/shared/errors.ts';

/**
 * The command line of a developer's program. `--help` prints the usage and ends; what cannot be understood
 * ends it with a sentence.
 */
export function optionsOf<const T extends NonNullable<ParseArgsConfig['options']>>(usage: string, options: T) {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(`${messageOf(error)}\n\n${usage}`);
  }
}

/** Ends the program with 1 and a sentence. */
export function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
