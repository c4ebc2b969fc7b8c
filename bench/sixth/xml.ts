import type { Random } from '../../demo/random.ts';

/**
 * How a leaf's text may be spelled: `word` is of an enumeration, `free` is prose, `name` and `number` are
 * what they say.
 */
export type Kind = 'word' | 'number' | 'name' | 'free';

/** An element that holds text. */
export interface Leaf {
  tag: string;
  value: string;
  kind: Kind;
  lang?: string | undefined;
}

/** An element that holds elements. */
export interface Branch {
  tag: string;
  parts: Part[];
}

/** An element of an extension, written as it stands. */
interface Foreign {
  xml: string;
}

export type Part = Leaf | Branch | Foreign;

/** How one receiver spells XML. Every number is a chance between 0 and 1, drawn for each element anew. */
export interface Style {
  /** What stands between elements: the line end, or nothing where all is one line. */
  eol: '\n' | '\r\n' | '';
  indent: string;
  /** The namespace prefix, colon included, of every element, or of the root alone. */
  prefix: string;
  prefixed: 'all' | 'root';
  /** How an element without text is written. */
  empty: 'pair' | 'short' | 'spaced';
  /** The largest code point that is written as itself. */
  limit: 0x7f | 0xff | 0x10ffff;
  blankLines: number;
  comments: number;
  /** White space around a value. */
  padding: number;
  /** Words of enumerations in capitals. */
  upper: number;
  /** A value with one of its ASCII characters as a numeric reference. */
  references: number;
  /** Prose as a CDATA section; for styles that write every character as itself. */
  cdata: number;
  /** White space in tags, before the closing bracket. */
  tagSpace: number;
}

export const PLAIN: Style = {
  eol: '\n',
  indent: '  ',
  prefix: '',
  prefixed: 'all',
  empty: 'short',
  limit: 0x10ffff,
  blankLines: 0,
  comments: 0,
  padding: 0,
  upper: 0,
  references: 0,
  cdata: 0,
  tagSpace: 0,
};

/** Comments, some of which look like the elements that a scanner without a parser would fall for. */
const COMMENTS = [
  'end of shard',
  " don't parse me ",
  ' <record><row><count>999</count></row></record> ',
  '</feedback>',
  'größer > kleiner "q"',
  ' <![CDATA[ ',
  '\n\tnext source\n',
];

/** A comment has no references: what a document's encoding cannot hold must not be in it. */
const ASCII_COMMENTS = COMMENTS.filter((comment) => /^[\u0000-\u007f]*$/.test(comment));

const hasParts = (part: Leaf | Branch): part is Branch => 'parts' in part;

/** One document in one style: the same tree comes out in another spelling with every draw. */
export class Writer {
  private readonly style: Style;
  private readonly random: Random;

  constructor(style: Style, random: Random) {
    this.style = style;
    this.random = random;
  }

  /** The element with all that is in it, from the start of its line to its line end. */
  element(part: Part, depth: number): string {
    const { eol, indent, comments, blankLines } = this.style;
    const start = eol && indent.repeat(depth);
    if ('xml' in part) return `${start}${part.xml}${eol}`;
    let before = '';
    if (comments && depth > 0 && this.random.chance(comments)) before = `${start}${this.comment()}${eol}`;
    if (blankLines && this.random.chance(blankLines)) before += eol + (this.random.chance(0.3) ? `${indent}${eol}` : '');
    if (!hasParts(part)) return `${before}${start}${this.leaf(part)}${eol}`;
    const name = this.name(part.tag, depth);
    const inside = part.parts.map((inner) => this.element(inner, depth + 1)).join('');
    if (inside === '') return `${before}${start}${this.nothing(name)}${eol}`;
    return `${before}${start}<${name}${this.space()}>${eol}${inside}${start}</${name}${this.space()}>${eol}`;
  }

  /** A root's start and end tag, with attributes as given. */
  root(tag: string, attributes: string): [open: string, close: string] {
    const { prefix, eol } = this.style;
    return [`<${prefix}${tag}${attributes && ` ${attributes}`}>${eol}`, `</${prefix}${tag}>${eol}`];
  }

  comment(): string {
    return `<!--${this.random.pick(this.style.limit === 0x10ffff ? COMMENTS : ASCII_COMMENTS)}-->`;
  }

  private name(tag: string, depth: number): string {
    return this.style.prefixed === 'all' || depth === 0 ? this.style.prefix + tag : tag;
  }

  private space(): string {
    const { tagSpace, eol } = this.style;
    return tagSpace && this.random.chance(tagSpace) ? this.random.pick([' ', '\t', eol]) : '';
  }

  private nothing(name: string): string {
    const { empty } = this.style;
    return empty === 'pair' ? `<${name}></${name}>` : empty === 'spaced' ? `<${name} />` : `<${name}/>`;
  }

  private leaf({ tag, value, kind, lang }: Leaf): string {
    const name = this.name(tag, 1);
    if (value === '' && !lang) return this.nothing(name);
    const quote = this.style.tagSpace ? "'" : '"';
    const attribute = lang ? ` lang=${quote}${lang}${quote}` : '';
    return `<${name}${attribute}${this.space()}>${this.text(value, kind)}</${name}${this.space()}>`;
  }

  /** A value, escaped, in one of the spellings the style allows. */
  private text(value: string, kind: Kind): string {
    const { upper, cdata, references, padding, comments, eol, indent } = this.style;
    const { random } = this;
    let text = value;
    if (kind === 'word' && upper && random.chance(upper)) {
      text = random.chance(0.5) ? text.toUpperCase() : text.charAt(0).toUpperCase() + text.slice(1);
    }
    if (kind === 'free' && cdata && random.chance(cdata)) return this.section(text);
    if (references && text !== '' && random.chance(references)) {
      const at = random.int(0, text.length - 1);
      const code = text.charCodeAt(at);
      const whole = code < 0xd800 || code > 0xdfff;
      if (whole) text = this.escape(text.slice(0, at)) + this.reference(code) + this.escape(text.slice(at + 1));
      else text = this.escape(text);
    } else text = this.escape(text);
    if (comments && random.chance(comments / 8)) text += this.comment();
    if (!padding || !random.chance(padding)) return text;
    const white = random.pick([' ', '  ', '\t', `${eol}${indent}`]);
    return random.chance(0.3) ? `${text}${white}` : `${white}${text}${white}`;
  }

  private section(text: string): string {
    return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
  }

  private reference(code: number): string {
    return this.random.chance(0.5)
      ? `&#${code};`
      : `&#x${code.toString(16)[this.random.chance(0.5) ? 'toUpperCase' : 'toString']()};`;
  }

  private escape(text: string): string {
    if (!/[<>&"'\u0080-\u{10ffff}]/u.test(text)) return text;
    const marked = text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll(']]>', ']]&gt;')
      .replaceAll('"', this.random.chance(0.5) ? '&quot;' : '"')
      .replaceAll("'", this.random.chance(0.3) ? '&apos;' : "'")
      .replaceAll('>', this.random.chance(0.5) ? '&gt;' : '>');
    const { limit } = this.style;
    if (limit === 0x10ffff) return marked;
    return marked.replace(/[^\u0000-\u007f]/gu, (c) => (c.codePointAt(0)! > limit ? this.reference(c.codePointAt(0)!) : c));
  }
}
