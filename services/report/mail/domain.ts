import { hostNameOf } from '../hostname.ts';
import { withoutComments } from './author.ts';

/** Characters of a field that are looked at. */
const LENGTH = 10_000;
/** A quoted string; one that does not end goes to the end of the text. */
const QUOTED = /"((?:[^"\\]|\\.)*)"?/g;
const BETWEEN = /[\s,;()<>[\]"']+/;

/**
 * The domain in a text that holds an address, a list or group of them, or a bare name, with comments, quotes
 * and punctuation around them (RFC 5322 section 3.4): of several, the first one, addresses before names and
 * names with a dot before others. For what a report says; who wrote a mail is for author.ts to decide.
 *
 * @returns A-labels, lower case, no trailing dot; null when there is none
 */
export function domainIn(text: string): string | null {
  const whole = text.slice(0, LENGTH);
  // An unterminated comment leaves its parenthesis at the end.
  const plain = withoutComments(whole).replace(/\($/, '');
  const bare = plain.replace(QUOTED, ' \x01');
  // A route (RFC 5322 section 4.4) comes before the address.
  const angled = [...bare.matchAll(/<(?:@[^<>:]*:)?([^<>]*)>?/g)].map((match) => withoutBlanks(match[1]!));
  const quoted = [...plain.matchAll(QUOTED)].map((match) => match[1]!);
  const around = bare.replace(/<[^<>]*>?/g, ' ');
  const found = best(angled) ?? best([joined(around)], true) ?? best([around]) ?? best(quoted) ?? best([whole]);
  // Beside an address that has no name for its host, a lone word is the name of a person.
  return angled.some((text) => text.includes('@')) && found?.includes('.') === false ? best(angled) : found;
}

/**
 * An address in angle brackets without the blanks and line ends that RFC 5322 section 4.4 permits around its
 * dots and `@`.
 */
function withoutBlanks(text: string): string {
  return text.includes('@') ? text.replace(/\s{0,8}([@.])\s{0,8}/g, '$1') : text;
}

/** The same without brackets, where a blank behind a dot may begin the next sentence. */
function joined(text: string): string {
  return text.replace(/\s{0,8}@\s{0,8}/g, '@').replace(/\s{1,8}\.\s{0,8}/g, '.');
}

/** @param addresses names alone do not count */
function best(texts: readonly string[], addresses = false): string | null {
  let short: string | null = null;
  for (const text of texts) {
    for (const word of text.split(BETWEEN)) {
      const at = word.lastIndexOf('@');
      if (addresses && at < 0) continue;
      // A group has its name before a colon, a route its hosts.
      const name = (at < 0 ? bareName(word) : word.slice(at + 1)).replace(/[.:!?]+$/, '');
      const domain = hostNameOf(name);
      if (domain?.includes('.')) return domain;
      // A word alone may be a name without a dot; words are words.
      if (at >= 0 || !/\S\s+\S/.test(text.trim())) short ??= domain;
    }
  }
  return short;
}

/** A name without what else may be in a word: a scheme and a path, a port, a tag such as `d=` or `dns:`. */
function bareName(word: string): string {
  const host = word.replace(/^[a-z][a-z\d+.-]*:\/\/([^/?#]*).*$/i, '$1').replace(/:\d{1,5}$/, '');
  return host.slice(Math.max(host.lastIndexOf(':'), host.lastIndexOf('=')) + 1);
}
