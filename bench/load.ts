import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Random } from '../demo/random.ts';
import type { ReportRow } from '../demo/report.ts';
import { DIALECTS, google } from '../demo/reporters/index.ts';
import { writeReportMail } from '../demo/write.ts';
import { type Make, reportOf } from './makes.ts';

/** The day every report of the load is about: 15 January 2026, UTC, in seconds. */
export const LOAD_DAY = Date.UTC(2026, 0, 15) / 1000;

/**
 * Records a report, as the field shows them: log-normal, median 3, and a deviation that gives 5,000 reports
 * the mean of 23.7.
 */
const MEDIAN_RECORDS = 3;
const SIGMA = 2.039334;

/** The normal distribution's quantile function (Acklam's approximation, relative error below 1.2e-9). */
function normalQuantile(p: number): number {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  const horner = (k: number[], x: number): number => k.reduce((sum, coefficient) => sum * x + coefficient, 0);
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / horner(d, q);
  }
  const q = p - 0.5;
  return (q * horner(a, q * q)) / horner(b, q * q);
}

/**
 * How many records each of `reports` reports has, in a mixed order. The sizes are the distribution's
 * quantiles, not draws from it, so that every seed gives the same total: 118,655 records for 5,000 reports.
 */
export function reportSizes(reports: number, random: Random): number[] {
  const sizes = Array.from({ length: reports }, (_, i) =>
    Math.max(1, Math.round(MEDIAN_RECORDS * Math.exp(SIGMA * normalQuantile((i + 0.5) / reports)))),
  );
  return random.shuffle(sizes);
}

/**
 * Where a domain's mail comes from: `pool` is about the spread of real reports, `random` is harder than they
 * are.
 */
export type Spread = 'pool' | 'random';

/** @throws where the name is of no spread */
export function spreadOf(name: string): Spread {
  if (name === 'pool' || name === 'random') return name;
  throw new Error(`There is no spread of sources "${name}": pool, random.`);
}

/** Networks that send regularly for a domain, and services that do so with bounce domains of their own. */
const POOL = 40;
/** Zipf's exponent: the first network of forty sends a quarter of what the pool does. */
const ZIPF = 1.1;
/**
 * The part of the records that come from anywhere. Fits the rows of rollups a record to the samples
 * (docs/performance.md).
 */
const STRANGERS = 0.1;

const SHARES = Array.from({ length: POOL }, (_, i) => (i + 1) ** -ZIPF);
const TOTAL = SHARES.reduce((sum, share) => sum + share, 0);

/** Draws from a pool as Zipf has it: its first members often, its last ones seldom. */
function zipf(random: Random): number {
  let left = random.next() * TOTAL;
  for (const [i, share] of SHARES.entries()) {
    left -= share;
    if (left < 0) return i;
  }
  return POOL - 1;
}

/** A /24, or the /48 of an IPv6 address, without what comes behind. */
function network(random: Random): string {
  if (random.chance(0.12)) return `2001:db8:${random.int(1, 0xfff).toString(16)}:`;
  return `198.${random.int(18, 19)}.${random.int(0, 255)}.`;
}

/** Who sends in the name of a domain. The same domain and seed give the same, in every report. */
class Senders {
  private readonly networks: string[];
  private readonly services: number[];
  private readonly strangers: number;

  constructor(random: Random, spread: Spread) {
    this.networks = Array.from({ length: POOL }, () => network(random));
    this.services = random.shuffle(Array.from({ length: POOL }, (_, i) => i + 1));
    this.strangers = spread === 'pool' ? STRANGERS : 1;
  }

  address(random: Random): string {
    const prefix = random.chance(this.strangers) ? network(random) : this.networks[zipf(random)]!;
    return prefix.includes(':') ? `${prefix}:${random.int(1, 0xffff).toString(16)}` : `${prefix}${random.int(1, 254)}`;
  }

  service(random: Random): number {
    return this.strangers === 1 ? random.int(1, POOL) : this.services[zipf(random)]!;
  }
}

/** One record: mostly aligned mail, some of it forwarded, some through services, a little forged. */
function row(domain: string, senders: Senders, random: Random): ReportRow {
  const kind = random.next();
  const service = `bounce.service-${senders.service(random)}.example`;
  const [envelope, spf, dkim] =
    kind < 0.55
      ? [domain, 'pass', 'pass']
      : kind < 0.75
        ? [service, 'pass', 'pass']
        : kind < 0.88
          ? [domain, 'fail', 'pass']
          : kind < 0.94
            ? [service, 'pass', 'fail']
            : [domain, random.pick(['fail', 'softfail', 'none']), null];
  const spfAligned = envelope === domain && spf === 'pass';
  return {
    source_ip: senders.address(random),
    count: random.chance(0.7) ? random.int(1, 3) : random.int(4, 400),
    disposition: dkim === 'pass' || spfAligned ? 'none' : 'reject',
    dkim: dkim === 'pass' ? 'pass' : 'fail',
    spf: spfAligned ? 'pass' : 'fail',
    reasons: [],
    header_from: domain,
    envelope_from: envelope as string,
    envelope_to: `recipients-${random.int(1, 9)}.example`,
    auth: {
      dkim: dkim ? [{ domain, selector: random.pick(['s1', 's2', 'k1', 'mail']), result: dkim }] : [],
      spf: { domain: envelope as string, result: spf as string },
    },
  };
}

export interface LoadMail {
  raw: Buffer;
  domain: string;
  records: number;
  /** The sum of the records' counts. */
  messages: number;
}

export interface LoadOptions {
  seed: number;
  mails: number;
  /** Where the mail of a domain comes from, in reports of the demo's dialects. */
  sources?: Spread;
  /** How all reports are written, with random addresses; without: each in its reporter's dialect. */
  make?: Make;
}

/**
 * A day of mail of a provider: `mails` report mails, one report each, for one domain in every five, from all
 * the demo's reporters in their dialects. The same options give the same bytes.
 */
export async function* generateLoad(options: LoadOptions): AsyncGenerator<LoadMail> {
  const { make } = options;
  const root = new Random(`load/${options.seed}`);
  const sizes = reportSizes(options.mails, root.fork('sizes'));
  for (const [i, size] of sizes.entries()) {
    const random = root.fork(String(i));
    // Eight reporters in turn over runs of five: no reporter sends twice for one domain.
    const dialect = DIALECTS[i % DIALECTS.length] as (typeof DIALECTS)[number];
    const domain = `customer-${1 + Math.floor(i / 5)}.example`;
    const range = dialect.range(LOAD_DAY, random);
    const senders = new Senders(root.fork(domain), options.sources ?? 'pool');
    const rows = make ? [] : Array.from({ length: size }, () => row(domain, senders, random));
    const sent = new Date((range.end + random.int(600, 36_000)) * 1000);
    const id = dialect.reportId(random, range, domain);
    const head = { org: dialect.org_name, email: dialect.org_email, id, ...range, domain };
    const made = make && reportOf(make, { records: size, seed: `${options.seed}/${i}`, head });
    const raw = await writeReportMail(
      made ? { ...dialect, xml: () => made.xml.toString() } : dialect,
      { report_id: id, domain, policy: { p: 'reject', sp: null, adkim: 'r', aspf: 'r' }, ...range, rows },
      { to: `dmarc@${domain}`, date: sent, received: sent, random },
    );
    yield { raw, domain, records: size, messages: made?.messages ?? rows.reduce((sum, { count }) => sum + count, 0) };
  }
}

/** A template, not the writer of the demo: a million elements are written here. */
function recordText({ source_ip, count, disposition, dkim, spf, header_from, envelope_from, auth }: ReportRow): string {
  const signatures = auth.dkim.map(
    ({ domain, selector, result }) => `
      <dkim>
        <domain>${domain}</domain>
        <selector>${selector}</selector>
        <result>${result}</result>
      </dkim>`,
  );
  return `  <record>
    <row>
      <source_ip>${source_ip}</source_ip>
      <count>${count}</count>
      <policy_evaluated>
        <disposition>${disposition}</disposition>
        <dkim>${dkim}</dkim>
        <spf>${spf}</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <header_from>${header_from}</header_from>
      <envelope_from>${envelope_from}</envelope_from>
    </identifiers>
    <auth_results>${signatures.join('')}
      <spf>
        <domain>${auth.spf.domain}</domain>
        <scope>mfrom</scope>
        <result>${auth.spf.result}</result>
      </spf>
    </auth_results>
  </record>
`;
}

/**
 * One report of `records` records as gzip, streamed: neither the XML (about 700 bytes a record) nor the
 * archive is ever held whole. The same options give the same XML.
 */
export function largeReport(options: { seed: number; records: number; sources?: Spread }): Readable {
  const random = new Random(`large/${options.seed}`);
  const domain = 'large-sender.example';
  const senders = new Senders(random.fork(domain), options.sources ?? 'pool');
  const skeleton = google.xml({
    report_id: random.digits(20),
    domain,
    policy: { p: 'reject', sp: 'reject', adkim: 'r', aspf: 'r' },
    begin: LOAD_DAY,
    end: LOAD_DAY + 86_399,
    rows: [],
  });
  const close = skeleton.lastIndexOf('</feedback>');
  function* chunks(): Generator<string> {
    yield skeleton.slice(0, close);
    for (let written = 0; written < options.records; written += 500) {
      let text = '';
      for (let i = Math.min(500, options.records - written); i > 0; i--) text += recordText(row(domain, senders, random));
      yield text;
    }
    yield skeleton.slice(close);
  }
  const gzip = createGzip();
  const source = Readable.from(chunks());
  source.on('error', (error) => gzip.destroy(error));
  return source.pipe(gzip);
}
