import type { Random } from '../../demo/random.ts';

/** How a receiver writes XML. */
export interface Style {
  charset: string;
  /** A byte order mark in front. */
  mark?: boolean;
  /** All before the root; without: a declaration of the encoding. */
  prolog?: string;
  /** All behind the root. */
  epilog?: string;
  /** What a level is indented by; null: no white space between elements. */
  indent: string | null;
  eol: '\n' | '\r\n' | '\r';
  prefix?: string;
  /** The attributes of the root. */
  root?: string;
  /**
   * As in the schema; mixed where it says xs:all; mixed in every element; or mixed with the records first.
   */
  order: 'schema' | 'all' | 'any' | 'records-first';
  /** How often an optional element for text that is not given is there, but empty. */
  empties?: number;
  text: (value: string, random: Random) => string;
  /** Attributes and white space in a start tag, each attribute with a space in front. */
  attributes?: (name: string, random: Random) => string;
  language?: string;
  /** Markup that stands between two elements at any level: comments, instructions, extensions. */
  between?: (random: Random) => string;
  /** What stands in `<extension>`, and at a record's end (RFC 9990): any elements of other namespaces. */
  extension?: (random: Random) => string;
  recordEnd?: (random: Random) => string;
}
