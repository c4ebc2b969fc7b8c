/** A tag of a record that is a list of tag=value pairs separated by semicolons, as TLS-RPT, MTA-STS and BIMI records are. */
export interface Tag {
  /** As written; compared in lower case where the format requires it. */
  name: string;
  value: string;
  /** Where the tag begins in the text, from 0. */
  at: number;
  text: string;
}

export interface TagList {
  tags: readonly Tag[];
  /** Parts that are not tag=value. */
  broken: readonly { at: number; text: string }[];
}

/** Without the blanks of the grammars around it: String.trim() takes a no-break space for one as well, and receivers do not. */
export function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && BLANK.includes(text[from]!)) from++;
  while (to > from && BLANK.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

const BLANK = ' \t\r\n';

/**
 * Reads the tags of a record in their order. An empty part, such as the one behind the last semicolon, is passed over.
 * @param around whether blanks may stand around "=": in the grammars of MTA-STS and TLS-RPT they may not
 */
export function parseTags(text: string, around: 'blanks' | 'no blanks' = 'blanks'): TagList {
  const pattern =
    around === 'blanks' ? /^([A-Za-z][A-Za-z0-9_-]{0,31})[ \t]*=[ \t]*(.*)$/s : /^([A-Za-z][A-Za-z0-9_-]{0,31})=(?![ \t])(.*)$/s;
  const tags: Tag[] = [];
  const broken: { at: number; text: string }[] = [];
  let next = 0;
  for (const part of text.split(';')) {
    const trimmed = trimBlanks(part);
    const at = next + part.indexOf(trimmed);
    next += part.length + 1;
    if (trimmed === '') continue;
    const found = pattern.exec(trimmed);
    if (found === null) broken.push({ at, text: trimmed });
    else tags.push({ name: found[1]!, value: trimBlanks(found[2]!), at, text: trimmed });
  }
  return { tags, broken };
}
