import { type AggregateBuilder, textTooLong } from '../aggregate/report-builder.ts';
import { type Limits, Refusal } from '../limits.ts';
import { excerpt } from '../text.ts';
import type { Chunk } from './characters.ts';
import { RecordScanner } from './records.ts';
import type { Listener } from './saxes.ts';
import { Scanner } from './scanner.ts';

/**
 * Characters that stay in memory behind the chunk being read, at least: twice what the scanner leaves for the
 * next chunk.
 */
const KEPT = 8_192;

/** The document is not well-formed: salvage.ts continues from `resume`. */
export class NotWellFormed extends Error {
  /** Characters of the decoded document, from its start, up to which everything that counts has been read. */
  readonly resume: number;

  constructor(message: string, resume: number) {
    super(message);
    this.name = 'NotWellFormed';
    this.resume = resume;
  }
}

/**
 * The strict streaming reader: text in, element events of one document into a builder. Holds one chunk at a
 * time.
 *
 * Throws NotWellFormed at the first error of form, and a Refusal at a limit or a DOCTYPE. White space before
 * the document is skipped, as is a second byte order mark.
 */
export class XmlReader implements Listener {
  private readonly parser = new Scanner(this);
  private readonly builder: AggregateBuilder;
  private readonly limits: Limits;
  private readonly records: RecordScanner;
  private depth = 0;
  private attributes = 0;
  /** References seen so far. */
  private references = 0;
  /** Characters since the parser last reported anything: a text, comment or tag that does not end. */
  private unreported = 0;
  private reported = false;
  private begun = false;
  /** Characters given to the parser before `chunk`, and skipped before the document began. */
  private fed = 0;
  private skipped = 0;
  private chunk = '';
  private previous = '';
  private recordStart = 0;
  private resume = 0;
  /**
   * An end tag was seen whose element is not closed yet. saxes reports an element as ended before it reports
   * that the end tag belongs to another element, so an element counts as whole only once the next event has
   * come without an error.
   */
  private pending = false;
  private closedAt = 0;
  private sawStart = false;
  private sawEnd = false;

  constructor(builder: AggregateBuilder, limits: Limits) {
    this.builder = builder;
    this.limits = limits;
    this.records = new RecordScanner(limits);
    builder.onChildEnd = () => {
      this.resume = this.skipped + this.closedAt;
    };
    builder.onRecordStart = () => {
      this.recordStart = this.parser.position;
    };
    builder.recordText = () => this.between(this.recordStart, this.closedAt);
  }

  /** The next piece of the document. */
  write(text: string): void {
    if (text === '') return;
    let chunk = text;
    if (!this.begun) {
      chunk = text.replace(/^[\s\ufeff]+/, '');
      this.skipped += text.length - chunk.length;
      if (chunk === '') return;
      this.begun = true;
      this.resume = this.skipped;
    }
    for (let i = chunk.indexOf('&'); i >= 0; i = chunk.indexOf('&', i + 1)) this.references++;
    if (this.references > this.limits.references) {
      throw new Refusal('too_many_references', `The document holds more than ${this.limits.references} references.`);
    }
    this.previous = this.recent();
    this.chunk = chunk;
    this.reported = false;
    this.parser.write(chunk);
    this.unreported = this.reported ? 0 : this.unreported + chunk.length;
    const read = this.unreported <= this.limits.textLength || this.parser.release();
    this.flush();
    this.fed += chunk.length;
    if (read) return;
    if (this.inReference()) throw new NotWellFormed('a reference that does not end', this.resume);
    throw textTooLong(this.limits);
  }

  /**
   * saxes takes everything after an unescaped "&" for the name of an entity, markup included, until a ";"
   * follows.
   */
  private inReference(): boolean {
    const text = this.previous + this.chunk;
    const start = text.indexOf('&', text.lastIndexOf(';') + 1);
    return start >= 0 && text.indexOf('<', start) >= 0;
  }

  /** The document has ended. */
  end(): void {
    if (!this.begun) throw new NotWellFormed('the document is empty', 0);
    this.previous = this.recent();
    this.chunk = '';
    this.parser.close();
  }

  /** The chunk read last; where it is a short one, what came before it as well. */
  private recent(): string {
    return this.chunk.length < KEPT ? (this.previous + this.chunk).slice(-KEPT) : this.chunk;
  }

  /**
   * What follows position `from` of the document, as far as it has been written; null when it is no longer in
   * memory.
   */
  rest(from: number): string | null {
    const base = this.skipped + this.fed - this.previous.length;
    return from < base ? null : (this.previous + this.chunk).slice(from - base);
  }

  opened(name: string, xmlns: string | null): void {
    if (this.pending) this.flush();
    this.reported = true;
    this.attributes = 0;
    if (++this.depth > this.limits.elementDepth) {
      throw new Refusal('xml_too_deep', `The document nests elements more than ${this.limits.elementDepth} deep.`);
    }
    if (name.length > this.limits.textLength) throw textTooLong(this.limits);
    this.builder.open(name, xmlns);
    if (!this.sawStart && this.builder.started) {
      this.sawStart = true;
      this.resume = this.skipped + this.parser.position;
    }
  }

  closed(): void {
    if (this.pending) this.flush();
    this.reported = true;
    this.pending = true;
    this.closedAt = this.parser.position;
  }

  mayTake(): boolean {
    if (this.pending) this.flush();
    return this.builder.inFeedback;
  }

  record(chunk: Chunk, start: number): number {
    const { records, builder, parser } = this;
    const end = records.scan(chunk, start, this.depth, builder.scope);
    if (end < 0) return 0;
    const length = end - start;
    this.reported = true;
    this.recordStart = parser.position + records.headEnd - start;
    this.closedAt = parser.position + length;
    if (builder.beginChild(records.what, chunk)) records.report(builder, chunk);
    builder.endChild(records.what);
    this.resume = this.skipped + this.closedAt;
    return length;
  }

  doctype(): never {
    throw new Refusal(
      'doctype_refused',
      'The document has a DOCTYPE. A report needs none, and its declarations would be dangerous.',
    );
  }

  malformed(message: string): never {
    if (message === 'unexpected close tag.') this.pending = false;
    else this.flush();
    throw new NotWellFormed(message, this.resume);
  }

  private flush(): void {
    if (!this.pending) return;
    this.pending = false;
    this.depth--;
    this.builder.close();
    if (this.builder.ended && !this.sawEnd) {
      this.sawEnd = true;
      this.resume = this.skipped + this.closedAt;
    }
  }

  text(text: string): void {
    if (this.pending) this.flush();
    this.reported = true;
    this.builder.text(text);
  }

  attribute(length: number): void {
    this.reported = true;
    if (length > this.limits.textLength) throw textTooLong(this.limits);
    if (++this.attributes > this.limits.attributes) {
      throw new Refusal('too_many_attributes', `An element of the document has more than ${this.limits.attributes} attributes.`);
    }
  }

  /** The text between two positions of the parser, as far as it is still in memory: the end always is. */
  private between(from: number, to: number): string {
    const base = this.fed - this.previous.length;
    const text = this.previous + this.chunk;
    return excerpt(text.slice(Math.max(0, from - base), to - base));
  }
}
