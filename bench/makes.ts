import { Random } from '../demo/random.ts';
import { escapeXml } from '../demo/xml.ts';
import { readMessage } from '../services/report/read-mail.ts';
import { RecordLines } from '../services/store/reports/record-lines.ts';
import type { StageInput } from './input.ts';
import { type Measure, measure } from './measure.ts';

/** How the reports of one reporter are written. */
export interface Make {
  /** White space before a child, by depth. */
  indent: (depth: number) => string;
  prefix: string;
  /** Signatures a record, at most; the least is 2, or this where it is less. */
  signatures: number;
  /** How often an optional element is there, from 0 to 1. */
  optional: number;
  /** Children of a record come in another order. */
  shuffled: boolean;
  /** How often a value is written in a way that other writers leave out: attributes, CDATA, a comment. */
  odd: number;
}

const lines = (space: string) => (depth: number) => `\n${space.repeat(depth)}`;
const PLAIN: Make = { indent: lines('  '), prefix: '', signatures: 1, optional: 1, shuffled: false, odd: 0 };

/**
 * Reports of different make, all of them with random addresses, names and values: what a reader that
 * remembers earlier records cannot know beforehand.
 */
export const MAKES: Record<string, Make> = {
  plain: PLAIN,
  varied: { ...PLAIN, signatures: 6, optional: 0.5, shuffled: true },
  minified: { ...PLAIN, indent: () => '', signatures: 6, optional: 0.5 },
  crlf: { ...PLAIN, indent: (depth) => `\r\n${'\t'.repeat(depth)}`, signatures: 3, optional: 0.7, shuffled: true },
  prefixed: { ...PLAIN, prefix: 'ns0:', signatures: 4, optional: 0.6 },
  odd: { ...PLAIN, signatures: 3, optional: 0.6, odd: 0.01 },
};

type Node = [name: string, content: string | Node[]];

function address(random: Random): string {
  const group = () => random.int(1, 0xffff).toString(16);
  if (random.chance(0.2)) return `2001:db8:${group()}:${group()}::${group()}`;
  return `${random.int(1, 223)}.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
}

function domain(random: Random, own: string): string {
  const n = random.int(1, 3_000);
  return random.pick([own, `news.${own}`, `bounce-${n}.mail.example`, `u${n}.service.example`, `a&amp;${n}.example`]);
}

/** One record on mail of `own`, as a tree. */
function recordOf(make: Make, { random, own, count }: { random: Random; own: string; count: number }): Node {
  const some = (nodes: Node[]): Node[] => nodes.filter(() => random.chance(make.optional));
  const result = random.pick(['pass', 'fail', 'neutral', 'softfail']);
  const reason: Node = [
    'reason',
    [['type', random.pick(['forwarded', 'local_policy'])], ...some([['comment', 'arc=pass &lt;x&gt;']])],
  ];
  const evaluated: Node[] = [
    ['disposition', random.pick(['none', 'quarantine', 'reject'])],
    ['dkim', result],
    ['spf', result],
    ...(random.chance(0.2) ? [reason] : []),
  ];
  const signatures = Array.from(
    { length: random.int(Math.min(2, make.signatures), make.signatures) },
    (): Node => [
      'dkim',
      [
        ['domain', domain(random, own)],
        ...some([['selector', `s${random.int(1, 40)}`]]),
        ['result', result],
        ...some([['human_result', 'body hash did not verify']]),
      ],
    ],
  );
  const spf: Node = ['spf', [['domain', domain(random, own)], ...some([['scope', 'mfrom']]), ['result', result]]];
  const parts: Node[] = [
    [
      'row',
      [
        ['source_ip', address(random)],
        ['count', String(count)],
        ['policy_evaluated', evaluated],
      ],
    ],
    [
      'identifiers',
      [
        ...some([
          ['envelope_to', domain(random, own)],
          ['envelope_from', domain(random, own)],
        ]),
        ['header_from', own],
      ],
    ],
    ['auth_results', [...signatures, spf]],
  ];
  return ['record', make.shuffled ? random.shuffle(parts) : parts];
}

function write([name, content]: Node, depth: number, make: Make, random: Random): string {
  const gap = make.indent(depth);
  const tag = make.prefix + name;
  if (typeof content !== 'string') {
    const inner = content.map((child) => write(child, depth + 1, make, random)).join('');
    return `${gap}<${tag}>${inner}${gap}</${tag}>`;
  }
  if (!random.chance(make.odd)) return `${gap}<${tag}>${content}</${tag}>`;
  return random.pick([
    `${gap}<${tag} type="text">${content}</${tag}>`,
    `${gap}<!-- ${name} -->${gap}<${tag}>${content}</${tag}>`,
    `${gap}<${tag}><![CDATA[${content.replaceAll('&', '+')}]]></${tag}>`,
  ]);
}

/** What a report says of itself. */
export interface ReportHead {
  org: string;
  email: string;
  id: string;
  /** The day, in seconds since the epoch. */
  begin: number;
  end: number;
  domain: string;
}

const HEAD: ReportHead = {
  org: 'receiver.example',
  email: 'dmarc@receiver.example',
  id: 'made',
  begin: 1_768_435_200,
  end: 1_768_521_599,
  domain: 'example.com',
};

/** A report of this make, and the sum of its counts. The same seed gives the same bytes. */
export function reportOf(
  make: Make,
  { records, seed, head = HEAD }: { records: number; seed: string; head?: ReportHead },
): { xml: Buffer; messages: number } {
  const random = new Random(seed);
  const { org, email, id, begin, end, domain: own } = head;
  const range: Node[] = [
    ['begin', String(begin)],
    ['end', String(end)],
  ];
  const metadata: Node[] = [
    ['org_name', escapeXml(org)],
    ['email', escapeXml(email)],
    ['report_id', escapeXml(id)],
    ['date_range', range],
  ];
  const policy: Node[] = [
    ['domain', own],
    ['p', 'reject'],
  ];
  const root = `${make.prefix}feedback`;
  const binding = make.prefix === '' ? '' : ` xmlns:${make.prefix.slice(0, -1)}="urn:ietf:params:xml:ns:dmarc-2.0"`;
  const parts = [`<?xml version="1.0" encoding="UTF-8"?>`, `${make.indent(0)}<${root}${binding}>`];
  for (const node of [
    ['report_metadata', metadata],
    ['policy_published', policy],
  ] satisfies Node[])
    parts.push(write(node, 1, { ...make, odd: 0 }, random));
  let messages = 0;
  for (let n = 0; n < records; n++) {
    const count = random.int(1, 5_000);
    messages += count;
    parts.push(write(recordOf(make, { random, own, count }), 1, make, random));
  }
  parts.push(`${make.indent(0)}</${root}>\n`);
  return { xml: Buffer.from(parts.join('')), messages };
}

async function readReport(bytes: Buffer): Promise<number> {
  let records = 0;
  const sink = new RecordLines();
  for await (const event of readMessage(bytes, { sink })) {
    sink.drop();
    if (event.type === 'report') records += event.report.records;
    else if ('problem' in event) throw new Error(`The report was not read: ${event.problem.message}`);
  }
  return records;
}

/**
 * The reader over one report of each make to the lines of COPY, on one core, after one of a tenth: a service
 * reads all day.
 */
export async function makesRead(stage: string, { records = 30_000 }: StageInput): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const [name, make] of Object.entries(MAKES)) {
    await readReport(reportOf(make, { records: Math.ceil(records / 10), seed: 'first' }).xml);
    const { xml: bytes } = reportOf(make, { records, seed: name });
    const work = async () => ({ mails: 1, reports: 1, records: await readReport(bytes), bytes: bytes.length });
    measures.push(await measure(`${stage}_${name}`, null, work));
  }
  return measures;
}
