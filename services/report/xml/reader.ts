import { type AggregateBuilder, type Likeness, textTooLong } from '../aggregate/builder.ts';
import { type Limits, Refusal } from '../limits.ts';
import { excerpt } from '../text.ts';
import { frameOf, Repeats } from './repeats.ts';
import type { Listener } from './saxes.ts';
import { Scanner } from './scanner.ts';
import type { Step } from './shapes.ts';

/** The document is not well-formed: salvage.ts takes over from `resume`. */
export class NotWellFormed extends Error {
  /** Characters of the decoded document, from its start, up to which all that counts has been read. */
  readonly resume: number;

  constructor(message: string, resume: number) {
    super(message);
    this.name = 'NotWellFormed';
    this.resume = resume;
  }
}

/**
 * The strict streaming reader: text in, element events of one document into a builder. Holds one chunk at a time.
 *
 * Throws NotWellFormed at the first error of form, and a Refusal at a limit or a DOCTYPE. White space before the document is
 * skipped, as is a second byte order mark.
 */
export class XmlReader implements Listener {
  private readonly parser = new Scanner(this);
  private readonly builder: AggregateBuilder;
  private readonly limits: Limits;
  private readonly repeats = new Repeats<Likeness>();
  private depth = 0;
  private attributes = 0;
  /** References seen so far. */
  private references = 0;
  /** Characters since the parser last reported anything: a text, comment or tag that does not end. */
  private silent = 0;
  private heard = false;
  private begun = false;
  /** Characters given to the parser before `chunk`, and skipped before the document began. */
  private fed = 0;
  private skipped = 0;
  private chunk = '';
  private previous = '';
  private recordStart = 0;
  private resume = 0;
  /**
   * An end tag was seen whose element is not closed yet. saxes reports an element as ended before it complains that the end tag was
   * another's, so an element counts as whole only when the next event comes without complaint.
   */
  private pending = false;
  private closedAt = 0;
  private sawStart = false;
  private sawEnd = false;

  constructor(builder: AggregateBuilder, limits: Limits) {
    this.builder = builder;
    this.limits = limits;
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
    this.previous = this.chunk;
    this.chunk = chunk;
    this.heard = false;
    this.parser.write(chunk);
    this.flush();
    this.fed += chunk.length;
    this.silent = this.heard ? 0 : this.silent + chunk.length;
    if (this.silent <= this.limits.textLength) return;
    if (this.inReference()) throw new NotWellFormed('a reference that does not end', this.resume);
    throw textTooLong(this.limits);
  }

  /** saxes takes all that follows an unescaped "&" for the name of an entity, markup too, until a ";" comes. */
  private inReference(): boolean {
    const text = this.previous + this.chunk;
    const start = text.indexOf('&', text.lastIndexOf(';') + 1);
    return start >= 0 && text.indexOf('<', start) >= 0;
  }

  /** The document has ended. */
  end(): void {
    if (!this.begun) throw new NotWellFormed('the document is empty', 0);
    this.previous = this.chunk;
    this.chunk = '';
    this.parser.close();
  }

  /** What follows position `from` of the document, as far as it has been written; null when that is no longer at hand. */
  rest(from: number): string | null {
    const base = this.skipped + this.fed - this.previous.length;
    return from < base ? null : (this.previous + this.chunk).slice(from - base);
  }

  opened(name: string): void {
    if (this.pending) this.flush();
    this.heard = true;
    this.attributes = 0;
    if (++this.depth > this.limits.elementDepth) {
      throw new Refusal('xml_too_deep', `The document nests elements more than ${this.limits.elementDepth} deep.`);
    }
    if (name.length > this.limits.textLength) throw textTooLong(this.limits);
    this.builder.open(name);
    if (!this.sawStart && this.builder.started) {
      this.sawStart = true;
      this.resume = this.skipped + this.parser.position;
    }
  }

  closed(): void {
    if (this.pending) this.flush();
    this.heard = true;
    this.pending = true;
    this.closedAt = this.parser.position;
  }

  repeated(text: string, start: number): number {
    const { repeats, builder } = this;
    const like = repeats.find(text, start);
    if (like === null) return 0;
    if (this.pending) this.flush();
    if (!builder.another(like, repeats.ip, repeats.count)) return 0;
    this.heard = true;
    this.closedAt = this.parser.position + repeats.length;
    this.resume = this.skipped + this.closedAt;
    return repeats.length;
  }

  told(text: string, start: number, end: number, steps: readonly Step[]): void {
    const { repeats } = this;
    if (!repeats.watching) {
      repeats.forget();
      return;
    }
    const frame = frameOf(steps);
    if (frame === null) return;
    // It was told whole, and the tokenizer complains of nothing behind it.
    if (this.pending) this.flush();
    const passing = this.fed > 0;
    const like = this.builder.likeness(passing);
    if (like !== null) repeats.learn(frame, text, start, end, like, passing);
  }

  doctype(): never {
    throw new Refusal(
      'doctype_refused',
      'The document has a DOCTYPE. A report needs none, and what it could declare is a danger.',
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
    this.heard = true;
    if (text.length > this.limits.textLength) throw textTooLong(this.limits);
    this.builder.text(text);
  }

  attribute(length: number): void {
    this.heard = true;
    if (length > this.limits.textLength) throw textTooLong(this.limits);
    if (++this.attributes > this.limits.attributes) {
      throw new Refusal('too_many_attributes', `An element of the document has more than ${this.limits.attributes} attributes.`);
    }
  }

  /** The text between two positions of the parser, as far as it is still at hand. */
  private between(from: number, to: number): string {
    const base = this.fed - this.previous.length;
    const text = this.previous + this.chunk;
    return excerpt(text.slice(Math.max(0, from - base), Math.max(0, to - base)));
  }
}
