import type { SaxesParser } from 'saxes';
import { library } from '../library.ts';
import type { Step } from './shapes.ts';

const saxes = library('saxes') as typeof import('saxes');

/** Who is told what stands in a document. */
export interface Listener {
  /** A start tag ended at `position`; its attributes were told before. `name` is as written, prefix and all. */
  opened(name: string): void;
  /** An end tag ended at `position`, or an empty element's tag right after `opened`. */
  closed(): void;
  /**
   * Asked before an element that is a child of the root and begins at `start` of `text`, where `position` is: its length, when the
   * listener knows what it says, and then it is not told; else 0.
   */
  repeated?(text: string, start: number): number;
  /** A child of the root that lies between `start` and `end` of `text` was told, in these steps. */
  told?(text: string, start: number, end: number, steps: readonly Step[]): void;
  /** Character data up to the next markup, references resolved. */
  text(text: string): void;
  /** An attribute, by the characters of its value. */
  attribute(length: number): void;
  /** A DOCTYPE; throws. */
  doctype(): never;
  /** The document is not well-formed; throws. */
  malformed(message: string): never;
}

/** What the tokens of a document come from. */
export interface Tokenizer {
  /** Characters read when the listener is told of a tag. */
  readonly position: number;
  write(chunk: string): void;
  /** The document has ended. */
  close(): void;
}

/** saxes, the library that decides what is well-formed. `prefix` is read before anybody listens. */
export function strictParser(listener: Listener, prefix = ''): SaxesParser {
  const parser = new saxes.SaxesParser({ position: false });
  parser.write(prefix);
  // Seven handlers: an eighth turns the parser into an object with slow properties in V8, and reading takes four times as long.
  // So comments and processing instructions go unheard, and a run of them counts as a text of its length.
  parser.on('opentag', (tag) => listener.opened(tag.name));
  parser.on('closetag', () => listener.closed());
  parser.on('text', (text) => listener.text(text));
  parser.on('cdata', (text) => listener.text(text));
  parser.on('attribute', (attribute) => listener.attribute(attribute.value.length));
  parser.on('doctype', () => listener.doctype());
  parser.on('error', (error) => listener.malformed(error.message));
  return parser;
}
