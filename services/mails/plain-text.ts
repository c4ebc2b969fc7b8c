/** No single value of a report may take more than this many characters of a mail. */
const LONGEST_VALUE = 200;

/**
 * A value on one line, safe to show: it may come from a forged report. Control characters, line and
 * bidirectional controls, invisible and private characters and lone surrogates go, white space is one blank,
 * what is too long is cut, and the `://` that mail programs turn into a link is broken. What is neither text
 * nor number is nothing.
 */
export function clean(value: unknown, longest: number = LONGEST_VALUE): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  const text = String(value)
    // A mail of a megabyte of blanks must not be worked on as a whole.
    .slice(0, longest * 8)
    .replace(/[\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll('://', '[:]//')
    .trim();
  const characters = [...text];
  return characters.length <= longest
    ? text
    : `${characters
        .slice(0, longest - 1)
        .join('')
        .trimEnd()}…`;
}

/** Words, of which a command in quotes is one: a line break in it would be pasted. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const word of text.split(' ')) {
    const open = found.at(-1);
    const goes = open !== undefined && COMMAND.test(open) && open.length + word.length < LONGEST_COMMAND;
    if (goes) found[found.length - 1] = `${open} ${word}`;
    else found.push(word);
  }
  return found;
}

/** The begin of one, without its end. */
const COMMAND = /^\(?"ruawatch(?: [^"]*)?$/;
const LONGEST_COMMAND = 60;

/**
 * The lines of a text of at most `width` columns; a word that is longer is broken, unless it is a link:
 * `clean` leaves none but ours.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words(text)) {
    let rest = [...word];
    if (line !== '' && [...line].length + 1 + rest.length <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (rest.length > width && !word.includes('://')) {
      lines.push(rest.slice(0, width).join(''));
      rest = rest.slice(width);
    }
    line = rest.join('');
  }
  return line === '' ? lines : [...lines, line];
}

/** At most `most` lines; the last one shows that something was cut. */
export function atMost(lines: string[], most: number, width: number): string[] {
  if (lines.length <= most) return lines;
  if (lines[most - 1]!.includes('://')) return lines.slice(0, most);
  const last = [...lines[most - 1]!];
  const cut = last.slice(0, width - 2).join('');
  // Half a number is a wrong one.
  const whole = last.length <= width - 2 ? cut : cut.replace(/(\S) \S*$/, '$1');
  return [...lines.slice(0, most - 1), `${whole} …`];
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => HTML[c]!);
}

/**
 * Days and domain names that a mail program would break at their hyphens; what is longer must break on a
 * telephone.
 */
const HYPHENATED = /(?<![\w.&;#-])(?=[\w.-]{3,32}(?![\w.-]))[\w.]+(?:-[\w.]+)+/g;

/** Escaped, with its days and names kept in one piece. */
export function inlineHtml(text: string): string {
  return escapeHtml(text).replace(HYPHENATED, '<span style="white-space:nowrap;">$&</span>');
}
