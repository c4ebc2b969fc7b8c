import { MOST_BYTES, repeated } from './bytes.ts';
import type { Random } from './random.ts';

const TOKEN = /<[^<>]*>|[^<]+|</g;

/** Pieces of markup that a reader may stumble over. */
const MARKUP = [
  '<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
  '<!DOCTYPE feedback SYSTEM "file:///etc/passwd">',
  '<!--',
  '-->',
  '<!-- -- -->',
  '<![CDATA[',
  ']]>',
  '<?xml version="1.0" encoding="utf-16"?>',
  '<?xml version="1.1"?>',
  '<?pi',
  '<feedback>',
  '</feedback>',
  '<record>',
  '<record ',
  '</record>',
  '<report_metadata>',
  '</policy_published>',
  '<row>',
  '<x:record xmlns:x="urn:x">',
  '<',
  '>',
  '&',
  '&;',
  '&b;',
  '&#0;',
  '&#x110000;',
  '&#xD800;',
  '&amp;lt;',
  '<a b="',
  "<a b='<'/>",
  '<a b=c/>',
  '<a b="1" b="2"/>',
  '<__proto__/>',
  '<constructor>1</constructor>',
  '<toString/>',
  '\0',
  '\ufeff',
  '\x0b',
  '\xc3',
  '</',
  '<1/>',
];

const VALUES = [
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  '9007199254740993',
  '99999999999999999999999999',
  'NaN',
  '0x10',
  '1.5',
  '253402300800',
  '1970-01-01T00:00:00Z',
  '::',
  '::ffff:1.2.3.4',
  '1.2.3.4.5',
  'fe80::1%eth0',
  '0.0.0.0/0',
  'pass',
  'PASS',
  'none;drop table',
  "'; --",
  '\\N',
  '\\.',
  '\t\n\r',
  '__proto__',
  'xn--',
  '.',
  '..',
  'a..b',
  `${'a.'.repeat(200)}com`,
  'x'.repeat(70_000),
  '\ud800',
  '%00',
  '!a!1!2',
];

/** One change to the tags and texts of a document. Works on text that need not be XML. */
export function mutateXml(random: Random, text: string, other: string): string {
  const tokens = text.match(TOKEN) ?? [];
  const at = random.below(tokens.length + 1);
  const length = Math.min(tokens.length - at, random.size(64));
  const piece = tokens.slice(at, at + length);
  switch (random.below(13)) {
    case 0:
      tokens.splice(at, length);
      break;
    case 1:
      tokens.splice(at, 0, ...piece);
      break;
    case 2:
      tokens.splice(at, length);
      tokens.splice(random.below(tokens.length + 1), 0, ...piece);
      break;
    case 3:
      tokens.splice(at, length, ...piece.reverse());
      break;
    case 4:
      tokens.splice(at, 0, random.pick(MARKUP));
      break;
    case 5:
      setText(random, tokens, random.pick(VALUES));
      break;
    case 6: {
      const name = random.pick(['record', 'row', 'x', 'feedback', 'dkim', 'reason']);
      const deep = random.size(200);
      tokens.splice(at, length, `<${name}>`.repeat(deep), ...piece, `</${name}>`.repeat(random.oneIn(4) ? deep - 1 : deep));
      break;
    }
    case 7: {
      const foreign = other.match(TOKEN) ?? [];
      const from = random.below(foreign.length + 1);
      tokens.splice(at, 0, ...foreign.slice(from, from + random.size(256)));
      break;
    }
    case 8:
      return tokens.slice(0, at).join('').slice(0, -random.size(16));
    case 9:
      rename(random, tokens);
      break;
    case 10:
      attribute(random, tokens);
      break;
    case 11:
      return `${text}${random.pick(['', ' ', '\n', '\0', 'x', '<feedback>'])}${random.pick([text, other])}`;
    default: {
      if (!random.oneIn(6)) break;
      const few = random.oneIn(2) ? random.pick(MARKUP) : piece.slice(0, random.size(8)).join('');
      tokens.splice(at, 0, repeated(random, Buffer.from(few.slice(0, 4096))).toString());
    }
  }
  return tokens.join('').slice(0, MOST_BYTES);
}

function setText(random: Random, tokens: string[], value: string): void {
  const texts = tokens.flatMap((token, i) => (token.startsWith('<') ? [] : [i]));
  if (texts.length > 0) tokens[random.pick(texts)] = value;
}

function rename(random: Random, tokens: string[]): void {
  const tags = tokens.flatMap((token, i) => (/^<\/?[\w:]/.test(token) ? [i] : []));
  if (tags.length === 0) return;
  const at = random.pick(tags);
  const name = random.pick([
    'record',
    'row',
    'report_metadata',
    'policy_published',
    'x:y',
    'RECORD',
    '_',
    `a${'b'.repeat(random.size(1000))}`,
  ]);
  tokens[at] = (tokens[at] as string).replace(/[\w:.-]+/, name);
}

function attribute(random: Random, tokens: string[]): void {
  const tags = tokens.flatMap((token, i) => (/^<[\w:]/.test(token) ? [i] : []));
  if (tags.length === 0) return;
  const at = random.pick(tags);
  const many = Array.from({ length: random.size(100) }, (_, i) => ` a${i}="${random.pick(VALUES)}"`).join('');
  tokens[at] = (tokens[at] as string).replace(/\/?>$/, (end) => `${many}${end}`);
}
