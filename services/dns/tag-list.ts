/** A tag of a record that is a list of tag=value pairs separated by semicolons, as BIMI records are. */
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

/**
 * Without the blanks of the grammars around it: String.trim() takes a no-break space for one as well, and
 * receivers do not.
 */
export function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && BLANK.includes(text[from]!)) from++;
  while (to > from && BLANK.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

const BLANK = ' \t\r\n';

/**
 * Reads the tags of a record in their order. An empty part, such as the one behind the last semicolon, is
 * passed over.
 */
export function parseTags(text: string): TagList {
  const tags: Tag[] = [];
  const broken: { at: number; text: string }[] = [];
  for (const { at, text: part } of partsOf(text)) {
    if (part === '') continue;
    const found = /^([A-Za-z][A-Za-z0-9_-]{0,31})[ \t]*=[ \t]*(.*)$/s.exec(part);
    if (found === null) broken.push({ at, text: part });
    else tags.push({ name: found[1]!, value: trimBlanks(found[2]!), at, text: part });
  }
  return { tags, broken };
}

const FIELD = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=(?![ \t])(.*)$/s;
const EXTENSION_VALUE = /^[\x21-\x3a\x3c\x3e-\x7e]+$/;

/**
 * Reads the fields of an MTA-STS or TLS-RPT record, which share a grammar (RFC 8461 section 3.1, RFC 8460
 * section 3): senders discard a record in which any field breaks it. No blanks stand around "=", no field is
 * empty, and those that no standard knows have values of visible ASCII without "=".
 * @param own the field whose value is for the caller to read
 */
export function parseFields(text: string, own: string): TagList {
  const tags: Tag[] = [];
  const broken: { at: number; text: string }[] = [];
  // The version comes first.
  const [, ...parts] = partsOf(text);
  for (const [i, { at, text: part }] of parts.entries()) {
    if (part === '' && i === parts.length - 1) continue;
    const found = FIELD.exec(part);
    const isOwn = found?.[1] === own && !tags.some(({ name }) => name === own);
    if (found === null || (!isOwn && !EXTENSION_VALUE.test(found[2]!))) broken.push({ at, text: part });
    else tags.push({ name: found[1]!, value: found[2]!, at, text: part });
  }
  return { tags, broken };
}

/** What stands between the semicolons, without the blanks around it. */
function partsOf(text: string): { at: number; text: string }[] {
  let next = 0;
  return text.split(';').map((part) => {
    const trimmed = trimBlanks(part);
    const at = next + part.indexOf(trimmed);
    next += part.length + 1;
    return { at, text: trimmed };
  });
}
