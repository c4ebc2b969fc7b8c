import { readFileSync } from 'node:fs';

/**
 * The content of a text file in UTF-8, without a byte order mark. Another encoding is refused rather than
 * read wrongly: a letter of a password would become a replacement character.
 * @throws Error of the file system, or with the message "it is not UTF-8 text"
 */
export function readTextFile(file: string): string {
  const bytes = readFileSync(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8 text');
  }
}
