import { givenByM365 } from '../programs/services.ts';
import type { Raw } from './entry.ts';

const NEEDED = ['senderaddress', 'recipientaddress', 'recipientstatus', 'sender', 'recipient'];

/**
 * The reader of a message trace that was exported as CSV (Microsoft 365), by its first line; null: the line is no such heading. The
 * separator may be a comma, a semicolon or a tab. Values with line breaks are not read.
 */
export function readTrace(heading: string): ((line: string) => Raw[]) | null {
  const bare = heading.replace(/^\ufeff/, '').replaceAll('\0', '');
  const separator = [',', ';', '\t'].find((char) => bare.includes(char));
  if (separator === undefined) return null;
  const columns = cells(bare, separator).map((name) => name.toLowerCase().replace(/[\s_]/g, ''));
  if (columns.filter((name) => NEEDED.includes(name)).length < 2) return null;
  return (line) => {
    const values = cells(line.replaceAll('\0', ''), separator);
    const given = givenByM365(Object.fromEntries(columns.map((name, n) => [name, values[n] ?? ''])));
    return given.map(({ text, program, at }) => ({ text, tag: program, host: program, ...(at === null ? {} : { at }) }));
  };
}

/** The cells of a line (RFC 4180). */
function cells(line: string, separator: string): string[] {
  const found: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (line[at + 1] === '"') cell += line[++at];
      else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === separator) {
      found.push(cell);
      cell = '';
    } else cell += char;
  }
  found.push(cell);
  return found;
}
