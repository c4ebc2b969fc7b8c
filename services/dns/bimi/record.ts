import { parseTags } from '../tag-list.ts';

export type BimiProblemCode = 'bimi_syntax' | 'bimi_location';

/** A BIMI assertion record (draft-brand-indicators-for-message-identification). */
export interface BimiRecord {
  text: string;
  /** Where the logo is; null when none is named. */
  location: string | null;
  /** Where the mark certificate is; null when none is named. */
  authority: string | null;
  /** l= and a= are empty: the domain declines to take part. */
  declined: boolean;
  problems: readonly { code: BimiProblemCode; at: number; text: string }[];
}

/** Records that do not begin so are discarded before they are counted. */
export function isBimi(text: string): boolean {
  return /^v=BIMI1[ \t]*(?:;|$)/.test(text);
}

/**
 * Reads a BIMI record.
 * @param text the strings of a TXT record, joined
 * @returns null when the text is not such a record (`isBimi`)
 */
export function parseBimi(text: string): BimiRecord | null {
  if (!isBimi(text)) return null;
  const { tags, broken } = parseTags(text);
  const problems: BimiRecord['problems'][number][] = broken.map((part) => ({ code: 'bimi_syntax', ...part }));
  // The grammar is that of DKIM: a tag stands once (RFC 6376 section 3.2).
  for (const [n, { name, at, text: part }] of tags.entries())
    if (tags.slice(0, n).some((tag) => tag.name.toLowerCase() === name.toLowerCase()))
      problems.push({ code: 'bimi_syntax', at, text: part });
  const find = (name: string) => tags.find((tag) => tag.name.toLowerCase() === name);
  const place = (name: string) => {
    const tag = find(name);
    if (tag === undefined || tag.value === '') return null;
    const fine = /^https:\/\/[^\s;,]+$/i.test(tag.value) && URL.canParse(tag.value) && new URL(tag.value).username === '';
    if (!fine) problems.push({ code: 'bimi_location', at: tag.at, text: tag.text });
    return fine ? tag.value : null;
  };
  if (find('l') === undefined) problems.push({ code: 'bimi_syntax', at: 0, text });
  const location = place('l');
  const authority = place('a');
  const declined = find('l')?.value === '' && (find('a')?.value ?? '') === '';
  return { text, location, authority, declined, problems };
}
