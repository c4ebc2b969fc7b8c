import path from 'node:path';
import { messageOf } from '../errors.ts';
import { readTextFile } from '../text-file.ts';

/**
 * Reads a file that holds one secret, such as a Docker secret.
 * @returns its content without white space around it
 * @throws Error whose message continues the name of the setting: "cannot be read (…)", "is empty"
 */
export function readSecretFile(file: string, cwd: string): string {
  let content: string;
  try {
    content = readTextFile(path.resolve(cwd, file)).trim();
  } catch (error) {
    throw new Error(`cannot be read (${messageOf(error)})`);
  }
  if (content === '') throw new Error('is empty');
  return content;
}

/**
 * One secret of an entry in ruawatch.yaml, given as `name` or as the file `name_file`.
 * @returns null when neither is set
 * @throws Error whose message continues the name of the entry ("has both …") and never shows the secret
 */
export function secretOf(value: string | undefined, file: string | undefined, name: string, cwd: string): string | null {
  if (value !== undefined && file !== undefined) throw new Error(`has both ${name} and ${name}_file: keep one.`);
  if (file === undefined) return value === undefined || value === '' ? null : value;
  try {
    return readSecretFile(file, cwd);
  } catch (error) {
    throw new Error(`has a ${name}_file that ${messageOf(error)}: correct the path, or write the ${name} into the file.`);
  }
}
