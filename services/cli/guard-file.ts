import { type Guard, readGuard } from '../dns/guard/file.ts';
import { GuardFileError } from '../dns/guard/mistakes.ts';
import { messageOf, PermanentError } from '../shared/errors.ts';
import { readTextFile } from '../shared/text-file.ts';

/**
 * Reads mail-guard.yaml.
 * @throws PermanentError `guard_file` that lists every mistake
 */
export function readGuardFile(file: string): Guard {
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    throw new PermanentError('guard_file', `${file} cannot be read: ${messageOf(error)}.`, error);
  }
  try {
    return readGuard(text);
  } catch (error) {
    if (!(error instanceof GuardFileError)) throw error;
    const [first, ...others] = error.mistakes;
    const said =
      others.length === 0
        ? `${file}: ${first}`
        : `${file} has ${error.mistakes.length} mistakes:\n${error.mistakes.map((one) => `  - ${one}`).join('\n')}`;
    throw new PermanentError('guard_file', said, error);
  }
}
