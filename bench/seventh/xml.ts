import type { Random } from '../../demo/random.ts';
import type { AuthResult, RecordFacts, ReportFacts } from './facts.ts';
import type { Receiver } from './mail.ts';
import { declared } from './markup.ts';

/** An element of a report; a string among its children is markup as it stands. */
interface Element {
  name: string;
  content: string | (Element | string)[];
  /** For people, so that it may have a language. */
  prose?: boolean;
}

const SEQUENCES = ['feedback', 'record', 'policy_evaluated', 'auth_results'];

class Writer {
  private readonly receiver: Receiver;
  private readonly random: Random;

  constructor(receiver: Receiver, random: Random) {
    this.receiver = receiver;
    this.random = random;
  }

  private element(name: string, content: Element['content'], prose = false): Element {
    return { name, content, prose };
  }

  /** No element, or an empty one, where a text is not given. */
  private optional(name: string, value: string | null | undefined, prose = false): Element[] {
    if (value != null) return [this.element(name, value, prose)];
    return this.random.chance(this.receiver.style.empties ?? 0) ? [this.element(name, '')] : [];
  }

  private given(name: string, value: string | null | undefined): Element[] {
    return value == null ? [] : [this.element(name, value)];
  }

  private integer(value: number): string {
    return this.receiver.habits.integer?.(value) ?? String(value);
  }

  private result(name: string, { domain, selector, scope, result, human_result }: AuthResult): Element {
    return this.element(name, [
      this.element('domain', domain),
      ...this.given('selector', selector),
      ...this.given('scope', scope),
      this.element('result', result),
      ...this.optional('human_result', human_result, true),
    ]);
  }

  private record(facts: RecordFacts): Element {
    const { recordEnd } = this.receiver.style;
    const evaluated = [
      this.element('disposition', facts.disposition),
      this.element('dkim', facts.dkim),
      this.element('spf', facts.spf),
      ...facts.reasons.map(({ type, comment }) =>
        this.element('reason', [this.element('type', type), ...this.optional('comment', comment, true)]),
      ),
    ];
    const identifiers = [
      this.element('header_from', facts.header_from),
      ...this.optional('envelope_from', facts.envelope_from),
      ...this.optional('envelope_to', facts.envelope_to),
    ];
    return this.element('record', [
      this.element('row', [
        this.element('source_ip', facts.source_ip),
        this.element('count', this.integer(facts.count)),
        this.element('policy_evaluated', evaluated),
      ]),
      this.element('identifiers', identifiers),
      this.element('auth_results', [
        ...facts.auth.dkim.map((one) => this.result('dkim', one)),
        ...facts.auth.spf.map((one) => this.result('spf', one)),
      ]),
      ...(recordEnd ? [recordEnd(this.random)] : []),
    ]);
  }

  private tree({ policy, ...report }: ReportFacts): Element {
    const { org, email, style, habits } = this.receiver;
    const { begin, end } = report;
    const metadata = this.element('report_metadata', [
      this.element('org_name', org),
      this.element('email', email),
      ...this.optional('extra_contact_info', report.contact, true),
      this.element('report_id', report.report_id),
      this.element('date_range', [this.element('begin', this.integer(begin)), this.element('end', this.integer(end))]),
      ...report.errors.map((error) => this.element('error', error, true)),
      ...this.given('generator', report.generator),
    ]);
    const published = this.element(
      'policy_published',
      Object.entries(policy).map(([name, value]) => this.element(name, value)),
    );
    const records = report.records.map((record) => this.record(record));
    const version = this.random.chance(habits.optional) ? [this.element('version', this.random.pick(['1.0', '1']))] : [];
    const extension = style.extension ? [this.element('extension', [style.extension(this.random)])] : [];
    const head = [...version, metadata, published, ...extension];
    if (style.order === 'records-first') return this.element('feedback', [...records, ...this.random.shuffle(head)]);
    const first = style.order === 'any' ? this.random.shuffle(head) : head;
    return this.element('feedback', [...first, ...records]);
  }

  /** The children in another order, but those of one name in theirs. */
  private mixed(name: string, children: (Element | string)[]): (Element | string)[] {
    const { order } = this.receiver.style;
    if (name === 'feedback' || order === 'schema' || (order === 'all' && SEQUENCES.includes(name))) return children;
    const nameOf = (child: Element | string) => (typeof child === 'string' ? '' : child.name);
    const left = [...children];
    const next = (one: string) =>
      left.splice(
        left.findIndex((child) => nameOf(child) === one),
        1,
      )[0]!;
    return this.random.shuffle(children.map(nameOf)).map(next);
  }

  private write({ name, content, prose }: Element, depth: number): string {
    const { style } = this.receiver;
    const tag = style.prefix ? `${style.prefix}:${name}` : name;
    const language = prose && style.language && this.random.chance(0.5) ? ` lang="${style.language}"` : '';
    const attributes = `${name === 'feedback' ? (style.root ?? '') : ''}${language}${style.attributes?.(name, this.random) ?? ''}`;
    if (content.length === 0) return this.random.chance(0.5) ? `<${tag}${attributes}/>` : `<${tag}${attributes}></${tag}>`;
    const close = `</${tag}${style.attributes && this.random.chance(0.2) ? '\n' : ''}>`;
    if (typeof content === 'string') return `<${tag}${attributes}>${style.text(content, this.random)}${close}`;
    const line = style.indent === null ? '' : `\n${style.indent.repeat(depth + 1)}`;
    const end = style.indent === null ? '' : `\n${style.indent.repeat(depth)}`;
    let inner = '';
    for (const child of this.mixed(name, content)) {
      if (style.between && this.random.chance(0.08)) inner += line + style.between(this.random);
      inner += line + (typeof child === 'string' ? child : this.write(child, depth + 1));
    }
    return `<${tag}${attributes}>${inner}${end}${close}`;
  }

  document(report: ReportFacts): Buffer {
    const { charset, mark, eol, prolog = declared(charset), epilog = '' } = this.receiver.style;
    const xml = `${prolog}${this.write(this.tree(report), 0)}${epilog}`;
    return encode(`${mark ? '\ufeff' : ''}${xml.replaceAll('\n', eol)}`, charset);
  }
}

export function writeXml(receiver: Receiver, report: ReportFacts, random: Random): Buffer {
  return new Writer(receiver, random).document(report);
}

const TABLES = new Map<string, Map<string, number[]>>();

/** The characters outside ASCII that an encoding has in one or two bytes, as its decoder reads them. */
function tableOf(charset: string): Map<string, number[]> {
  const known = TABLES.get(charset);
  if (known) return known;
  const table = new Map<string, number[]>();
  const decoder = new TextDecoder(charset);
  const add = (bytes: number[]) => {
    const text = decoder.decode(Uint8Array.from(bytes));
    if ([...text].length === 1 && text > '\u009f' && text !== '\ufffd' && !table.has(text)) table.set(text, bytes);
  };
  // The standard's decoder of ISO 8859-1 is that of windows-1252, which has letters where the former has
  // controls.
  const first = charset === 'iso-8859-1' ? 0xa0 : 0x80;
  for (let high = first; charset !== 'us-ascii' && high < 0x100; high++) add([high]);
  if (charset === 'shift_jis') for (let i = 0x8140; i < 0xfcfd; i++) if ((i & 0xff) > 0x3f) add([i >> 8, i & 0xff]);
  TABLES.set(charset, table);
  return table;
}

/** The bytes of a text; what the encoding lacks is written as a character reference. */
function encode(xml: string, named: string): Buffer {
  const charset = named.toLowerCase();
  if (charset === 'utf-8') return Buffer.from(xml);
  if (charset === 'utf-16le') return Buffer.from(xml, 'utf16le');
  if (charset === 'utf-16be') return Buffer.from(xml, 'utf16le').swap16();
  const table = tableOf(charset);
  const bytes: string[] = [];
  for (const [run] of xml.matchAll(/[\0-\x7f]+|[^\0-\x7f]/gu)) {
    const found = run < '\x80' ? null : table.get(run);
    if (found) bytes.push(String.fromCharCode(...found));
    else bytes.push(run < '\x80' ? run : `&#${run.codePointAt(0)};`);
  }
  return Buffer.from(bytes.join(''), 'latin1');
}
