import type { SaxesParser, SaxesTagPlain } from 'saxes';
import { library } from '../library.ts';
import type { Chunk } from './characters.ts';

const saxes = library('saxes') as typeof import('saxes');

/** Receives the tokens of a document. */
export interface Listener {
  /**
   * A start tag ended at `position`; its attributes were reported before. `name` is as written, with its
   * prefix; `xmlns` is the default namespace that it declares.
   */
  opened(name: string, xmlns: string | null): void;
  /** An end tag ended at `position`, or an empty element's tag right after `opened`. */
  closed(): void;
  /** Whether the listener may take elements where the document is. */
  mayTake?(): boolean;
  /**
   * Called then before an element that begins at `start` of `chunk`, where `position` is. Returns its length
   * when the listener has taken the element from the text, whose tokens are then not reported; else 0.
   */
  record?(chunk: Chunk, start: number): number;
  /** Character data up to the next markup, references resolved. */
  text(text: string): void;
  /** An attribute, by the characters of its value. */
  attribute(length: number): void;
  /** A DOCTYPE; throws. */
  doctype(): never;
  /** The document is not well-formed; throws. */
  malformed(message: string): never;
}

/** Splits a document into tokens. */
export interface Tokenizer {
  /** Characters read when a tag is reported to the listener. */
  readonly position: number;
  write(chunk: string): void;
  /** The document has ended. */
  close(): void;
}

/** The states of saxes 6.0.0 in which it gathers a text: character data and CDATA. */
const TEXT_STATE = 13;
const TEXT_STATES = new Set([TEXT_STATE, 20]);
/** Its states at the end of CDATA and in a reference, with a text before it. */
const CDATA_END_STATES = new Set([21, 22]);
const ENTITY_STATE = 14;
/** Characters of a reference; one that does not end takes all that follows for its name. */
const ENTITY_LENGTH = 64;

/**
 * Reports the text that a parser has gathered so far, which saxes itself does only at its end. False when the
 * parser is not within a text.
 */
export function releaseText(parser: SaxesParser, listener: Listener): boolean {
  // None of them is public; test/report/xml/long-texts.test.ts shows that they are what they seem.
  const inner = parser as unknown as { state: number; text: string; entity: string };
  const { state, text, entity } = inner;
  const paused = CDATA_END_STATES.has(state) || (state === ENTITY_STATE && entity.length < ENTITY_LENGTH);
  if (!TEXT_STATES.has(state) && !paused) return false;
  inner.text = '';
  if (text !== '') listener.text(text);
  return true;
}

/**
 * Whether what comes next in an element is its content, of which nothing has been read yet: markup may be
 * left out here.
 */
export function isBetweenTags(parser: SaxesParser): boolean {
  const { state, text, forbiddenState } = parser as unknown as { state: number; text: string; forbiddenState: number };
  // XML 1.1 has other line ends and characters.
  return state === TEXT_STATE && text === '' && forbiddenState === 0 && parser.xmlDecl.version !== '1.1';
}

/** saxes, the library that decides what is well-formed. */
export function strictParser(listener: Listener): SaxesParser {
  const parser = new saxes.SaxesParser({ position: false });
  // Seven handlers: an eighth turns the parser into an object with slow properties in V8, and reading takes
  // four times as long. So comments and processing instructions are not reported, and a run of them counts as
  // a text of its length.
  parser.on('opentag', (tag) => listener.opened(tag.name, (tag as SaxesTagPlain).attributes.xmlns ?? null));
  parser.on('closetag', () => listener.closed());
  parser.on('text', (text) => listener.text(text));
  parser.on('cdata', (text) => listener.text(text));
  parser.on('attribute', (attribute) => listener.attribute(attribute.value.length));
  parser.on('doctype', () => listener.doctype());
  parser.on('error', (error) => listener.malformed(error.message));
  return parser;
}
