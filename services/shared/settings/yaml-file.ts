import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../errors.ts';
import { readTextFile } from '../text-file.ts';

/**
 * Reads the keys and values of ruawatch.yaml. Mistakes never quote the file: a value may be a password.
 * @param named the file that RUAWATCH_CONFIG names; without it ruawatch.yaml in `cwd`, which need not exist
 * @param mistakes receives a sentence for each mistake
 */
export function readYamlFile(named: string | undefined, cwd: string, mistakes: string[]): Record<string, unknown> {
  const file = path.resolve(cwd, named ?? 'ruawatch.yaml');
  if (!existsSync(file)) {
    if (named) mistakes.push(`RUAWATCH_CONFIG names ${named}, which does not exist.`);
    return {};
  }
  const name = path.basename(file);
  try {
    const data = yamlOf(readTextFile(file), name, mistakes);
    if (typeof data === 'object' && !Array.isArray(data)) return { ...data };
    mistakes.push(`${name} must hold keys and values.`);
  } catch (error) {
    mistakes.push(`${name} cannot be read: ${messageOf(error)}.`);
  }
  return {};
}

/** The content of a YAML text. @param mistakes receives a sentence, which never quotes the text */
export function yamlOf(text: string, name: string, mistakes: string[]): unknown {
  // Required here, not imported: a process with all its settings in the environment need not load the
  // package.
  const { LineCounter, parseDocument } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  // Only the first mistake: the others mostly follow from it. Only its code: the parser's message may quote
  // the file.
  const mistake = document.errors[0] ?? document.warnings[0];
  if (mistake) {
    const { line, col } = lines.linePos(mistake.pos[0]);
    mistakes.push(
      `${name} is not YAML at line ${line}, column ${col} (${mistake.code}): correct it; values with special characters need quotes.`,
    );
    return {};
  }
  try {
    return document.toJS() ?? {};
  } catch {
    // The message names the alias, which is a secret when its quotes were forgotten.
    mistakes.push(`${name} has a value that begins with * and is not an alias, or too many aliases: put the value in quotes.`);
    return {};
  }
}
