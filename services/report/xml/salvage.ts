import { createRequire } from 'node:module';
import type { XMLParser } from 'fast-xml-parser';
import type { AggregateBuilder } from '../aggregate/report-builder.ts';
import { type Limits, Refusal } from '../limits.ts';
import { excerpt } from '../text.ts';
import { childOf, FEEDBACK, RECORD } from './report-elements.ts';

/** Characters of one child of feedback that are held while its end is searched for. */
const SEGMENT_LENGTH = 1 << 20;
/**
 * Characters gathered before they are searched, so that the cost of an incomplete child does not depend on
 * the size of the pieces.
 */
const STEP_LENGTH = 1 << 16;

/** Where a child of feedback that counts begins. */
const OPENING = /<((?:[\w.-]+:)?(?:record|report_metadata|policy_published|feedback))(?=[\s>/])/gi;
/**
 * A whole end tag of such a child, or what `OPENING` takes for a beginning: it either ends the child or shows
 * that the child never ended. Since both patterns accept the same beginnings, the search is linear: it never
 * goes past the next child.
 */
const BOUNDARY = /<(?:(\/)(?=[^<>]*>))?((?:[\w.-]+:)?(?:record|report_metadata|policy_published|feedback))(?=[\s>/])/gi;
/** A `<` that does not begin markup: an unescaped character of the text. */
const MARKUP = /<(?!\/?[A-Za-z_:][\w.:-]*(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*\/?>|!--|!\[CDATA\[)/g;
const AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)/g;
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]+/g;
/**
 * An unterminated comment or CDATA section is one match too; otherwise each of a million would be searched to
 * the end of the text.
 */
const TAG = /<!--[\s\S]*?(?:-->|$)|<!\[CDATA\[[\s\S]*?(?:\]\]>|$)|<(\/?)([A-Za-z_:][\w.:-]*)[^<>]*?(\/?)>/g;

/** An element without anything in it. */
const EMPTY = /^<[^<>]*>\s*<[^<>]*>$/;

/** An element of fast-xml-parser's ordered tree. */
export type OrderedNode = { '#text'?: unknown } & { [name: string]: OrderedNode[] | unknown };

// Loaded on first use: it is rarely needed, and takes some megabytes in every thread.
let loaded: typeof import('fast-xml-parser') | null = null;
const library = (): typeof import('fast-xml-parser') => {
  loaded ??= createRequire(import.meta.url)('fast-xml-parser') as typeof import('fast-xml-parser');
  return loaded;
};
let parser: XMLParser | null = null;

const parserOptions = {
  preserveOrder: true,
  // The only one that says anything of a report: whose element it is.
  ignoreAttributes: (name: string) => name !== 'xmlns',
  attributeNamePrefix: '',
  parseTagValue: false,
  trimValues: false,
  processEntities: true,
  htmlEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
};

/**
 * Reads what is left of a document that is not well-formed, from the place where the strict reader had to
 * stop. Whole records, metadata and policies are cut out, checked, and parsed by fast-xml-parser one by one;
 * incomplete records are set aside. Of broken metadata and policies, the part before the break counts. Feeds
 * the same builder as the strict reader.
 *
 * Repairs, each within one element: unescaped `<` and `&`, characters that XML forbids.
 */
export class Salvager {
  private readonly builder: AggregateBuilder;
  private readonly limits: Limits;
  private tail = '';
  /** Characters of `tail` that were not searched yet. */
  private fresh = 0;
  /** The feedback element of this report was seen, here or by the strict reader. */
  private begun: boolean;
  /** Metadata and policies read so far; a report has one of each. */
  private others = 0;
  /** Another report begins: there is nothing left to read for this one. */
  stopped = false;

  constructor(builder: AggregateBuilder, limits: Limits) {
    this.builder = builder;
    this.limits = limits;
    this.begun = builder.started;
    builder.repairing = true;
    builder.onChildEnd = null;
    builder.onRecordStart = null;
    builder.abandonChild();
  }

  /** The next piece of the decoded text; none may follow once `stopped` is set. */
  write(text: string): void {
    this.tail += text;
    this.fresh += text.length;
    if (this.fresh < STEP_LENGTH) return;
    this.fresh = 0;
    this.scan(false);
  }

  /** The text has ended. */
  end(): void {
    this.scan(true);
    this.tail = '';
  }

  private scan(last: boolean): void {
    const text = this.tail;
    let position = 0;
    for (;;) {
      OPENING.lastIndex = position;
      const opening = OPENING.exec(text);
      if (opening === null) {
        // A tag may be cut off by the end of the piece.
        position = Math.max(position, text.length - 64);
        break;
      }
      const name = (opening[1] as string).toLowerCase();
      if (localName(name) === 'feedback') {
        if (this.begun) {
          // What follows belongs to another report, and must not be counted here.
          this.builder.problems.add('trailing_data', 'Another report follows the broken one in the same file; it was not read.');
          this.stopped = true;
          return;
        }
        this.begun = true;
        this.builder.started = true;
        position = opening.index + opening[0].length;
        continue;
      }
      const end = this.endOf(text, opening.index + opening[0].length, name);
      if (end === null) {
        const open = text.length - opening.index;
        if (!last && open <= SEGMENT_LENGTH) {
          position = opening.index;
          break;
        }
        this.broken(name, text.slice(opening.index));
        position = last ? text.length : opening.index + opening[0].length;
        continue;
      }
      const segment = text.slice(opening.index, end.position);
      if (end.whole) this.whole(name, segment);
      else this.broken(name, segment);
      position = end.position;
    }
    // The copy lets go of the text before it.
    this.tail = text.slice(position);
  }

  /**
   * Where the child ends: after its end tag, or broken off before the next child. Null while that is not
   * known.
   */
  private endOf(text: string, from: number, name: string): { position: number; whole: boolean } | null {
    BOUNDARY.lastIndex = from;
    for (let match = BOUNDARY.exec(text); match !== null; match = BOUNDARY.exec(text)) {
      const closing = match[1] === '/';
      if (closing && (match[2] as string).toLowerCase() === name)
        return { position: text.indexOf('>', match.index) + 1, whole: true };
      const local = localName(match[2] as string);
      if (!closing && local !== 'feedback') return { position: match.index, whole: false };
      if (closing && (local === 'feedback' || local === 'record')) {
        return { position: match.index, whole: false };
      }
    }
    return null;
  }

  private whole(name: string, segment: string): void {
    // A parser's run over nothing costs as much as one over a record, and a megabyte holds sixty thousand.
    if (childOf(FEEDBACK, name) === RECORD && EMPTY.test(segment)) {
      this.builder.setAsideEmpty(segment);
      return;
    }
    const repaired = repair(segment);
    if (segment.length <= SEGMENT_LENGTH && isWellFormed(repaired)) this.feed(name, repaired, segment);
    else this.broken(name, segment);
  }

  private broken(name: string, segment: string): void {
    this.builder.started = true;
    if (childOf(FEEDBACK, name) === RECORD) {
      this.builder.setAside('record_broken', 'it is not whole', segment);
      return;
    }
    this.builder.problems.add(
      'element_broken',
      `The ${localName(name)} of the report is broken; the part before the break is used.`,
    );
    const prefix = balancedPrefix(repair(segment.slice(0, SEGMENT_LENGTH)), this.limits.elementDepth);
    if (isWellFormed(prefix)) this.feed(name, prefix, segment);
  }

  private feed(name: string, xml: string, original: string): void {
    // The tree of an empty element costs as much as that of a record.
    if (childOf(FEEDBACK, name) !== RECORD && ++this.others > this.limits.children) {
      const message = `A report repeats its metadata or policy more than ${this.limits.children} times.`;
      throw new Refusal('too_many_children', message);
    }
    let nodes: OrderedNode[];
    try {
      nodes = treeOf(xml);
    } catch (error) {
      // The validator accepted it, so this is one of fast-xml-parser's own limits (entities, nesting,
      // reserved names).
      this.builder.problems.add(
        'element_refused',
        `A ${localName(name)} was set aside: ${excerpt((error as Error).message, 200)}.`,
      );
      return;
    }
    this.builder.started = true;
    this.builder.recordText = () => original;
    for (const node of nodes) feedNode(node, this.builder, this.limits.elementDepth);
  }
}

/** Whether fast-xml-parser, which is lenient, takes a document or segment for well-formed. */
export function isWellFormed(xml: string): boolean {
  return library().XMLValidator.validate(xml) === true;
}

/** A well-formed document or segment as the ordered tree of fast-xml-parser. */
export function treeOf(xml: string): OrderedNode[] {
  parser ??= new (library().XMLParser)(parserOptions);
  return parser.parse(xml) as OrderedNode[];
}

/** Feeds a tree of fast-xml-parser (preserveOrder) to a builder, element by element. */
export function feedNode(node: OrderedNode, builder: AggregateBuilder, depth: number): void {
  for (const [name, value] of Object.entries(node)) {
    if (name === '#text') {
      builder.text(String(value));
    } else if (Array.isArray(value) && name !== ':@') {
      builder.open(name, (node[':@'] as { xmlns?: string } | undefined)?.xmlns ?? null);
      // No report nests this deep; deeper elements are not read.
      if (depth > 0) for (const child of value as OrderedNode[]) feedNode(child, builder, depth - 1);
      builder.close();
    }
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1).toLowerCase();
}

function repair(segment: string): string {
  return segment.replace(FORBIDDEN, '').replace(AMPERSAND, '&amp;').replace(MARKUP, '&lt;');
}

/**
 * The part of a segment before the place where its elements no longer nest correctly, with the elements that
 * are open there closed. A single value that was cut off, or has the end tag of another element, is left out
 * and does not end the part; an element nested more than `depth` deep does.
 */
export function balancedPrefix(segment: string, depth: number): string {
  const open: string[] = [];
  let prefix = '';
  let position = 0;
  /** Where the value being read begins in `prefix`; -1 when the last tag was not an opening one. */
  let value = -1;
  TAG.lastIndex = 0;
  for (let match = TAG.exec(segment); match !== null; match = TAG.exec(segment)) {
    const name = match[2];
    const unended = name === undefined && !match[0].endsWith('>');
    if (unended || open.length > depth) break;
    const piece = segment.slice(position, match.index + match[0].length);
    position = match.index + match[0].length;
    if (name === undefined || match[3] === '/') {
      prefix += piece;
    } else if (match[1] !== '/') {
      value = prefix.length;
      open.push(name);
      prefix += piece;
    } else if (open[open.length - 1] === name) {
      open.pop();
      prefix += piece;
      value = -1;
    } else if (value >= 0 && open.length > 1 && !open.includes(name)) {
      open.pop();
      prefix = prefix.slice(0, value);
      value = -1;
    } else {
      break;
    }
    if (open.length === 0) break;
  }
  if (value >= 0 && open.length > 1) {
    open.pop();
    prefix = prefix.slice(0, value);
  }
  for (const name of open.reverse()) prefix += `</${name}>`;
  return prefix;
}
